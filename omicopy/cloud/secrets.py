"""Secret values that this process knows, so that no message on stderr ever shows one (R8)."""

from __future__ import annotations

from omicopy.model.urls.presigned_url import REDACTED

SHORTEST = 4
"""Characters. A shorter value is part of too many ordinary words to be taken out of a text."""
_values: set[str] = set()


def register_secret(*values: str) -> None:
    """Adds values that `without_secrets` takes out from now on: keys, passwords of proxies, URLs of monitors."""
    _values.update(value for value in values if len(value) >= SHORTEST)


def without_secrets(text: str) -> str:
    """The text with each registered value replaced, the longest first: one may contain another."""
    for value in sorted(_values, key=len, reverse=True):
        text = text.replace(value, REDACTED)
    return text
