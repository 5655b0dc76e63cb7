"""Matches hosts against `no_proxy`: names with their sub-domains, addresses and networks, optionally with a port, or
`*`."""

from __future__ import annotations

import ipaddress
import re

_WITH_PORT = re.compile(r"(\[[^\]]*\]|[^:]*):([0-9]{1,5})")


def is_exempt(no_proxy: str, host: str, port: int) -> bool:
    """True if the list names `host` (a URL's hostname) and `port`. Commas or spaces separate its entries."""
    host = host.rstrip(".").lower()
    return any(_matches(entry, host, port) for entry in re.split(r"[,\s]+", no_proxy) if entry)


def _matches(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    if found := _WITH_PORT.fullmatch(entry):
        entry = found[1]
        if int(found[2]) != port:
            return False
    entry = entry.strip("[]").rstrip(".").lower()
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:  # host or entry is a name
        name = entry.removeprefix("*").removeprefix(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
