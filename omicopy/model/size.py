"""Sizes in bytes as people read them, `10 GiB`, `974 B`, and as they type them, `10GiB`, `512MiB`, `10737418240`."""

from __future__ import annotations

import re

from omicopy.errors import ErrorCode, OmicopyError

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_TYPED = re.compile(r"([0-9]{1,19}) ?(B|KiB|MiB|GiB|TiB)?", re.IGNORECASE)
_LARGEST = 2**63 - 1
"""What a manifest's sizes end at, as those of qcow2 disks do."""


def say_size(size_bytes: int) -> str:
    """The size in the largest unit of which it has one, with at most one decimal: `10 GiB`, `1.5 MiB`, `974 B`."""
    size, unit = float(size_bytes), 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    text = f"{size:.1f}".removesuffix(".0")
    return f"{text} {_UNITS[unit]}"


def parse_size(text: str) -> int:
    """Bytes, from 1 upwards; a bare number is bytes. Raises USAGE."""
    typed = _TYPED.fullmatch(text.strip())
    if typed:
        units = [unit.lower() for unit in _UNITS]
        size = int(typed[1]) << 10 * units.index((typed[2] or "B").lower())
        if 0 < size <= _LARGEST:
            return size
    raise OmicopyError(ErrorCode.USAGE, f"{text!r} is no size of a disk", "Write 10GiB, 512MiB, or plain bytes.")
