"""What every public function takes: the accounts behind profiles, and durations."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta

from omicopy.cloud.clients import Clients
from omicopy.cloud.profile import resolve_profile
from omicopy.errors import named
from omicopy.model.duration import ANY_DURATION

Duration = timedelta | str


def connect(*profiles: str) -> Clients:
    """The clients of the accounts behind `profiles`. Sends nothing yet; raises CONFIGURATION."""
    return Clients({profile: resolve_profile(profile, os.environ) for profile in profiles})


def duration(argument: str, value: Duration, read: Callable[[Duration], timedelta] = ANY_DURATION.read) -> timedelta:
    """The duration that was given for an argument. Raises USAGE, with its name, for what is none or is out of range."""
    with named(argument):
        return read(value)
