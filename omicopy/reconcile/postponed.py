"""A write that certainly did not happen, for a reason that may pass."""

from __future__ import annotations

from omicopy.errors import OmicopyError


class Postponed(Exception):
    """The write certainly did not happen, for a reason that may pass: a throttle, a server that can't be reached."""

    def __init__(self, error: OmicopyError) -> None:
        super().__init__(str(error))
        self.error = error
