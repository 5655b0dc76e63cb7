"""A manifest behind a URL, found to work before anybody relies on it (R9)."""

from __future__ import annotations

from datetime import datetime, timedelta

from omicopy.cloud.fetch import Fetcher, Life
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.duration import say_duration
from omicopy.model.manifest import Manifest, effective_expiry, parse_manifest, url_path
from omicopy.model.presigned import PresignedUrl, Signature

_HINT = "Ask for a new URL (omicopy url …), or lower --min-validity."

_CUT = "A shell cuts a URL at its first &: put it in quotes, or give it in a file or on stdin (-)."


def read_handed(fetcher: Fetcher, url: PresignedUrl, now: datetime) -> Manifest:
    """The manifest, read through its URL. Raises EXPIRED, NOT_FOUND, or DAMAGED for what is no manifest."""
    if url.expires_at is not None and url.expires_at <= now:
        raise OmicopyError(
            ErrorCode.EXPIRED, f"The manifest's URL expired at {url.expires_at:%Y-%m-%d %H:%M:%SZ}", _HINT
        )
    try:
        raw = fetcher.read(url)
    except OmicopyError as error:
        if error.code is ErrorCode.EXPIRED and url.signature is Signature.NONE:
            raise OmicopyError(
                ErrorCode.EXPIRED, "The store refuses this URL, which bears no signature", _CUT
            ) from None
        raise
    return parse_manifest(raw, f"{url.scheme}://{url.host}/{url.bucket}/{url.key}")


def read_own(fetcher: Fetcher, url: PresignedUrl, profile: str, location: str) -> bytes:
    """Reads through a URL that `profile` has just signed: here a refusal (DENIED) speaks of our own credentials."""
    try:
        return fetcher.read(url)
    except OmicopyError as error:
        if error.code is ErrorCode.EXPIRED:
            raise OmicopyError(
                ErrorCode.DENIED,
                f"The store refuses a URL of {location} signed with the profile {profile!r}",
                "Check its access key, its Region, its right to read the object, and this machine's clock.",
            ) from None
        if error.code is ErrorCode.NOT_FOUND:
            raise OmicopyError(ErrorCode.NOT_FOUND, f"There is no object {location}", _NOT_THERE) from None
        raise


_NOT_THERE = "Check the bucket's name, the key, and that the bucket is in this profile's Region."


def demand_validity(
    manifest_url_ends: datetime | None, manifest: Manifest, min_validity: timedelta, now: datetime
) -> None:
    """Raises EXPIRED when the manifest's URL or any URL inside ends within `min_validity` from now."""
    expiry = effective_expiry(manifest_url_ends, manifest)
    if expiry.earliest_known is None or expiry.earliest_known - now >= min_validity:
        return
    left = max(expiry.earliest_known - now, timedelta(0))
    raise OmicopyError(
        ErrorCode.EXPIRED,
        f"{expiry.first} ends at {expiry.earliest_known:%Y-%m-%d %H:%M:%SZ}: "
        f"{say_duration(left)} left, {say_duration(min_validity)} asked for",
        _HINT,
    )


def demand_life(fetcher: Fetcher, manifest: Manifest) -> None:
    """Asks for one byte through every URL inside. Raises EXPIRED for a refused URL, DAMAGED for a missing object."""
    for index, snapshot in enumerate(manifest.snapshots):
        life = fetcher.probe(snapshot.url)
        if life is Life.MISSING:
            raise OmicopyError(ErrorCode.DAMAGED, f"{url_path(index)}: the object is gone", "A new export is needed.")
        if life is Life.REFUSED:
            raise OmicopyError(ErrorCode.EXPIRED, f"{url_path(index)}: the store refuses the URL", _HINT)
