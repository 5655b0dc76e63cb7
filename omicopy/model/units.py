"""Durations (`90`, `0.5s`, `15m`, `12h`, `7d`, `1h30m`) and sizes (`10GiB`, `512MiB`): parsed and formatted. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from omicopy.errors import ErrorCode, OmicopyError

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_PART = re.compile(rf"({_NUMBER})([dhms])")
_WHOLE = re.compile(rf"(?:{_NUMBER}[dhms])+")
_EXAMPLES = "Write 90 (seconds), 0.5s, 15m, 12h, 7d, 1h30m."
_AGE_EXAMPLES = "Write 12h, 30d, 180d, 1d12h."
_NOTHING = timedelta(0)
LONGEST = timedelta(days=36_500)
"""A hundred years: added to or subtracted from now, it is still a valid date."""
LONGEST_TIMEOUT = timedelta(days=1)
"""For one answer. A socket can't wait for 25 days: poll(2) counts milliseconds in 31 bits."""


@dataclass(frozen=True, slots=True)
class DurationRule:
    """The durations that an option, a key of a plan or an argument accepts."""

    longest: timedelta = LONGEST
    may_be_zero: bool = True
    is_age: bool = False
    """Only hours and days: this age decides what is deleted, and `6M` must never be taken for six minutes."""

    def read(self, value: timedelta | str) -> timedelta:
        """The duration, also from its text. Raises USAGE."""
        duration = value if isinstance(value, timedelta) else _parse(value, self.is_age)
        shown = value if isinstance(value, str) else format_duration(value)
        hint = _AGE_EXAMPLES if self.is_age else _EXAMPLES
        if duration > self.longest:
            hint = f"Give at most {format_duration(self.longest)}."
            raise OmicopyError(ErrorCode.USAGE, f"{shown!r} is too long", hint)
        if duration < _NOTHING:
            raise OmicopyError(ErrorCode.USAGE, "must not be negative", hint)
        if not duration and not self.may_be_zero:
            raise OmicopyError(ErrorCode.USAGE, "must be more than 0", hint)
        return duration


ANY_DURATION = DurationRule()
SPAN = DurationRule(may_be_zero=False)
TIMEOUT = DurationRule(LONGEST_TIMEOUT, may_be_zero=False)
AGE = DurationRule(may_be_zero=False, is_age=True)


def parse_duration(text: str) -> timedelta:
    """A duration from its text; a number without unit is seconds. Raises USAGE."""
    return ANY_DURATION.read(text)


def _parse(text: str, is_age: bool) -> timedelta:
    stripped = text.strip()
    problem = _problem_of_age(stripped) if is_age else None
    hint = _AGE_EXAMPLES if is_age else _EXAMPLES
    if problem is None and re.fullmatch(_NUMBER, stripped):
        seconds = float(stripped)
    elif problem is None and _WHOLE.fullmatch(stripped):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(stripped))
    else:
        problem = _problem_of_letters(stripped) or problem
        raise OmicopyError(ErrorCode.USAGE, f"{text!a} is not a duration" + (f": {problem}" if problem else ""), hint)
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise OmicopyError(ErrorCode.USAGE, f"{text!r} is too long", hint) from None


def _problem_of_age(text: str) -> str | None:
    if re.fullmatch(_NUMBER, text):
        return "the unit is missing, use hours or days"
    if _WHOLE.fullmatch(text) and not {"m", "s"}.isdisjoint(text):
        return "only days (d) and hours (h) are allowed here, because m would mean minutes and older copies are deleted"
    return None


def _problem_of_letters(text: str) -> str | None:
    if text == text.lower():
        return None
    if "M" in text:
        return "M is not a unit; months are not supported, write 180d for six months"
    return "units are lower case" if text.isascii() and _WHOLE.fullmatch(text.lower()) else None


def format_duration(duration: timedelta) -> str:
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


GIB = 1024**3
_SIZE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_TYPED = re.compile(r"([0-9]{1,19}) ?(B|KiB|MiB|GiB|TiB)?", re.IGNORECASE)
_LARGEST = 2**63 - 1
"""The largest size in a manifest or a qcow2 disk."""


def format_size(size_bytes: int) -> str:
    """The size in the largest fitting unit, with at most one decimal: `10 GiB`, `1.5 MiB`, `974 B`."""
    size, unit = float(size_bytes), 0
    while size >= 1024 and unit < len(_SIZE_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    text = f"{size:.1f}".removesuffix(".0")
    return f"{text} {_SIZE_UNITS[unit]}"


def parse_size(text: str) -> int:
    """The size in bytes, at least 1; a number without unit is bytes. Raises USAGE."""
    typed = _TYPED.fullmatch(text.strip())
    if typed:
        units = [unit.lower() for unit in _SIZE_UNITS]
        size = int(typed[1]) << 10 * units.index((typed[2] or "B").lower())
        if 0 < size <= _LARGEST:
            return size
    raise OmicopyError(ErrorCode.USAGE, f"{text!r} is not a disk size", "Write 10GiB, 512MiB, or a number of bytes.")
