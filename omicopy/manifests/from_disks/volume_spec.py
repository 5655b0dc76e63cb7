"""A volume as it is typed for a manifest: `/dev/sda1=disk.qcow2.gz,size=10GiB,type=io1,iops=500`."""

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
    """One volume that is wanted. `size_bytes` None: the object has to say it. `iops` goes with `io1` alone."""

    device: str
    object_name: str
    """A key under the prefix, or the whole key."""
    size_bytes: int | None = None
    volume_type: str = "standard"
    iops: int | None = None


def parse_volume(text: str) -> VolumeSpec:
    """A volume from its text. The object's key may hold commas and equals signs. Raises USAGE."""
    device, _, rest = check_text(text).partition("=")
    options: dict[str, str] = {}
    while found := _OPTION.fullmatch(rest):
        rest, name, value = found.groups()
        if name in options:
            raise _refusal(text, f"{name} is given twice")
        options[name] = value
    if not _DEVICE.fullmatch(device):
        raise _refusal(
            text, f"{device!r} is no device: {ROOT_DEVICE} is the first one, others are /dev/sdb or /dev/xvdb"
        )
    if not rest:
        raise _refusal(text, "it names no object")
    with named(ascii(text)):
        size = parse_size(options["size"]) if "size" in options else None
    volume_type = options.get("type", "standard")
    if volume_type not in _TYPES:
        raise _refusal(text, f"{volume_type!r} is no type of a volume")
    return VolumeSpec(device, rest, size, volume_type, _iops(text, volume_type, options.get("iops")))


def check_volumes(volumes: Sequence[VolumeSpec]) -> None:
    """Raises USAGE unless every device occurs once and the root device is among them. No volumes at all are fine."""
    devices = [volume.device for volume in volumes]
    for device in devices:
        if devices.count(device) > 1:
            raise OmicopyError(ErrorCode.USAGE, f"Two volumes are both {device}", "Give each a --volume of its own.")
    if devices and ROOT_DEVICE not in devices:
        message = f"No volume is {ROOT_DEVICE}, from which the image boots"
        raise OmicopyError(ErrorCode.USAGE, message, f"Say which object it is: --volume {ROOT_DEVICE}=OBJECT")


def _iops(text: str, volume_type: str, typed: str | None) -> int | None:
    """An io1 volume needs them, and no other takes them."""
    if (volume_type == "io1") is not (typed is not None):
        raise _refusal(text, "iops=N goes with type=io1, and type=io1 with iops=N")
    if typed is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,6}", typed):
        raise _refusal(text, f"{typed!r} is no number of IOPS")
    return int(typed)


def _refusal(text: str, reason: str) -> OmicopyError:
    return OmicopyError(ErrorCode.USAGE, f"{text!a}: {reason}", _HINT)
