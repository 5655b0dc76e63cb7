"""Validates the address of a service before anything is sent to it."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_NETLOC = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@]+))(?::([0-9]{1,5})?)?")
_LONGEST_NAME = 253
_VISIBLE_ASCII = re.compile(r"[!-~]+")


def is_host_name(name: str) -> bool:
    """True if DNS allows the name: parts of 1 to 63 ASCII letters, digits, '-' or '_', separated by dots."""
    return len(name.removesuffix(".")) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None


def problem_of_address(url: str) -> tuple[str, str] | None:
    """Why the text isn't the http(s) URL of a service, and a hint. None if it is."""
    plain = "Write https://HOST or https://HOST:PORT/PATH."
    try:
        parts = urlsplit(url)
    except ValueError:
        return "is not an address", plain
    if parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        return "is not an address such as https://host or https://host:port/path", plain
    if not url.isascii():
        return "contains non-ASCII letters", "Write the host in its ASCII form, which begins with xn--."
    found = _NETLOC.fullmatch(parts.netloc)
    if not found or not _VISIBLE_ASCII.fullmatch(url):
        return "is not an address such as https://host or https://host:port/path", plain
    literal, name, port = found.groups()
    if port is not None and not 0 < int(port) <= 65_535:
        return "is not an address: a port is a number from 1 to 65535", plain
    if name is not None and not is_host_name(name):
        hint = f"Each part between dots has 1 to 63 letters, digits or '-', the whole at most {_LONGEST_NAME}."
        return "is not an address: the host name is invalid", hint
    return None if literal is None or _is_ipv6(literal) else ("is not an address: the IPv6 address is invalid", plain)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
