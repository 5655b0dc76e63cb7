"""Sizes in bytes as people read them: `10 GiB`, `974 B`."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def say_size(size_bytes: int) -> str:
    """The size in the largest unit of which it has one, with at most one decimal: `10 GiB`, `1.5 MiB`, `974 B`."""
    size, unit = float(size_bytes), 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    text = f"{size:.1f}".removesuffix(".0")
    return f"{text} {_UNITS[unit]}"
