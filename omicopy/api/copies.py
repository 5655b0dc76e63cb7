"""Copying images from one account to others, and exporting them alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from omicopy.api.connection import ConnectionOptions, Duration, check_lists, connect, duration
from omicopy.api.run_prepared import Watch, no_progress, run_prepared
from omicopy.cloud.clients import Clients
from omicopy.cloud.queries import find_images
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.boot import check_boot
from omicopy.model.choices import BootMode, DiskFormat, IfExists
from omicopy.model.image_settings import ImageSettings, check_account_id, check_tag
from omicopy.model.request import CopyRequest, check_accounts, check_distinct
from omicopy.model.result import CopyResults
from omicopy.model.urls.presigned_url import LONGEST_VALIDITY
from omicopy.model.urls.validity import check_validity
from omicopy.plans.build_request import CopyOptions, ExportOptions, TargetOptions, copy_request, export_request
from omicopy.plans.conflicts import merge_duplicates
from omicopy.reconcile.run import RunOptions


def copy(
    images: Sequence[str],
    *,
    source: str,
    targets: Sequence[str],
    bucket: str,
    storage: str | None = None,
    prefix: str = "",
    name: str = "{name}",
    description: str | None = None,
    disk_format: DiskFormat | None = None,
    if_exists: IfExists = IfExists.FAIL,
    tags: Mapping[str, str] | None = None,
    copy_tags: bool = True,
    share_with: Sequence[str] = (),
    boot_modes: Sequence[BootMode] = (),
    tpm: bool | None = None,
    cleanup: bool = False,
    re_export: bool = False,
    create_bucket: bool = False,
    min_validity: Duration | None = None,
    options: RunOptions | None = None,
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
    watch: Watch = no_progress,
) -> CopyResults:
    """Copies images (IDs or exact names) of the profile `source` to each of `targets`; safe to repeat.

    Returns one result an image and target; what fails is a result, too. Raises USAGE, CONFIGURATION, NOT_FOUND,
    DENIED or a ServiceError for what keeps every copy from being begun, and Interrupted, which tells how each stands.

    `name` is a template with {name}, {date}, {region} and {image_id}; `description` None keeps the source's, and so do
    no `boot_modes` and `tpm` None. `disk_format` None takes an export that is there in any, else makes one in qcow2.
    `create_bucket` lets the service make a bucket that is not there. `storage` (`PROFILE`, `aws:NAME`, `none`) is whose
    key opens the source's bucket, else its own. `min_validity` is for how long every URL must work, else the import
    budget. `clients` have their own connection.

        results = copy(["golden"], source="eu", targets=["us"], bucket="omi-exports")
    """
    check_lists(share_with=share_with, boot_modes=boot_modes)
    options = (options or RunOptions()).begun()
    images, targets = _several(images, "images"), list(dict.fromkeys(_several(targets, "targets")))
    validity = min(options.budgets.import_, LONGEST_VALIDITY)
    if min_validity is not None:
        validity = duration("min_validity", min_validity, check_validity)
    export_options = ExportOptions(bucket, prefix, disk_format, re_export, create_bucket)
    settings, boot = settings_of(tags, copy_tags, share_with), check_boot(boot_modes, tpm)
    target = TargetOptions(name, description, if_exists, settings, boot)
    wanted = CopyOptions(export_options, target, validity, cleanup)
    known = clients or connect(source, *targets, storage={source: storage}, connection=connection)
    return run_prepared(known, lambda: copy_requests(known, images, source, targets, wanted), options, watch)


def export(
    images: Sequence[str],
    *,
    source: str,
    bucket: str,
    storage: str | None = None,
    prefix: str = "",
    disk_format: DiskFormat | None = None,
    re_export: bool = False,
    create_bucket: bool = False,
    options: RunOptions | None = None,
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
    watch: Watch = no_progress,
) -> CopyResults:
    """Exports images (IDs or exact names) of the profile `source` to its bucket; safe to repeat.

    Returns one result an image, whose `manifest` is the `s3://` location. Raises as `copy` does; the arguments mean the
    same.

        [result] = export(["golden"], source="eu", bucket="omi-exports")
    """
    options = (options or RunOptions()).begun()
    images, wanted = _several(images, "images"), ExportOptions(bucket, prefix, disk_format, re_export, create_bucket)
    known = clients or connect(source, storage={source: storage}, connection=connection)
    return run_prepared(known, lambda: export_requests(known, images, source, wanted), options, watch)


def copy_requests(
    clients: Clients, images: Sequence[str], source: str, targets: Sequence[str], options: CopyOptions
) -> list[CopyRequest]:
    """One request an image and target. Reads both accounts; raises what keeps any of them from being asked for."""
    session = clients.session(source)
    account, to = session.ref, [clients.session(target).ref for target in targets]
    for target in to:
        check_accounts(account, target)
    check_distinct(to, "Name each account once with --to.")
    found = find_images(session, images)
    requests = [copy_request(account, image, target, options) for image in found for target in to]
    agreed, conflicts = merge_duplicates(requests)
    if conflicts:
        raise conflicts[0].error
    return agreed


def export_requests(clients: Clients, images: Sequence[str], source: str, options: ExportOptions) -> list[CopyRequest]:
    """One request an image, without a target. Raises as `copy_requests` does."""
    session = clients.session(source)
    return [export_request(session.ref, image, options) for image in find_images(session, images)]


def settings_of(tags: Mapping[str, str] | None, copy_tags: bool, share_with: Sequence[str]) -> ImageSettings:
    """Returns the settings of a copy. Raises USAGE for invalid ones."""
    pairs = dict(check_tag(key, value) for key, value in (tags or {}).items())
    return ImageSettings(pairs, copy_tags, tuple(dict.fromkeys(check_account_id(account) for account in share_with)))


def _several(values: Sequence[str], what: str) -> Sequence[str]:
    """The values. Raises USAGE for none, and for one text."""
    check_lists(**{what: values})
    if not values:
        raise OmicopyError(ErrorCode.USAGE, f"{what} must be a list with something in it", f"Write {what}=[…].")
    return values
