"""Parses pre-signed URLs without trusting them: location, signature, expiry. Also redacts secrets (R8)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from urllib.parse import SplitResult, parse_qsl, unquote, unquote_plus, urlsplit

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.urls.address import HostScope, host_scope

MAX_EXPIRY = timedelta(days=7)
"""The longest validity of a SigV4 URL (DOMAIN.md §2); a store refuses more."""
LONGEST_VALIDITY = MAX_EXPIRY - timedelta(hours=1)
"""The largest `min_validity`: the URLs may have been signed some time before."""
REDACTED = "REDACTED"
MAX_URL_CHARACTERS = 16 * 1024
"""No server accepts a longer URL, and parsing one with many thousand parameters takes long."""
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_VISIBLE_ASCII = re.compile(r"[!-~]+")
_SIGV4_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_DIGITS = re.compile(r"[0-9]{1,12}")
_SECONDS = re.compile(r"-?[0-9]{1,12}")
_REGION = re.compile(r"[A-Za-z0-9-]+")
_SECRET_PARAMETERS = frozenset(
    {"x-amz-signature", "x-amz-credential", "x-amz-security-token", "signature", "awsaccesskeyid"}
)
_SECRET_IN_TEXT = re.compile(
    r"""
    ( (?: Signature (?:Provided)? | Credential | Security (?:-|%(?:25)*2D) Token | AccessKeyId )
      (?: = | %(?:25)*3D | \\+u003d | &\#0*61; | &\#x0*3d; | &equals;  # in a URL, percent-encoded, in JSON, in HTML
        | \\*["'] \s* [:,] \s* \\*["']                                 # in JSON, a dict or a list of pairs
        | > )                                                          # in the XML of a store's answer
    )
    (?: (?! %(?:25)*26 | \\u0026 | \\x26 | \\["'nrt] ) [^\s&"'<>,;)\]}|] )+
    """,
    re.IGNORECASE | re.VERBOSE,
)


class Signature(Enum):
    """How a URL is signed."""

    SIGV4 = "SigV4"
    SIGV2 = "SigV2"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """A URL and its parts. The URL itself is a live secret: print only `redacted()`."""

    url: str = field(repr=False)
    scheme: str
    host: str
    """In lower case, with the port if the URL contains one."""
    bucket: str | None
    """The first segment of the path (path-style URL)."""
    key: str | None
    """The rest of the path, percent-decoded but not normalized: it may contain `..` or `//`. Always printable."""
    signature: Signature
    expires_at: datetime | None
    """Aware, in UTC. None means unknown (no signature, or unreadable fields), and so never valid."""
    signed_for: str | None
    """SigV4 only: the Region in the credential scope."""
    signed_at: datetime | None = None
    """SigV4 only: aware, in UTC."""
    life_seconds: int | None = None
    """SigV4 only: the requested validity, even if no store accepts it."""

    @property
    def place(self) -> str:
        """The URL without its query, for messages."""
        return f"{self.scheme}://{self.host}/{self.bucket or ''}" + (f"/{self.key}" if self.key else "")

    @property
    def is_exposed(self) -> bool:
        """True for plain http to another machine: others can read the URL and change the answer."""
        return self.scheme == "http" and not self.is_local

    @property
    def is_local(self) -> bool:
        """True if the URL points to this machine."""
        return self.reach is HostScope.MACHINE

    @property
    def reach(self) -> HostScope:
        """Where the host is, judged by its text."""
        return host_scope(self.hostname)

    @property
    def hostname(self) -> str:
        """In lower case, without the port."""
        return urlsplit(self.url).hostname or ""

    def is_at(self, endpoint: str) -> bool:
        """True if the URL points to an endpoint such as `https://oos.eu-west-2.outscale.com`."""
        own = urlsplit(endpoint)
        port = {"https": ":443", "http": ":80"}.get(own.scheme, "")
        is_same_host = self.host.removesuffix(port) == own.netloc.lower().removesuffix(port)
        return self.scheme == own.scheme and is_same_host

    def redacted(self) -> str:
        """The URL with all values replaced that contain a signature or an access key."""
        parts = urlsplit(self.url)
        query = "&".join(_redact_parameter(parameter) for parameter in parts.query.split("&") if parameter)
        return redact(f"{self.scheme}://{self.host}{parts.path}" + (f"?{query}" if query else ""))


def parse_presigned(text: str) -> PresignedUrl:
    """Parses untrusted text as a URL. Raises OmicopyError(USAGE) if it isn't an http(s) URL, without repeating the
    text."""
    url = text.strip()
    if not url:
        raise _refusal("it is empty")
    if len(url) > MAX_URL_CHARACTERS:
        raise _refusal(f"it has {len(url)} characters, and at most {MAX_URL_CHARACTERS} are allowed")
    if not _VISIBLE_ASCII.fullmatch(url):
        raise _refusal("it contains white space, control characters or letters that a URL must percent-encode")
    parts = _split(url)
    bucket, _, key = parts.path.removeprefix("/").partition("/")
    query = _single_values(parts.query)
    signature = _signature(query)
    is_sigv4 = signature is Signature.SIGV4
    return PresignedUrl(
        url=parts.scheme + url[len(parts.scheme) :],  # in lower case: some programs don't accept HTTPS://
        scheme=parts.scheme,
        host=parts.netloc.lower(),
        bucket=_decoded(bucket),
        key=_decoded(key),
        signature=signature,
        expires_at=_expiry(signature, query),
        signed_for=_signing_region(query) if is_sigv4 else None,
        signed_at=_signing_moment(query) if is_sigv4 else None,
        life_seconds=_life_seconds(query) if is_sigv4 else None,
    )


def redact(text: str) -> str:
    """The text with the values of signatures, tokens and access keys replaced. Applying it twice changes nothing
    more."""
    return _SECRET_IN_TEXT.sub(rf"\g<1>{REDACTED}", text)


def _refusal(reason: str) -> OmicopyError:
    hint = "Pass the whole URL as you received it (https://…), on one line and in quotes."
    return OmicopyError(ErrorCode.USAGE, f"This is not a usable pre-signed URL: {reason}.", hint)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        raise _refusal("its host or port is invalid") from None
    if parts.scheme not in ("http", "https"):
        raise _refusal("it does not begin with https:// or http://")
    if "@" in parts.netloc:
        raise _refusal("it contains a user name or password")
    if not _HOST.fullmatch(parts.netloc):
        raise _refusal("its host is invalid")
    return parts


def _decoded(segment: str) -> str | None:
    try:
        decoded = unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise _refusal("its path is not UTF-8") from None
    if not decoded.isprintable():
        raise _refusal("its path contains control characters")
    return decoded or None


def _single_values(query: str) -> dict[str, str]:
    """The parameters, names in lower case."""
    values: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        name = name.lower()
        # Readers differ on which of two values counts, so the value is unreadable.
        values[name] = "" if name in values else value
    return values


def _signature(query: dict[str, str]) -> Signature:
    if "x-amz-signature" in query:
        return Signature.SIGV4
    return Signature.SIGV2 if "signature" in query else Signature.NONE


def _expiry(signature: Signature, query: dict[str, str]) -> datetime | None:
    try:
        if signature is Signature.SIGV4:
            signed, seconds = _signing_moment(query), _life_seconds(query)
            if signed is None or seconds is None or not 0 <= seconds <= MAX_EXPIRY.total_seconds():
                return None
            return signed + timedelta(seconds=seconds)
        if signature is Signature.SIGV2 and _DIGITS.fullmatch(query.get("expires", "")):
            return datetime.fromtimestamp(int(query["expires"]), UTC)
    except (ValueError, OverflowError, OSError):  # the digits are not a valid date
        return None
    return None


def _signing_moment(query: dict[str, str]) -> datetime | None:
    date = query.get("x-amz-date", "")
    try:
        return datetime.fromisoformat(date) if _SIGV4_DATE.fullmatch(date) else None
    except ValueError:
        return None


def _life_seconds(query: dict[str, str]) -> int | None:
    seconds = query.get("x-amz-expires", "")
    return int(seconds) if _SECONDS.fullmatch(seconds) else None


def _signing_region(query: dict[str, str]) -> str | None:
    """From `ACCESS_KEY/20250102/eu-west-2/s3/aws4_request`."""
    scope = query.get("x-amz-credential", "").split("/")
    return scope[-3] if len(scope) >= 5 and _REGION.fullmatch(scope[-3]) else None


def _redact_parameter(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    secret = unquote_plus(name).lower() in _SECRET_PARAMETERS
    return f"{name}={REDACTED}" if secret and value else name + equals + value
