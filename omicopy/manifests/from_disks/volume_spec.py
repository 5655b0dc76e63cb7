"""Parses the value of --volume: `/dev/sda1=disk.qcow2.gz,size=10GiB,type=io1,iops=500`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.model.text import check_text
from omicopy.model.units import parse_size

ROOT_DEVICE = "/dev/sda1"
_DEVICE = re.compile(r"/dev/(?:sda1|(?:sd|xvd)[b-z][a-z]?)")
_OPTION = re.compile(r"(.*),(size|type|iops)=([^,]*)", re.DOTALL)
_TYPES = ("standard", "gp2", "io1")
_HINT = "Write DEVICE=OBJECT[,size=10GiB][,type=standard|gp2|io1][,iops=N], for example /dev/sda1=disk.qcow2.gz."


@dataclass(frozen=True, slots=True)
class VolumeSpec:
    """One volume as the user gave it. `size_bytes` None: read it from the object. `iops` is only for `io1`."""

    device: str
    object_name: str
    """A key under the prefix, or the whole key."""
    size_bytes: int | None = None
    volume_type: str = "standard"
    iops: int | None = None


def parse_volume(text: str) -> VolumeSpec:
    """Parses one volume. The object's key may contain commas and equals signs. Raises USAGE."""
    device, _, rest = check_text(text).partition("=")
    options: dict[str, str] = {}
    # Options are cut off from the end, as the key may contain commas.
    while found := _OPTION.fullmatch(rest):
        rest, name, value = found.groups()
        if name in options:
            raise _refusal(text, f"{name} is given twice")
        options[name] = value
    if not _DEVICE.fullmatch(device):
        raise _refusal(
            text, f"{device!r} is not a device: the first is {ROOT_DEVICE}, others are /dev/sdb or /dev/xvdb"
        )
    if not rest:
        raise _refusal(text, "the object is missing")
    with named(ascii(text)):
        size = parse_size(options["size"]) if "size" in options else None
    volume_type = options.get("type", "standard")
    if volume_type not in _TYPES:
        raise _refusal(text, f"{volume_type!r} is not a volume type")
    return VolumeSpec(device, rest, size, volume_type, _iops(text, volume_type, options.get("iops")))


def check_volumes(volumes: Sequence[VolumeSpec]) -> None:
    """Raises USAGE unless every device occurs once and one of them is the root device. An empty list is fine."""
    devices = [volume.device for volume in volumes]
    for device in devices:
        if devices.count(device) > 1:
            hint = "Give each volume its own device."
            raise OmicopyError(ErrorCode.USAGE, f"Two volumes have the device {device}", hint)
    if devices and ROOT_DEVICE not in devices:
        message = f"No volume has the device {ROOT_DEVICE}, from which the image boots"
        raise OmicopyError(ErrorCode.USAGE, message, f"Name its object: --volume {ROOT_DEVICE}=OBJECT")


def _iops(text: str, volume_type: str, typed: str | None) -> int | None:
    """Parses the IOPS, which an io1 volume needs and no other volume may have. Raises USAGE."""
    if (volume_type == "io1") is not (typed is not None):
        raise _refusal(text, "iops=N needs type=io1, and type=io1 needs iops=N")
    if typed is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,6}", typed):
        raise _refusal(text, f"{typed!r} is not a number of IOPS")
    return int(typed)


def _refusal(text: str, reason: str) -> OmicopyError:
    return OmicopyError(ErrorCode.USAGE, f"{text!a}: {reason}", _HINT)
