"""The images that each Region has at the start. Their IDs are fixed, so that examples and tests can name them.

`eu-west-2`, account `source`:
- ami-00000001 `golden-linux`: one volume
- ami-00000002 `golden-three`: three volumes
- ami-00000003 `golden-windows`: product code 0002
- ami-00000004 `still-pending`, ami-00000005 `failed-image`
- ami-00000006 and ami-00000007: two images named `twin`, from the time before names had to be unique
- ami-00000008 `golden-uefi`: boots with `uefi` only and requires a TPM

`eu-west-2`, account `source-other`: ami-00000011 `shared-linux`, shared with `source`; ami-00000012 `public-linux`;
ami-00000013 `private-linux`, which `source` can't see.

`us-east-2`: ami-00000021 `resident` of `target`; ami-00000031 `shared-linux` of `target-other`, shared with `target`;
ami-00000032 `public-linux` of `target-other`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from omicopy.sandbox.model.region_state import Device, Omi, OmiState, RegionState, Snapshot
from omicopy.sandbox.model.settings import SOURCE_REGION, SandboxAccount

FIRST_DAY = datetime(2025, 1, 15, 9, 30, tzinfo=UTC)


def add_fixtures(region: RegionState) -> None:
    """Puts the images and snapshots of the start into a new Region."""
    accounts = {account.profile: account for account in region.accounts.values()}
    if region.name == SOURCE_REGION:
        _add_source(region, accounts["source"], accounts["source-other"])
    else:
        _add_target(region, accounts["target"], accounts["target-other"])
    region.forget_history()


def _add_source(region: RegionState, own: SandboxAccount, other: SandboxAccount) -> None:
    linux = _image(region, 1, own, "golden-linux", 10)
    _put(region, replace(linux, launch_accounts=(other.account_id,), tags=(("env", "prod"), ("team", "images"))))
    _put(region, _three_volumes(region, _image(region, 2, own, "golden-three", 10)))
    _put(region, replace(_image(region, 3, own, "golden-windows", 50), product_codes=("0001", "0002")))
    _put(region, replace(_image(region, 4, own, "still-pending", 10), state=OmiState.PENDING))
    failed = _image(region, 5, own, "failed-image", 10)
    failed = replace(failed, state_code="internal-error", state_message="The image could not be created.")
    _put(region, replace(failed, state=OmiState.FAILED))
    _put(region, _image(region, 6, own, "twin", 10))
    _put(region, _image(region, 7, own, "twin", 20))
    _put(region, replace(_image(region, 8, own, "golden-uefi", 10), boot_modes=("uefi",), tpm_mandatory=True))
    _put(region, replace(_image(region, 0x11, other, "shared-linux", 10), launch_accounts=(own.account_id,)))
    _put(region, replace(_image(region, 0x12, other, "public-linux", 10), public=True))
    _put(region, _image(region, 0x13, other, "private-linux", 10))


def _add_target(region: RegionState, own: SandboxAccount, other: SandboxAccount) -> None:
    _put(region, _image(region, 0x21, own, "resident", 10))
    _put(region, replace(_image(region, 0x31, other, "shared-linux", 10), launch_accounts=(own.account_id,)))
    _put(region, replace(_image(region, 0x32, other, "public-linux", 10), public=True))


def _image(region: RegionState, number: int, account: SandboxAccount, name: str, size_gib: int) -> Omi:
    snapshot = _snapshot(region, number, 0, account, size_gib)
    return Omi(
        image_id=f"ami-{number:08x}",
        account_id=account.account_id,
        name=name,
        created=FIRST_DAY + timedelta(days=number),
        description=f"The image {name}",
        devices=(Device("/dev/sda1", snapshot.snapshot_id, size_gib),),
        file_location=f"{account.account_id}/{name}",
    )


def _three_volumes(region: RegionState, image: Omi) -> Omi:
    account = region.accounts[image.account_id]
    fast = _snapshot(region, 2, 1, account, 20)
    large = _snapshot(region, 2, 2, account, 4)
    more = (
        Device("/dev/sdb", fast.snapshot_id, 20, "io1", 500),
        Device("/dev/xvdc", large.snapshot_id, 4, "gp2", delete_on_vm_deletion=False),
    )
    return replace(image, devices=image.devices + more)


def _snapshot(region: RegionState, image: int, volume: int, account: SandboxAccount, size_gib: int) -> Snapshot:
    number = image * 16 + volume
    made = Snapshot(
        f"snap-{number:08x}",
        account.account_id,
        size_gib,
        FIRST_DAY + timedelta(days=image),
        f"Volume {volume + 1} of image {image}",
        volume_id=f"vol-{number:08x}",
    )
    return region.snapshots.put(made.snapshot_id, made)


def _put(region: RegionState, image: Omi) -> None:
    region.images.put(image.image_id, image)
