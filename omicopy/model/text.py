"""The one check for texts that a user gives, wherever they come from: options, their twins, plans, arguments."""

from __future__ import annotations

from omicopy.errors import ErrorCode, OmicopyError


def check_text(text: str) -> str:
    """The text itself when it is one line that can be shown; raises USAGE."""
    problem = unprintable(text)
    if problem is None:
        return text
    hint = "Write it on one line of plain text, without control characters; where it was copied, type the spaces again."
    raise OmicopyError(ErrorCode.USAGE, f"holds {problem}", hint)


def check_description(text: str) -> str:
    """The text on one line: it may be written over several. Raises USAGE."""
    return " ".join(check_text(text.replace("\n", " ")).split())


def unprintable(text: str) -> str | None:
    """The first character that can't be shown, in words: `a control character (U+0007)`. None without one."""
    found = next((char for char in text if not char.isprintable()), None)
    if found is None:
        return None
    if "\ud800" <= found <= "\udfff":  # what Python makes of them, in arguments and in the environment
        return "bytes that are not UTF-8"
    return f"a {_kind(found)} (U+{ord(found):04X})"


def _kind(char: str) -> str:
    import unicodedata  # as large as ten of our files, and only for this

    return unicodedata.name(char, "control character").lower()
