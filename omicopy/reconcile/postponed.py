"""The exception for writes that certainly did not happen and may be repeated."""

from __future__ import annotations

from omicopy.errors import OmicopyError


class Postponed(Exception):
    """A write certainly didn't happen, for a temporary reason: a throttle, or an unreachable server."""

    def __init__(self, error: OmicopyError) -> None:
        super().__init__(str(error))
        self.error = error
