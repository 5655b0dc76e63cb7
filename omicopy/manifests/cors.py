"""CORS rules of a bucket in S3's format: checks origins, and adds a rule for those that can't upload yet. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model import json_fields

Rule = dict[str, Any]
"""`AllowedOrigins`, `AllowedMethods`, and if set `AllowedHeaders`, `ExposeHeaders`, `MaxAgeSeconds` and `ID`."""


@dataclass(frozen=True, slots=True)
class CorsRule:
    """One rule. `raw` is the rule as S3 returned it, with fields that omicopy doesn't know."""

    raw: Rule

    @property
    def origins(self) -> tuple[str, ...]:
        return self._texts("AllowedOrigins")

    @property
    def methods(self) -> tuple[str, ...]:
        return self._texts("AllowedMethods")

    @property
    def allowed_headers(self) -> tuple[str, ...]:
        return self._texts("AllowedHeaders")

    @property
    def exposed_headers(self) -> tuple[str, ...]:
        return self._texts("ExposeHeaders")

    @property
    def max_age_seconds(self) -> int | None:
        return self.raw.get("MaxAgeSeconds")

    def _texts(self, name: str) -> tuple[str, ...]:
        return tuple(self.raw.get(name) or ())


@dataclass(frozen=True, slots=True)
class CorsRules:
    """The rules of a bucket. In a dry run: as they would be."""

    bucket: str
    origins: tuple[str, ...]
    """The origins to allow."""
    rules: tuple[CorsRule, ...]
    added: tuple[CorsRule, ...]
    changed: bool
    """True if `added` was written."""


MAX_RULES = 100
"""S3's limit for one bucket."""
_LABEL = r"[a-z0-9_*-]+"
_ORIGIN = re.compile(
    rf"(?P<scheme>https?)://(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{{0,4}}))?"
)
_DEFAULT_PORT = {"http": 80, "https": 443}


def check_origin(text: str) -> str:
    """Returns the origin as a browser sends it: in lower case, without a trailing slash; or `*`. Raises USAGE."""
    if text == "*":
        return text
    origin = text.removesuffix("/").lower()
    found = _ORIGIN.fullmatch(origin)
    # Browsers send no default port, so a rule with one would never match.
    if text.isascii() and found and origin.count("*") <= 1:
        port = int(found["port"] or 0)
        if port <= 65_535 and port != _DEFAULT_PORT[found["scheme"]]:
            return origin
    named = "The given value" if "@" in text else repr(text)  # text before an @ may be a password (R8)
    raise OmicopyError(
        ErrorCode.USAGE,
        f"{named} is not an origin that browsers send",
        "Write https://HOST or http://HOST:PORT, with at most one '*' in HOST, without a path and without a"
        " default port (80, 443); or '*' for any origin.",
    )


def with_origins(options: Sequence[Rule], origins: Iterable[str]) -> list[Rule]:
    """Returns the given rules, and after them one new rule for the origins that can't upload yet. Raises QUOTA.

    The new rule is the documented one ("Creating a Pre-Signed URL"). It comes last because S3 uses the first rule that
    fits: requests that fit an existing rule are answered as before.
    """
    missing = [origin for origin in dict.fromkeys(origins) if not any(_allows_upload(rule, origin) for rule in options)]
    if not missing:
        return list(options)
    # Checked here: S3's own refusal comes only with the write, and a dry run would not show it.
    if len(options) >= MAX_RULES:
        message = f"The bucket has {len(options)} CORS rules, and S3 allows at most {MAX_RULES}"
        hint = "Remove an unused rule, or merge some, then run the same command again."
        raise OmicopyError(ErrorCode.QUOTA, message, hint)
    return [*options, _upload_rule(missing)]


def _upload_rule(origins: list[str]) -> Rule:
    return {
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag", "x-amz-meta-tag"],
        "AllowedMethods": ["PUT"],
        "MaxAgeSeconds": 3000,
        "AllowedOrigins": origins,
    }


def _allows_upload(rule: Rule, origin: str) -> bool:
    """True if the rule lets pages of `origin` PUT with any header. An origin with `*` needs a rule that covers all of
    its matches."""
    return (
        "PUT" in json_fields.texts(rule, "AllowedMethods")
        and "*" in json_fields.texts(rule, "AllowedHeaders")
        and any(_matches(pattern, origin) for pattern in json_fields.texts(rule, "AllowedOrigins"))
    )


def _matches(pattern: str, origin: str) -> bool:
    """True if S3 would match: letter by letter, and one `*` for any text, including none."""
    start, star, end = pattern.partition("*")
    if not star:
        return pattern == origin
    # The length matters: "ab*ba" must not match "aba".
    return len(origin) >= len(start + end) and origin.startswith(start) and origin.endswith(end)
