"""Boot settings: which are asked for, and what counts as a difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from omicopy.cloud.errors import Answer, refused
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.boot import Boot, boot_differences, boot_parameters, check_boot
from omicopy.model.image import Image
from omicopy.model.verification import differences, flaws, image_properties, manifest_properties
from tests.support.boot_settings import BOTH, BY_UEFI, LEGACY, UEFI
from tests.support.builders import image, import_request, manifest, signed


@pytest.mark.parametrize(
    ("asked", "source", "parameters"),
    [
        (Boot(), Boot(), {}),
        (Boot(), Boot(LEGACY, False), {}),
        (Boot(), Boot(UEFI, True), BY_UEFI),
        (Boot(), Boot(UEFI), {"BootModes": ["uefi"]}),
        (Boot(), Boot(BOTH, False), {"BootModes": ["legacy", "uefi"]}),
        (Boot(), Boot(LEGACY, True), {"TpmMandatory": True}),
        (Boot(), Boot(frozenset({"newer"}), None), {"BootModes": ["newer"]}),
        (Boot(LEGACY, False), Boot(), {"BootModes": ["legacy"], "TpmMandatory": False}),
        (Boot(LEGACY), Boot(UEFI, True), {"BootModes": ["legacy"], "TpmMandatory": True}),
        (Boot(tpm=False), Boot(UEFI, True), {"BootModes": ["uefi"], "TpmMandatory": False}),
        (Boot(UEFI), Boot(LEGACY, False), {"BootModes": ["uefi"]}),
    ],
)
def test_boot_parameters_are_the_users_or_the_sources(asked: Boot, source: Boot, parameters: Mapping[str, Any]) -> None:
    """Of the source's, only what not every image has."""
    assert boot_parameters(asked, source) == parameters


def test_an_unknown_boot_mode_is_refused() -> None:
    assert check_boot(["uefi", "uefi"], None) == Boot(UEFI)
    assert check_boot((), True) == Boot(None, True)
    for wrong in (["bios"], "uefi", [""]):
        with pytest.raises(OmicopyError) as caught:
            check_boot(wrong, None)
        assert caught.value.code is ErrorCode.USAGE


@pytest.mark.parametrize(
    ("wanted", "copy", "message"),
    [
        (Boot(UEFI, True), Boot(UEFI, True), []),
        (Boot(UEFI, True), Boot(), []),
        (Boot(), Boot(UEFI, True), []),
        (Boot(UEFI), Boot(LEGACY, True), ["boot modes legacy instead of uefi"]),
        (Boot(BOTH), Boot(LEGACY), ["boot modes legacy instead of legacy, uefi"]),
        (Boot(UEFI, True), Boot(UEFI, False), ["TPM not mandatory instead of mandatory"]),
        (Boot(None, False), Boot(UEFI, True), ["TPM mandatory instead of not mandatory"]),
    ],
)
def test_a_boot_mode_that_one_side_lacks_is_no_difference(wanted: Boot, copy: Boot, message: list[str]) -> None:
    """The same holds for the TPM."""
    assert boot_differences(wanted, copy) == message


def with_disk(**bsu: Any) -> Image:
    return image(BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Bsu": bsu}])


@pytest.mark.parametrize(
    ("source", "copy", "message"),
    [
        ({"VolumeType": "gp2"}, {"VolumeType": "standard"}, ["/dev/sda1 has type standard instead of gp2"]),
        ({"VolumeType": "gp2"}, {}, []),
        ({}, {"VolumeType": "standard"}, []),
        ({"VolumeType": "io1", "Iops": 9}, {"VolumeType": "io1", "Iops": 8}, ["/dev/sda1 has 8 IOPS instead of 9"]),
        ({"VolumeType": "io1", "Iops": 500}, {"VolumeType": "io1"}, []),
        ({"VolumeType": "io1", "Iops": 9}, {"Iops": 8}, ["/dev/sda1 has 8 IOPS instead of 9"]),
        ({"VolumeType": "gp2", "Iops": 100}, {"VolumeType": "gp2", "Iops": 300}, []),
        ({"VolumeType": "io1", "Iops": 9}, {"VolumeType": "gp2", "Iops": 8}, ["/dev/sda1 has type gp2 instead of io1"]),
        ({"DeleteOnVmDeletion": True}, {"DeleteOnVmDeletion": False}, ["/dev/sda1 is kept when its VM is deleted"]),
        ({"DeleteOnVmDeletion": False}, {"DeleteOnVmDeletion": True}, ["/dev/sda1 is deleted with its VM"]),
        ({"DeleteOnVmDeletion": False}, {}, []),
        ({"DeleteOnVmDeletion": "false", "Iops": "9"}, {"DeleteOnVmDeletion": True}, []),
    ],
)  # fmt: skip
def test_volumes_are_compared_by_type_iops_and_deletion(
    source: dict[str, Any], copy: dict[str, Any], message: list[str]
) -> None:
    """Deletion: whether they are deleted with their VM."""
    assert differences(image_properties(with_disk(**source)), image_properties(with_disk(**copy))) == message


def test_a_shared_manifests_boot_settings_count() -> None:
    entry = {"Device": "/dev/sda1", "Size": 10 * 2**30, "PreSignedUrl": signed("a", None)}
    parts = manifest(Snapshots=[entry | {"VolumeType": "io1", "Iops": 500, "DeleteOnTermination": False}])
    there = with_disk(VolumeSize=10, VolumeType="io1", Iops=400, DeleteOnVmDeletion=True)
    assert differences(manifest_properties(parts), image_properties(there)) == [
        "/dev/sda1 has 400 IOPS instead of 500",
        "/dev/sda1 is deleted with its VM",
    ]
    assert differences(manifest_properties(manifest(Snapshots=[entry])), image_properties(there)) == []
    asked = import_request()
    assert asked.target
    assert flaws(asked, image(**BY_UEFI)) == []
    wanted = replace(asked, target=replace(asked.target, boot=Boot(LEGACY, False)))
    assert flaws(wanted, image(**BY_UEFI)) == [
        "boot modes uefi instead of legacy",
        "TPM mandatory instead of not mandatory",
    ]


@pytest.mark.parametrize(
    ("code", "details", "names"),
    [
        ("3002", "FileLocation can't be combined with BootModes or TpmMandatory.", {"BootModes", "TpmMandatory"}),
        ("3001", "Unknown parameter in this request: 'TpmMandatory'.", {"TpmMandatory"}),
        ("3001", "Unknown parameter in this request: 'VmId'.", set()),
        ("3002", "Parameters that exclude each other.", set()),
        ("3001", "SecureBootModes", set()),
        ("4045", "BootModes", set()),
        ("", "BootModes", set()),
    ],
)
def test_r1_only_the_refused_parameters_are_left_out(code: str, details: str, names: set[str]) -> None:
    error = refused("CreateImage", "target", Answer(400, code, "InvalidParameter", details))
    assert error.refused_parameters(("BootModes", "TpmMandatory")) == names
    assert error.refused_parameters(()) == frozenset()
