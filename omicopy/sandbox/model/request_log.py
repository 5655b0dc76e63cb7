"""The record of every request that reached a Region's API or object storage, so that a test can count exactly."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, Unpack

SERVICE_ITSELF = "(service)"
"""In the place of an account's profile: OUTSCALE's own import, reading a manifest and its snapshots."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request and how it ended."""

    service: str
    """`api` or `oos`."""
    region: str
    action: str
    """`CreateImage`, … or, for storage, `GetObject`, `PutObject`, …"""
    account: str | None
    """The profile whose key the request named, verified or not; None for an unknown key or none."""
    time: datetime
    """When the request arrived, UTC."""
    status: int
    """The status of the answer that was made; 0 where none was."""
    answer_bytes: int
    """The size of the body that was made, whether or not a fault let it out."""
    seconds: float
    fault: str | None = None
    dry_run: bool = False
    key: str | None = None
    """Storage only: the bucket and key, without any query."""


class RequestFilter(TypedDict, total=False):
    """What recorded requests can be asked by, beside their action; None asks for nothing."""

    account: str | None
    service: str | None
    region: str | None
    status: int | None
    fault: str | None
    dry_run: bool | None


class RecordedRequests:
    """All requests since the start or the last `clear`, in the order in which they ended. Safe for threads.

    A request is in the record before the last byte of its answer leaves, so a client that has its answer finds it here.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._requests: list[RecordedRequest] = []
        self._file = file

    def add(self, request: RecordedRequest) -> None:
        """Take one more; with a file, as one more line of JSON."""
        with self._lock:
            self._requests.append(request)
            if self._file is not None:
                with self._file.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(asdict(request) | {"time": _rfc3339(request.time)}) + "\n")

    def clear(self) -> None:
        """Forget all requests; a file keeps its lines."""
        with self._lock:
            self._requests.clear()

    def requests(self, action: str | None = None, **asked: Unpack[RequestFilter]) -> list[RecordedRequest]:
        """Those that fit everything given. The service's own (`SERVICE_ITSELF`) only when asked for as `account`."""
        wanted = {name: value for name, value in {"action": action, **asked}.items() if value is not None}
        with self._lock:
            found = list(self._requests)
        if "account" not in wanted:
            found = [request for request in found if request.account != SERVICE_ITSELF]
        return [request for request in found if all(getattr(request, name) == wanted[name] for name in wanted)]

    def count(self, action: str | None = None, **asked: Unpack[RequestFilter]) -> int:
        """How many `requests` there are."""
        return len(self.requests(action, **asked))

    def __iter__(self) -> Iterator[RecordedRequest]:
        with self._lock:
            return iter(list(self._requests))

    def __len__(self) -> int:
        with self._lock:
            return len(self._requests)


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
