"""What is said on stderr outside of progress: errors and warnings, in plain words. Imports nothing heavy."""

from __future__ import annotations

import sys

from omicopy.errors import OmicopyError
from omicopy.model.presigned import redact


def say(text: str) -> None:
    """One message on stderr, with every signature taken out (R8) and nothing that a terminal would obey."""
    print(printable(redact(text)), file=sys.stderr, flush=True)  # noqa: T201


def say_error(error: OmicopyError, about: str = "") -> None:
    subject = f"{about}: " if about and about not in error.message else ""
    say(f"Error: {subject}{error.message}")
    if error.hint:
        say(f"  {error.hint}")


def printable(text: str) -> str:
    """The text without control characters: much of what is printed came from elsewhere."""
    return "".join(char if char.isprintable() or char == "\n" else "�" for char in text)
