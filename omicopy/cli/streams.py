"""stdout and stderr as streams whose writes never fail (R11): the work goes on, and the end tells what was lost.

They take the place of `sys.stdout` and `sys.stderr` before anything else is loaded, so that whoever writes there (talk,
moving lines, help, tracebacks, warnings of libraries, the interpreter's own flush at the end) meets no error.
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
    """A file descriptor to write to. After its first error it takes all that is written, and keeps none of it."""

    def __init__(self, descriptor: int, error: OSError | None = None) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.error = error
        """Why what was written could not be kept; None as long as all was."""
        self.has_lost = False
        """Whether anything was."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Waits for a slow reader, also of a pipe that was set not to block."""
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
    """Stays open: a library that closes it would turn the next word into a ValueError."""

    def close(self) -> None:
        self.flush()


def install() -> None:
    """Puts such streams in the place of stdout and stderr, and a descriptor where there is none.

    Started with `>&-` there is no stdout, and the first connection would get its number.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY))
    sys.stdout = _safe(sys.stdout)
    sys.stderr = _safe(sys.stderr)


def _safe(stream: TextIO | None) -> _Text:
    """The same stream with the same manners; letters that its encoding has not are escaped: a name may have any."""
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
    """Why something that was written on stdout did not arrive; None if all did. Flushes."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.error if isinstance(raw, SafeStream) and raw.has_lost else None
