"""One log line per request: action, account, outcome and time. Never what was sent."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from omicopy.cloud.errors import ServiceError
from omicopy.cloud.retry import attempt_number

_logger = logging.getLogger("omicopy.request")


@dataclass(slots=True)
class RequestLog:
    """Collects what the answer adds to the log line."""

    request_id: str | None = None


@contextlib.contextmanager
def logged(action: str, region: str, profile: str = "") -> Iterator[RequestLog]:
    """Logs the request inside, whatever its outcome. `profile` is empty for a URL that needs no account."""
    log, began = RequestLog(), time.monotonic()
    outcome = "answered"
    try:
        yield log
    except ServiceError as error:
        outcome = error.cause.value
        log.request_id = error.answer.request_id if error.answer else None
        raise
    finally:
        seconds = time.monotonic() - began
        fields: dict[str, object] = {"action": action, "profile": profile or None, "region": region}
        fields |= {"request_id": log.request_id, "outcome": outcome}
        fields |= {"seconds": round(seconds, 3), "attempt": attempt_number.get()}
        where = f"{profile} ({region})" if profile else region
        text = f"{action} in {where}: {outcome} in {seconds:.3f} s"
        _logger.debug(text, extra={"fields": fields})
