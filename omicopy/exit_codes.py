"""The exit codes of the command line: what each means, what a script does about it, and which command can give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

MEANINGS: Mapping[str, tuple[str, str]] = {
    "0": ("done, or was already there", "–"),
    "1": ("failed, see the message", "look"),
    "2": ("wrong usage, configuration or plan", "fix"),
    "3": ("partial: some succeeded, and running again may complete the rest", "run again"),
    "4": ("not found, not exportable, or name conflict", "fix"),
    "5": ("temporary: throttled, 5xx or network, after all retries", "run later"),
    "6": ("out of time; the service goes on with the task", "run again"),
    "7": ("the export or import failed or was cancelled", "read its reason"),
    "8": ("damaged data, or a copy that differs from its source", "look"),
    "10": ("a URL has expired, or expires too soon", "get a new URL"),
    "11": ("another run on this machine holds the lock", "skip"),
    "12": ("authentication failed, or permission denied", "fix"),
    "13": ("quota", "fix"),
    "129, 130, 143": ("interrupted by SIGHUP, SIGINT or SIGTERM", "run again"),
}
"""By exit code, in the order in which help shows them."""
_COPYING = (3, 4, 5, 6, 7, 8, 10, 11, 12, 13)
COMMANDS: Mapping[str, tuple[int, ...]] = {
    "copy": _COPYING,
    "run": _COPYING,
    "export": _COPYING,
    "url": (4, 5, 8, 10, 12),
    "import": (4, 5, 6, 7, 8, 10, 11, 12, 13),
    "inspect": (4, 5, 8, 10, 12),
    "resign": (4, 5, 8, 10, 12),
    "cors": (4, 5, 12, 13),
    "status": (4, 5, 12),
    "cancel": (3, 4, 5, 6, 7, 12),
    "prune": (3, 4, 5, 8, 12),
    "doctor": (4, 5, 8, 10, 12, 13),
    "sandbox": (),
    "manifest build": (4, 5, 8, 12),
    "help": (),
}
"""By command: the codes that it can give besides 0, 1, 2 and the interruptions, which all of them can."""


def codes_of(command: str) -> set[int]:
    """The codes that a command can end with."""
    return {0, 1, 2, *COMMANDS[command], 129, 130, 143}


def rows_of(command: str) -> Iterator[tuple[str, str]]:
    """The codes and their meanings, for a command's help."""
    codes = codes_of(command)
    return ((text, meaning) for text, (meaning, _) in MEANINGS.items() if int(text.split(",")[0]) in codes)
