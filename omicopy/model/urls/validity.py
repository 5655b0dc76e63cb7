"""How long a pre-signed URL may be valid."""

from __future__ import annotations

from datetime import timedelta

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.units import ANY_DURATION, format_duration
from omicopy.model.urls.presigned_url import LONGEST_VALIDITY, MAX_EXPIRY


def check_expiry(expires: timedelta | str) -> timedelta:
    """Returns the duration if a store accepts it: whole seconds from 1 to 604,800 (DOMAIN.md §4); raises USAGE."""
    life = ANY_DURATION.read(expires)
    if timedelta(seconds=1) <= life <= MAX_EXPIRY and not life.microseconds:
        return life
    message = f"A pre-signed URL can't be valid for {format_duration(life)} ({life.total_seconds():g} s)"
    raise OmicopyError(ErrorCode.USAGE, message, "Give whole seconds, from 1s to 7d (604800 s), the maximum of SigV4.")


def check_validity(min_validity: timedelta | str) -> timedelta:
    """Returns the duration if a new signature can satisfy it; raises USAGE.

    Otherwise each run would write one more re-signed manifest, and fail.
    """
    validity = ANY_DURATION.read(min_validity)
    if validity <= LONGEST_VALIDITY:
        return validity
    message = f"No URL can still be valid for {format_duration(validity)}: SigV4 allows 7d, and signing takes a moment"
    raise OmicopyError(ErrorCode.USAGE, message, f"Give at most {format_duration(LONGEST_VALIDITY)}.")
