"""Why a store refuses a pre-signed URL: from the store's error code and the URL's own dates (DOMAIN.md §4). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from omicopy.model.units import format_duration
from omicopy.model.urls.presigned_url import MAX_EXPIRY, PresignedUrl, Signature

_SKEW = timedelta(minutes=15)
"""How far a signer's clock may be ahead of the store's."""
_NEW = "Ask for a new URL (omicopy url …); of an export of your own: omicopy resign …"


class Reason(Enum):
    """The reason as a word for scripts."""

    EXPIRED = "expired"
    SIGNED_AHEAD = "signed-ahead"
    NOT_YET = "not-yet"
    TOO_LONG = "too-long"
    ALTERED = "altered"
    KEY_GONE = "key-gone"
    NO_RIGHT = "no-right"
    UNSIGNED = "unsigned"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`message` fits after "the store refuses the URL: ". `hint` is for the person who received the URL."""

    reason: Reason
    message: str
    hint: str = _NEW

    @property
    def is_signers_fault(self) -> bool:
        """True if the store would refuse any URL signed with this key on this machine."""
        return self.reason in (Reason.KEY_GONE, Reason.ALTERED, Reason.EXPIRED, Reason.SIGNED_AHEAD)

    @property
    def own_hint(self) -> str:
        """The hint if we signed the URL ourselves a moment ago."""
        return _OWN_HINTS.get(self.reason, CHECK_KEY)


CHECK_KEY = "Check its access key, its Region, its right to read the object, and this machine's clock."
"""The hint if our own credentials are refused and the store doesn't say why."""
_OWN_CLOCK = "Set this machine's clock: it must agree with the store's."
_OWN_HINTS = {
    Reason.EXPIRED: _OWN_CLOCK,
    Reason.SIGNED_AHEAD: _OWN_CLOCK,
    Reason.ALTERED: "Check the profile's secret key, and that the endpoint is the store's own address.",
    Reason.KEY_GONE: (
        "Give the account's own access key with --storage PROFILE or --storage aws:NAME: an EIM user's key works for "
        "the API, but not for object storage. The key may also be deleted, or belong to another Region."
    ),
    Reason.NO_RIGHT: "Give the access key the right to read the object, or sign with one that has it.",
}


def flaw(url: PresignedUrl, now: datetime) -> Refusal | None:
    """Why a URL doesn't work now, according to its own dates. None if they are fine or unknown."""
    ends = url.expires_at
    if url.life_seconds is not None and not 1 <= url.life_seconds <= MAX_EXPIRY.total_seconds():
        return _too_long(url.life_seconds)
    if ends is not None and ends <= now:
        return Refusal(Reason.EXPIRED, f"it expired at {_format_text(ends)}")
    if url.signed_at is not None and url.signed_at > now + _SKEW:
        return _signed_ahead(url.signed_at)
    if url.signature is Signature.SIGV2 and ends is not None and ends > now + MAX_EXPIRY:
        return _not_yet(ends)
    return None


def explain_refusal(url: PresignedUrl, code: str, now: datetime) -> Refusal:
    """Why the store refused `url` at `now` by the store's clock. `code` is the error code of its answer, "" if none."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    if found := flaw(url, now):
        return found
    if url.signature is Signature.NONE:
        return Refusal(Reason.UNSIGNED, "it has no signature", _CUT)
    if code == "RequestTimeTooSkewed":
        if url.signed_at is not None and url.signed_at > now:
            return _signed_ahead(url.signed_at)
        return Refusal(Reason.EXPIRED, f"it has expired, or was signed for a later time ({code})")
    if code == "AccessDenied":
        message = f"the access key that signed it may not read the object ({code})"
        return Refusal(
            Reason.NO_RIGHT, message, "Ask its owner to sign it with an access key that may read the object."
        )
    if code == "InvalidArgument":
        return Refusal(Reason.ALTERED, f"its query contains something that the store doesn't accept ({code})", _COPY)
    known = f" ({code})" if code else ""
    return Refusal(Reason.UNKNOWN, f"it has expired, was altered, or its access key was deleted{known}")


_CUT = "A shell cuts a URL at its first &: put it in quotes, or give it in a file or on stdin (-)."
_COPY = "Copy the whole URL once more, or ask for a new one (omicopy url …)."
_GONE = "the access key that signed it no longer exists"
_BY_CODE = {
    "SignatureDoesNotMatch": Refusal(
        Reason.ALTERED, "it was altered or cut off, or signed with a wrong secret key (SignatureDoesNotMatch)", _COPY
    ),
    "InvalidAccessKeyId": Refusal(Reason.KEY_GONE, f"{_GONE} (InvalidAccessKeyId)"),
    "ExpiredToken": Refusal(Reason.KEY_GONE, f"{_GONE} (ExpiredToken)"),
}


def _too_long(seconds: int) -> Refusal:
    if seconds < 1:
        return Refusal(Reason.TOO_LONG, f"it is signed for {seconds} seconds, which no store accepts")
    life, longest = format_duration(timedelta(seconds=seconds)), format_duration(MAX_EXPIRY)
    return Refusal(Reason.TOO_LONG, f"it is signed for {life}, and no store accepts more than {longest}")


def _signed_ahead(signed_at: datetime) -> Refusal:
    message = f"its signing time {_format_text(signed_at)} is in the future: the signer's clock is ahead"
    return Refusal(Reason.SIGNED_AHEAD, message, "Wait until then, or ask the signer to set the clock and sign again.")


def _not_yet(ends: datetime) -> Refusal:
    """A SigV2 URL contains only its expiry.

    Stores accept it only in the last 7 days before that.
    """
    begins = _format_text(ends - MAX_EXPIRY)
    life = f"signed with SigV2 until {_format_text(ends)}, it works only in its last 7 days"
    message = f"it doesn't work yet: {life}, from {begins} on"
    return Refusal(Reason.NOT_YET, message, "Wait until then, or ask for a new URL (omicopy url …).")


def _format_text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%SZ}"
