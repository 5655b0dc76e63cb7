"""Errors: what failed and where, what to do next, and the exit code that a script acts on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")


class ErrorCode(Enum):
    """The closed list of `error.code` values in the JSON, each with the exit code of a command that fails with it."""

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


# QUOTA is not among them: a quota is reported only when no task of ours is running whose end would free a slot.
_RETRYABLE = (ErrorCode.TEMPORARY, ErrorCode.OUT_OF_TIME, ErrorCode.REMOTE_FAILED, ErrorCode.LOCKED)
"""Codes after which running the same command again may succeed."""


def printable(text: str) -> str:
    """The text on one line: each character that isn't printable is replaced by U+FFFD."""
    return "".join(char if char.isprintable() else "�" for char in text)


class OmicopyError(Exception):
    """A failure that omicopy foresees: `message` says what failed and why, `hint` what to do.

    Each is one line, even if a service, a bucket or a file put line breaks into it: text from elsewhere can't imitate a
    line of ours. Further lines are passed one by one, in `more` (of the message) and `more_hints` (of the hint).
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
        """True if running the same command again may succeed."""
        return self.code in _RETRYABLE


@contextmanager
def named(name: str) -> Iterator[None]:
    """Prefixes the message of an OmicopyError raised inside with the name of an option or argument."""
    try:
        yield
    except OmicopyError as error:
        raise OmicopyError(error.code, f"{name}: {error.message}", error.hint) from None


def attempt(work: Callable[[], T]) -> T | OmicopyError:
    """What the work returns, or the OmicopyError that it raises."""
    try:
        return work()
    except OmicopyError as error:
        return error


def shared_exit_code(errors: Sequence[OmicopyError]) -> int:
    """The exit code that all errors share, else 1; 0 if there are none."""
    codes = {error.exit_code for error in errors} or {0}
    return codes.pop() if len(codes) == 1 else 1


class Interrupted(BaseException):
    """Raised by the first Ctrl-C or SIGTERM.

    Not an `Exception`, so that no `except Exception` on the way to the top catches it.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"signal {signal_number}")
        self.exit_code = 128 + signal_number
        self.still_running: list[str] = []
        """What the service continues to do, one phrase per copy."""
        self.results: list[object] = []
        """The state of every copy, for the report."""
        self.api_calls: dict[str, Any] = {}
        """The requests that were sent, by profile (`CallCount`)."""
        self.again = ""
        """The command that continues the work."""
