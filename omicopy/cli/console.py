"""What is said on stderr: talk, warnings, errors and logs, as text or as JSON lines. Nothing gets out around `say`.

All text passes one filter: signatures are taken out by their form, keys by their value (R8), and control characters
because much of what is printed came from elsewhere. A line feed in it begins no line: those that are wanted are told
apart by being given line by line. Imports nothing heavy.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

from omicopy.cli.forms import LogFormat
from omicopy.cloud.secrets import without_secrets
from omicopy.errors import OmicopyError, printable
from omicopy.model.urls.presigned_url import REDACTED, redact

_HEX_SIGNATURE = re.compile(r"[0-9a-f]{64,}")
"""A version-4 signature, as botocore logs it, whatever stands before it: in JSON the `n` of a `\\n`. Hashes of payloads
look the same and are no loss."""


@dataclass(slots=True)
class _ConsoleState:
    as_json: bool = False
    verbosity: int = 0


_state = _ConsoleState()


def configure(log_format: LogFormat, verbosity: int) -> None:
    """How the command talks from now on. `verbosity` 1 logs every request, 2 also what the SDKs log themselves."""
    _state.as_json, _state.verbosity = log_format is LogFormat.JSON, verbosity
    if verbosity:
        root = logging.getLogger()
        root.handlers = [_ConsoleHandler()]
        root.setLevel(logging.DEBUG if verbosity > 1 else logging.WARNING)
        logging.getLogger("omicopy").setLevel(logging.DEBUG)
    else:
        logging.getLogger().addHandler(logging.NullHandler())


def is_plain() -> bool:
    """Whether lines must stay whole: nothing may be painted over a log."""
    return _state.as_json or _state.verbosity > 0


def info(text: str, *more: str, level: str = "info", event: str = "said", **fields: object) -> None:
    """One message: a line, and each of `more` is a line, too. `fields` appear in JSON only."""
    if not _state.as_json:
        _write(*map(safe, (text, *more)))
        return
    message = "\n".join(line for line in (text, *more) if line).strip()
    line: dict[str, object] = {"time": _now(), "level": level, "event": event, "message": message}
    line |= {key: value for key, value in fields.items() if value is not None}
    # once as they are, for JSON may write a key's characters in another way, and once as a whole
    line = {key: _without_secrets(value) if isinstance(value, str) else value for key, value in line.items()}
    _write(safe(json.dumps(line, default=str)))  # ASCII alone, whatever encoding stderr has


def _write(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr, flush=True)  # noqa: T201


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def print_unredacted(text: str) -> None:
    """What the user asked to see whole, signed URLs and all. Only control characters are taken out."""
    line = {"time": _now(), "level": "info", "event": "shown", "message": text}
    _write(json.dumps(line) if _state.as_json else printable(text))


def print_error(error: OmicopyError, about: str = "") -> None:
    about = printable(about)
    subject = f"{about}: " if about and about not in error.message else ""
    message, hint = f"{subject}{error.message}".split("\n"), error.hint.split("\n") if error.hint else []
    if _state.as_json:
        info(*message, level="error", event="failed", code=error.code.word, hint=error.hint or None)
    else:
        info(f"Error: {message[0]}", *message[1:], *(f"  {line}" for line in hint))


def warn(text: str) -> None:
    info(text if _state.as_json else f"Warning: {text}", level="warning", event="warned")


def safe(text: str) -> str:
    """The text as it may be printed, on one line."""
    return printable(_without_secrets(text))


def safe_lines(text: str) -> str:
    """Text of ours as it may be printed, its lines kept."""
    return "\n".join(map(printable, _without_secrets(text).split("\n")))


def quoted_lines(text: str) -> list[str]:
    """Lines of a traceback or of a log, none of which looks like a line of ours."""
    return [f"  | {line}" for line in text.splitlines()]


def without_hashes(text: str) -> str:
    """A log's or a traceback's text without whatever may be a signature. Data keeps names that are hashes."""
    return _HEX_SIGNATURE.sub(REDACTED, text)


def _without_secrets(text: str) -> str:
    return redact(without_secrets(text))


class _ConsoleHandler(logging.Handler):
    """Every log record of this process, the SDKs' own among them, on its way to `say`."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + logging.Formatter().formatException(record.exc_info)
            text = without_hashes(text)
            fields = getattr(record, "fields", {})
            level = record.levelname.lower()
            if not _state.as_json:
                stamp = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
                text = f"{stamp} {level} {record.name}: {text}"
            first, _, more = text.partition("\n")
            lines = more.splitlines() if _state.as_json else quoted_lines(more)
            info(first, *lines, level=level, event=record.name, **fields)
        except (ValueError, TypeError, KeyError):
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """A record that can't be formatted is named and dropped: its arguments might be anything."""
        info(f"a log record of {record.name} can't be shown", level="warning", event="log")
