"""A pre-signed URL, read without trusting it: what it points to, who signed it how, until when; and redaction (R8)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from urllib.parse import SplitResult, parse_qsl, unquote, unquote_plus, urlsplit

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.urls.address import HostScope, host_scope

MAX_EXPIRY = timedelta(days=7)
"""The longest life a SigV4 URL may have (DOMAIN.md §2); a store refuses one that asks for more."""

LONGEST_VALIDITY = MAX_EXPIRY - timedelta(hours=1)
"""What can be asked of URLs that may have been signed a moment ago."""

REDACTED = "REDACTED"

MAX_URL_CHARACTERS = 16 * 1024
"""No server takes a longer one, and what is made of many thousand parameters takes long to be taken apart."""

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
    """A URL and what can be read from it. The URL itself is a live secret: `redacted()` is the one to show."""

    url: str = field(repr=False)
    scheme: str
    host: str
    """In lower case, with the port when the URL names one."""
    bucket: str | None
    """Path-style: the first segment of the path."""
    key: str | None
    """The rest of the path, percent-decoded, as it stands: it may hold `..` or `//`. Always printable."""
    signature: Signature
    expires_at: datetime | None
    """Aware, in UTC. None is unknown, never valid: no signature, or fields that can't be read."""
    signed_for: str | None
    """SigV4 only: the Region in the credential's scope."""
    signed_at: datetime | None = None
    """SigV4 only: aware, in UTC."""
    life_seconds: int | None = None
    """SigV4 only: how long it was signed for, also where no store accepts that."""

    @property
    def place(self) -> str:
        """The URL without its query, to be shown."""
        return f"{self.scheme}://{self.host}/{self.bucket or ''}" + (f"/{self.key}" if self.key else "")

    @property
    def is_exposed(self) -> bool:
        """Plain http to another machine: whoever sits in between reads it, and may change what comes back."""
        return self.scheme == "http" and not self.is_local

    @property
    def is_local(self) -> bool:
        """Whether it leads to this very machine."""
        return self.reach is HostScope.MACHINE

    @property
    def reach(self) -> HostScope:
        """Where its host leads, as far as its text tells."""
        return host_scope(self.hostname)

    @property
    def hostname(self) -> str:
        """In lower case, without the port."""
        return urlsplit(self.url).hostname or ""

    def is_at(self, endpoint: str) -> bool:
        """Whether it leads to an endpoint such as `https://oos.eu-west-2.outscale.com`."""
        own = urlsplit(endpoint)
        port = {"https": ":443", "http": ":80"}.get(own.scheme, "")
        is_same_host = self.host.removesuffix(port) == own.netloc.lower().removesuffix(port)
        return self.scheme == own.scheme and is_same_host

    def redacted(self) -> str:
        """The URL with every value that bears a signature or an access key replaced."""
        parts = urlsplit(self.url)
        query = "&".join(_redact_parameter(parameter) for parameter in parts.query.split("&") if parameter)
        return redact(f"{self.scheme}://{self.host}{parts.path}" + (f"?{query}" if query else ""))


def parse_presigned(text: str) -> PresignedUrl:
    """Read a URL from untrusted text. Raises OmicopyError(USAGE), without an echo, for what is no http(s) URL."""
    url = text.strip()
    if not url:
        raise _refusal("there is none")
    if len(url) > MAX_URL_CHARACTERS:
        raise _refusal(f"{len(url)} characters are more than a URL has (at most {MAX_URL_CHARACTERS})")
    if not _VISIBLE_ASCII.fullmatch(url):
        raise _refusal("it holds white space, control characters or letters that a URL must percent-encode")
    parts = _split(url)
    bucket, _, key = parts.path.removeprefix("/").partition("/")
    query = _single_values(parts.query)
    signature = _signature(query)
    is_sigv4 = signature is Signature.SIGV4
    return PresignedUrl(
        url=parts.scheme + url[len(parts.scheme) :],  # in lower case: not everybody who gets it reads HTTPS://
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
    """Any text with the values of signatures, tokens and access keys replaced. Twice is the same as once."""
    return _SECRET_IN_TEXT.sub(rf"\g<1>{REDACTED}", text)


def _refusal(reason: str) -> OmicopyError:
    return OmicopyError(
        ErrorCode.USAGE,
        f"This is not a usable pre-signed URL: {reason}.",
        "Pass the whole URL, on one line and in quotes, as it was handed over (https://…).",
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        raise _refusal("its host or port can't be read") from None
    if parts.scheme not in ("http", "https"):
        raise _refusal("it does not begin with https:// or http://")
    if "@" in parts.netloc:
        raise _refusal("it carries a user name or password")
    if not _HOST.fullmatch(parts.netloc):
        raise _refusal("it has no readable host")
    return parts


def _decoded(segment: str) -> str | None:
    try:
        decoded = unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise _refusal("its path is not UTF-8") from None
    if not decoded.isprintable():
        raise _refusal("its path holds control characters")
    return decoded or None


def _single_values(query: str) -> dict[str, str]:
    """The parameters, names in lower case. One given twice could be read either way: its value counts as unreadable."""
    values: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        name = name.lower()
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
    except (ValueError, OverflowError, OSError):  # digits that are no date
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
