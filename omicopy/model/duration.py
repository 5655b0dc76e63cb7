"""Durations as people type them: `90`, `0.5s`, `15m`, `12h`, `7d`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta

from omicopy.errors import ErrorCode, OmicopyError

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = re.compile(r"(\d+(?:\.\d+)?)([dhms])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration(text: str) -> timedelta:
    """A duration from its text, a bare number being seconds; raises USAGE."""
    stripped = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", stripped):
        seconds = float(stripped)
    elif _WHOLE.fullmatch(stripped):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(stripped))
    else:
        raise OmicopyError(
            ErrorCode.USAGE, f"{text!r} is no duration", "Write 90 (seconds), 0.5s, 15m, 12h, 7d, 1h30m."
        )
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise OmicopyError(
            ErrorCode.USAGE, f"{text!r} is too long a duration", "Write 12h or 7d, for example."
        ) from None


def say_duration(duration: timedelta) -> str:
    """The duration in its two largest units: `6h`, `1h30m`, `2d3h`, `45s`, `0.5s`."""
    seconds = duration.total_seconds()
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f}s"
    rest, parts = int(seconds), []
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"
