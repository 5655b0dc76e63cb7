"""The check for all texts that a user gives: options, environment variables, plans and arguments."""

from __future__ import annotations

from omicopy.errors import ErrorCode, OmicopyError


def check_text(text: str) -> str:
    """Returns the text if it is one printable line; raises USAGE."""
    problem = unprintable(text)
    if problem is None:
        return text
    hint = "Write it on one line without control characters. If you copied it, type the spaces again."
    raise OmicopyError(ErrorCode.USAGE, f"contains {problem}", hint)


def check_description(text: str) -> str:
    """The text on one line; it may be given on several. Raises USAGE."""
    return " ".join(check_text(text.replace("\n", " ")).split())


def unprintable(text: str) -> str | None:
    """The first unprintable character, in words: `a control character (U+0007)`. None if there is none."""
    found = next((char for char in text if not char.isprintable()), None)
    if found is None:
        return None
    if "\ud800" <= found <= "\udfff":  # how Python decodes such bytes in arguments and in the environment
        return "bytes that are not UTF-8"
    return f"a {_kind(found)} (U+{ord(found):04X})"


def _kind(char: str) -> str:
    import unicodedata  # a large module, needed only here

    return unicodedata.name(char, "control character").lower()
