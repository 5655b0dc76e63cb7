"""What every public function takes: the accounts behind profiles, and durations."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from omicopy.cloud.clients import Clients
from omicopy.cloud.profile import resolve_profile
from omicopy.model.duration import parse_duration

Duration = timedelta | str


def connect(*profiles: str) -> Clients:
    """The clients of the accounts behind `profiles`. Sends nothing yet; raises CONFIGURATION."""
    return Clients({profile: resolve_profile(profile, os.environ, Path.home()) for profile in profiles})


def duration(value: Duration) -> timedelta:
    """Raises USAGE for a text that is none."""
    return parse_duration(value) if isinstance(value, str) else value
