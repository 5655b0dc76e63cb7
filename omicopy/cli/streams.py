"""stdout and stderr as streams whose writes never fail (R11): the work continues, and lost output is reported last.

They replace `sys.stdout` and `sys.stderr` before anything else is imported. So messages, progress, help, tracebacks,
libraries' warnings and the interpreter's own flush at exit never raise an error.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class SafeStream(io.RawIOBase):
    """Writes to a file descriptor. After its first error, it accepts and discards everything."""

    def __init__(self, descriptor: int, error: OSError | None = None) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.error = error
        """The first error; None as long as every write succeeded."""
        self.has_lost = False
        """True if output was lost."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Returns the number of bytes written or discarded. Waits for a slow reader, even on a non-blocking pipe."""
        content = bytes(data)
        while self.error is None:
            try:
                return os.write(self._descriptor, content)
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()
            except OSError as error:
                self.error = error
        self.has_lost = self.has_lost or bool(content)
        return len(content)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return self.error is None and os.isatty(self._descriptor)


class _Text(io.TextIOWrapper):
    """Never closes: if a library closed it, the next write would raise ValueError."""

    def close(self) -> None:
        self.flush()


def install() -> None:
    """Replaces stdout and stderr by such streams, and opens a descriptor if one is closed.

    After `>&-`, descriptor 1 is free: the first network connection would get it, and receive the output.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY))
    sys.stdout = _safe(sys.stdout)
    sys.stderr = _safe(sys.stderr)


def _safe(stream: TextIO | None) -> _Text:
    """Returns a stream with the same settings. It escapes characters that the encoding lacks: names may have any."""
    if stream is None:
        raw = SafeStream(os.open(os.devnull, os.O_WRONLY), OSError(errno.EBADF, "it is closed"))
    else:
        stream.flush()
        raw = SafeStream(stream.fileno())
    return _Text(
        io.BufferedWriter(raw),
        encoding=stream.encoding if stream else None,
        errors="backslashreplace",
        line_buffering=bool(getattr(stream, "line_buffering", True)),
        write_through=bool(getattr(stream, "write_through", False)),
    )


def lost_output() -> OSError | None:
    """Flushes stdout and returns the error that lost output, or None."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.error if isinstance(raw, SafeStream) and raw.has_lost else None
