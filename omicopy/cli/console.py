"""Messages on stderr, as text or as JSON lines: the standard library's logging, with one handler and one filter.

The filter takes out what is secret, whoever logs it: signatures by their form, keys by their value (R8). In text a line
feed begins a new line only where a message of ours wants one: much of what is printed came from elsewhere.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

from omicopy.cli.forms import LogFormat
from omicopy.cloud.secrets import without_secrets
from omicopy.errors import OmicopyError, printable
from omicopy.model.urls.presigned_url import REDACTED, redact

_HEX_SIGNATURE = re.compile(r"[0-9a-f]{64,}")
"""A version-4 signature, as botocore logs it, whatever stands before it: in JSON the `n` of a `\\n`. Hashes of payloads
look the same and are no loss; but data may have names that are hashes, so this is for logs and tracebacks alone."""
_messages = logging.getLogger("omicopy.message")
"""Messages for the user. What all other loggers say is a log, which --verbose shows."""


class _Redaction(logging.Filter):
    """Splits each record into `lines`, and those that are `quoted`, without secrets; `fields` are for JSON alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        about = vars(record)
        fields = {"event": record.name} | about.get("fields", {})
        clean = str if fields["event"] == "shown" else _without_secrets
        lines, quoted = about.get("lines", []), [] if "lines" in about else _text(record).splitlines()
        if record.exc_info:
            quoted += logging.Formatter().formatException(record.exc_info).splitlines()
        quoted = [clean(_HEX_SIGNATURE.sub(REDACTED, line)) for line in quoted]
        about["lines"] = [*map(clean, lines)] or [quoted.pop(0) if quoted else ""]
        about["quoted"] = quoted
        about["fields"] = {
            name: value if isinstance(value, int | float) else clean(str(value))
            for name, value in fields.items()
            if value is not None
        }
        return True


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        first, *lines = map(printable, vars(record)["lines"])
        if record.name != _messages.name:
            stamp = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
            first = f"{stamp} {record.levelname.lower()} {printable(record.name)}: {first}"
        elif record.levelno > logging.INFO:
            first = f"{record.levelname.capitalize()}: {first}"
        hint = vars(record)["fields"].get("hint", "").splitlines()
        lines += [f"  {printable(line)}" for line in hint]
        return "\n".join([first, *lines, *(f"  | {printable(line)}" for line in vars(record)["quoted"])])


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = "\n".join(filter(None, [*vars(record)["lines"], *vars(record)["quoted"]])).strip()
        fields = vars(record)["fields"]
        line = {"time": time, "level": record.levelname.lower(), "event": fields["event"], "message": message} | fields
        return json.dumps(line)  # ASCII alone, whatever encoding stderr has


class _Stderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)  # noqa: T201


_stderr = _Stderr()
_stderr.addFilter(_Redaction())
_stderr.setFormatter(_TextFormatter())
_messages.addHandler(_stderr)
_messages.setLevel(logging.INFO)
_messages.propagate = False


def configure(log_format: LogFormat, verbosity: int) -> None:
    """Sets how messages look, and what else is logged: with 1 every request, with 2 also what libraries log."""
    _stderr.setFormatter(_JsonFormatter() if log_format is LogFormat.JSON else _TextFormatter())
    root = logging.getLogger()
    root.handlers = [_stderr if verbosity else logging.NullHandler()]
    root.setLevel(logging.DEBUG if verbosity > 1 else logging.WARNING)
    logging.getLogger("omicopy").setLevel(logging.DEBUG if verbosity else logging.NOTSET)


def is_plain() -> bool:
    """True if lines must stay whole: no progress bar may be painted over a log."""
    return isinstance(_stderr.formatter, _JsonFormatter) or _stderr in logging.getLogger().handlers


def info(text: str, *more: str, level: str = "INFO", event: str = "said", **fields: object) -> None:
    """Prints a message: a line, and one more for each of `more`. `fields` appear in JSON only."""
    about = {"lines": [text, *more], "fields": {"event": event, **fields}}
    _messages.log(logging.getLevelNamesMapping()[level], text, extra=about)


def print_unredacted(text: str) -> None:
    """Prints what the user asked to see whole, signed URLs and all."""
    info(text, event="shown")


def print_error(error: OmicopyError, about: str = "") -> None:
    """Prints the error and its hint. `about` is what it concerns, for a message that does not name it."""
    about = printable(about)
    subject = f"{about}: " if about and about not in error.message else ""
    lines = f"{subject}{error.message}".split("\n")
    info(*lines, level="ERROR", event="failed", code=error.code.word, hint=error.hint or None)


def print_traceback(text: str) -> None:
    """Prints the text and the exception that is being handled."""
    _messages.exception(text, extra={"fields": {"event": "failed"}})


def warn(text: str) -> None:
    """Prints a warning."""
    info(text, level="WARNING", event="warned")


def safe(text: str) -> str:
    """Returns the text without secrets and on one line, as it may be printed."""
    return printable(_without_secrets(text))


def safe_lines(text: str) -> str:
    """Returns text of ours without secrets, its lines kept, as it may be printed."""
    return "\n".join(map(printable, _without_secrets(text).split("\n")))


def _without_secrets(text: str) -> str:
    return redact(without_secrets(text))


def _text(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  its arguments might be anything
        return f"a log record of {record.name} can't be shown"
