"""Every failure a user can meet: what failed and where, what to do next, and the exit code a script acts on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any


class ErrorCode(Enum):
    """The closed list behind `error.code` in the JSON, each with the exit code it ends a command with."""

    FAILED = ("failed", 1)
    USAGE = ("usage", 2)
    CONFIGURATION = ("configuration", 2)
    NOT_FOUND = ("not-found", 4)
    NOT_EXPORTABLE = ("not-exportable", 4)
    NAME_CONFLICT = ("name-conflict", 4)
    TEMPORARY = ("temporary", 5)
    OUT_OF_TIME = ("out-of-time", 6)
    REMOTE_FAILED = ("remote-failed", 7)
    DAMAGED = ("damaged", 8)
    DIFFERENT = ("different", 8)
    EXPIRED = ("expired", 10)
    LOCKED = ("locked", 11)
    DENIED = ("denied", 12)
    QUOTA = ("quota", 13)

    def __init__(self, word: str, exit_code: int) -> None:
        self.word = word
        self.exit_code = exit_code


_RETRYABLE = (ErrorCode.TEMPORARY, ErrorCode.OUT_OF_TIME, ErrorCode.REMOTE_FAILED, ErrorCode.LOCKED)
"""What the same command may mend when it runs again: it goes on, or makes anew what the service failed to make. A quota
is refused only when nothing of ours is under way that would free it."""


def printable(text: str) -> str:
    """The text on one line: whatever moves a cursor, ends a line or turns the direction of writing is replaced."""
    return "".join(char if char.isprintable() else "�" for char in text)


class OmicopyError(Exception):
    """A foreseeable failure, told as `message` (what and where) and `hint` (the next step).

    Both are one line, whatever a service, a bucket or a file put into them: no text from elsewhere can look like a line
    of ours. What takes several lines is given line by line: `more` of the message, `more_hints` of the hint.
    """

    def __init__(
        self, code: ErrorCode, message: str, hint: str = "", more: Sequence[str] = (), more_hints: Sequence[str] = ()
    ) -> None:
        self.code = code
        self.message = "\n".join(map(printable, (message, *more)))
        self.hint = "\n".join(map(printable, (hint, *more_hints)))
        super().__init__(self.message)

    @property
    def exit_code(self) -> int:
        return self.code.exit_code

    @property
    def is_retryable(self) -> bool:
        """Whether the same command may mend it when it runs again."""
        return self.code in _RETRYABLE


@contextmanager
def named(name: str) -> Iterator[None]:
    """Puts the name of an option or an argument before the message of what is raised inside."""
    try:
        yield
    except OmicopyError as error:
        raise OmicopyError(error.code, f"{name}: {error.message}", error.hint) from None


def shared_exit_code(errors: Sequence[OmicopyError]) -> int:
    """The code that all of them end with, else 1; 0 for none."""
    codes = {error.exit_code for error in errors} or {0}
    return codes.pop() if len(codes) == 1 else 1


class Interrupted(BaseException):
    """A first Ctrl-C or SIGTERM. Not an `Exception`, so that nothing swallows it on its way to the top."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"signal {signal_number}")
        self.exit_code = 128 + signal_number
        self.still_running: list[str] = []
        """What the service is busy with meanwhile, in words."""
        self.results: list[object] = []
        """How every copy stands, for whoever reports of it."""
        self.api_calls: dict[str, Any] = {}
        """The requests that were sent, by profile (`CallCount`)."""
        self.again = ""
        """The command that goes on."""
