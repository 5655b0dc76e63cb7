"""Where a host leads, however its address is spelled."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given, strategies as st

from omicopy.model.urls.address import HostScope, host_scope
from omicopy.model.urls.presigned_url import parse_presigned

MACHINE = """
    127.0.0.1 127.1 127.0.1 127.255.255.254 127.000.000.001 0177.0.0.1 0x7f.1 0x7f000001 2130706433 017700000001 0.0.0.0
    0 [::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:0.0.0.0] [::127.0.0.1] localhost LocalHost
    localhost. 127.0.0.1. a.localhost b.a.localhost. localhost.localdomain ip6-localhost
"""
LINK = "169.254.169.254 169.254.1 2852039166 0xa9fea9fe [fe80::1] [::ffff:169.254.169.254]"
PRIVATE = """
    10.0.0.5 10.5 172.16.0.1 192.168.1.1 192.168.257 100.64.0.1 255.255.255.255 224.0.0.1 [fd00::1] [::ffff:10.0.0.5]
    metadata metadata.google.internal nas.local [64:ff9b::7f00:1] [2002:7f00:1::]
"""
PUBLIC = """
    oos.eu-west-2.outscale.com 8.8.8.8 134744072 1.1 [2001:4860:4860::8888] [::ffff:8.8.8.8] [64:ff9b::808:808]
    127.0.0.1.example.com localhost.example.com 1.2.3.4.5 local.example
"""
TABLE = [
    (host, reach)
    for hosts, reach in (
        (MACHINE, HostScope.MACHINE),
        (LINK, HostScope.LINK),
        (PRIVATE, HostScope.PRIVATE),
        (PUBLIC, HostScope.PUBLIC),
    )
    for host in hosts.split()
]


@pytest.mark.parametrize(("host", "reach"), TABLE)
def test_a_host_is_recognised_in_every_spelling(host: str, reach: HostScope) -> None:
    assert host_scope(host) is reach
    for port in ("", ":8080"):
        url = parse_presigned(f"http://{host}{port}/b/k")
        assert (url.reach, url.is_local) == (reach, reach is HostScope.MACHINE)
        assert url.is_exposed is (reach is not HostScope.MACHINE)


NUMBERS = st.sampled_from([0, 1, 7, 8, 127, 255, 256, 65_535, 65_536, 2**24, 2_130_706_433, 2**32 - 1, 2**32])
WRITTEN = st.builds(lambda form, number: form % number, st.sampled_from(["%d", "0%o", "00%o", "0x%x"]), NUMBERS)
ODD = st.sampled_from(["", "08", "0x", "a", "-1", "1e1"])


@given(st.lists(WRITTEN | ODD, min_size=1, max_size=5).map(".".join))
def test_an_address_is_read_as_the_system_reads_it(text: str) -> None:
    name = text.rstrip(".")
    try:
        theirs = host_scope(str(ipaddress.IPv4Address(socket.inet_aton(name))))
    except OSError:
        return
    if "0x." not in f"{name}.":  # not every system takes this for a zero
        assert host_scope(text) is theirs
