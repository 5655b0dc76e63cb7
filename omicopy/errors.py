"""Every failure a user can meet: what failed and where, what to do next, and the exit code a script acts on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum


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


class OmicopyError(Exception):
    """A foreseeable failure, told as `message` (what and where) and `hint` (the next step)."""

    def __init__(self, code: ErrorCode, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    @property
    def exit_code(self) -> int:
        return self.code.exit_code


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
        self.goes_on: list[str] = []
        """What the service is busy with meanwhile, in words."""
        self.results: list[object] = []
        """What had ended before, for whoever reports of it."""
