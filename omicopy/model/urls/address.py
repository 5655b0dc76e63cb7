"""Where a URL's host points, judged by its text: this machine, a private network, or elsewhere. Pure."""

from __future__ import annotations

import ipaddress
import re
from enum import Enum


class HostScope(Enum):
    """Where a host is, in words that fit after "which is"."""

    MACHINE = "this machine"
    LINK = "a link-local address"
    PRIVATE = "in a private network"
    PUBLIC = "public"


_NUMBER = re.compile(r"0x[0-9a-f]{1,99}|0[0-7]{0,99}|[1-9][0-9]{0,99}")
_LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
_PRIVATE_ENDS = (".internal", ".local", ".localdomain", ".lan", ".home.arpa", ".intranet")


def host_scope(host: str) -> HostScope:
    """Where `host` (without port) is. Names aren't resolved.

    All spellings of an address that a resolver accepts are recognised: 127.1, 0x7f.1, 2130706433, ::ffff:127.0.0.1,
    0.0.0.0.
    """
    name = host.lower().strip("[]").rstrip(".")
    address = _address(name)
    if address is not None:
        return _of_address(address)
    if name in _LOCAL_NAMES or name.endswith(".localhost"):
        return HostScope.MACHINE
    return HostScope.PRIVATE if "." not in name or name.endswith(_PRIVATE_ENDS) else HostScope.PUBLIC


def _of_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> HostScope:
    if isinstance(address, ipaddress.IPv6Address):
        if inner := _same_machine(address):
            return _of_address(inner)
        if (beyond := _behind_gateway(address)) and _of_address(beyond) is not HostScope.PUBLIC:
            return HostScope.PRIVATE  # the gateway's machine, not this one
    if address.is_loopback or address.is_unspecified:  # connecting to 0.0.0.0 or :: connects to this machine
        return HostScope.MACHINE
    if address.is_link_local:  # includes 169.254.169.254, where a cloud VM reads its credentials
        return HostScope.LINK
    return HostScope.PUBLIC if address.is_global and not address.is_multicast else HostScope.PRIVATE


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a resolver would read from `name`. None for a name."""
    if ":" not in name:
        return _ipv4(name)
    try:
        return ipaddress.IPv6Address(name.partition("%")[0])
    except ValueError:
        return None


def _ipv4(name: str) -> ipaddress.IPv4Address | None:
    """Parses like inet_aton(3): up to four numbers, decimal, octal or hexadecimal; the last one fills the remaining
    bytes."""
    parts = name.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    *first, last = [int(part, 16 if part.startswith("0x") else 8 if part.startswith("0") else 10) for part in parts]
    if any(number > 255 for number in first) or last >= 256 ** (4 - len(first)):
        return None
    return ipaddress.IPv4Address(sum(number << 24 - 8 * place for place, number in enumerate(first)) + last)


def _same_machine(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside an IPv6 one: mapped (::ffff:…), or the old form (::127.0.0.1)."""
    number = int(address)
    is_old = number >> 32 == 0 and number > 0xFFFF
    return address.ipv4_mapped or (ipaddress.IPv4Address(number) if is_old else None)


def _behind_gateway(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a gateway forwards a 6to4 or NAT64 address to."""
    is_nat64 = int(address) >> 32 == _NAT64
    return address.sixtofour or (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if is_nat64 else None)


_NAT64 = int(ipaddress.IPv6Address("64:ff9b::")) >> 32
