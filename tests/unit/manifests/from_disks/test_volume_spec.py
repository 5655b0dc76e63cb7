"""Volumes as they are written on the command line."""

from __future__ import annotations

import pytest

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.from_disks.volume_spec import VolumeSpec, check_volumes, parse_volume
from omicopy.model.units import GIB


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("/dev/sda1=disk.gz", VolumeSpec("/dev/sda1", "disk.gz")),
        ("/dev/sdb=a/b c,d=e.gz", VolumeSpec("/dev/sdb", "a/b c,d=e.gz")),
        ("/dev/xvdca=d,iops=500,type=io1,size=1GiB", VolumeSpec("/dev/xvdca", "d", GIB, "io1", 500)),
        ("/dev/sdb=d,type=gp2", VolumeSpec("/dev/sdb", "d", None, "gp2")),
    ],
)
def test_a_volume_is_read(text: str, volume: VolumeSpec) -> None:
    assert parse_volume(text) == volume


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a device"),
        ("disk.gz", "is not a device"),
        ("/dev/sda=disk", "is not a device"),
        ("/dev/sda1", "the object is missing"),
        ("/dev/sda1=,size=1GiB", "the object is missing"),
        ("/dev/sda1=d,size=big", "not a disk size"),
        ("/dev/sda1=d,size=1,size=2", "twice"),
        ("/dev/sda1=d,type=fast", "is not a volume type"),
        ("/dev/sda1=d,type=io1", "iops=N"),
        ("/dev/sda1=d,iops=5", "iops=N"),
        ("/dev/sda1=d,type=io1,iops=0", "is not a number of IOPS"),
    ],
)
def test_anything_else_is_no_volume_and_says_why(text: str, reason: str) -> None:
    with pytest.raises(OmicopyError, match=reason) as caught:
        parse_volume(text)
    assert caught.value.code is ErrorCode.USAGE


@pytest.mark.parametrize(
    ("devices", "reason"),
    [
        (["/dev/sdb"], "No volume has the device /dev/sda1"),
        (["/dev/sda1", "/dev/sda1"], "Two volumes have the device /dev/sda1"),
    ],
)
def test_one_volume_is_the_root_and_no_device_has_two(devices: list[str], reason: str) -> None:
    with pytest.raises(OmicopyError, match=reason):
        check_volumes([VolumeSpec(device, "d") for device in devices])
