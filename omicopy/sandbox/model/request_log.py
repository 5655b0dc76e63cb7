"""Records every request that reached a Region's API or object storage, so that tests can count exactly."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, Unpack

SERVICE_ITSELF = "(service)"
"""Stands for the account of requests that the service itself makes: an import reads the manifest and its disks."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request and its outcome."""

    service: str
    """`api` or `oos`."""
    region: str
    action: str
    """`CreateImage`, …; in object storage `GetObject`, `PutObject`, …"""
    account: str | None
    """The profile whose access key the request names, verified or not. None: no key, or an unknown one."""
    time: datetime
    """The time at which the request arrived (UTC)."""
    status: int
    """The HTTP status of the answer; 0 if there was none."""
    answer_bytes: int
    """The size of the answer's body, also when a fault kept it back."""
    seconds: float
    fault: str | None = None
    dry_run: bool = False
    key: str | None = None
    """Object storage only: bucket and key, without the query."""


class RequestFilter(TypedDict, total=False):
    """The criteria beside the action by which recorded requests can be selected. None matches all."""

    account: str | None
    service: str | None
    region: str | None
    status: int | None
    fault: str | None
    dry_run: bool | None


class RecordedRequests:
    """All requests since the start or the last `clear`, in the order in which they ended. Safe for threads.

    A request is added before the last byte of its answer is sent: a client that has its answer finds the request here.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._requests: list[RecordedRequest] = []
        self._file = file

    def add(self, request: RecordedRequest) -> None:
        """Adds a request, and appends it to the file, if any, as a line of JSON."""
        with self._lock:
            self._requests.append(request)
            if self._file is not None:
                with self._file.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(asdict(request) | {"time": _rfc3339(request.time)}) + "\n")

    def clear(self) -> None:
        """Removes all requests. The file keeps its lines."""
        with self._lock:
            self._requests.clear()

    def requests(self, action: str | None = None, **asked: Unpack[RequestFilter]) -> list[RecordedRequest]:
        """Returns the requests that match. Those of `SERVICE_ITSELF` only if that is the `account` asked for."""
        wanted = {name: value for name, value in {"action": action, **asked}.items() if value is not None}
        with self._lock:
            found = list(self._requests)
        if "account" not in wanted:
            found = [request for request in found if request.account != SERVICE_ITSELF]
        return [request for request in found if all(getattr(request, name) == wanted[name] for name in wanted)]

    def count(self, action: str | None = None, **asked: Unpack[RequestFilter]) -> int:
        """Returns the number of requests that match."""
        return len(self.requests(action, **asked))

    def __iter__(self) -> Iterator[RecordedRequest]:
        with self._lock:
            return iter(list(self._requests))

    def __len__(self) -> int:
        with self._lock:
            return len(self._requests)


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
