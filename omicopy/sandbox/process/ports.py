"""Finds free loopback ports for servers that must know their port before they start."""

from __future__ import annotations

import random
import socket
import threading

# Linux and the BSDs take the ports of outgoing connections from above this range. A port in their range could be taken
# after it was found free and before the server binds it.
_LOWEST, _HIGHEST = 12_000, 32_000

_random = random.SystemRandom()  # not seeded: two processes with the same seed would try the same ports
_handed_out: set[int] = set()
_lock = threading.Lock()


def free_ports(count: int) -> list[int]:
    """Returns ports that are free now, each only once per process. Another process may still take one first."""
    with _lock:
        ports: list[int] = []
        while len(ports) < count:
            port = _random.randint(_LOWEST, _HIGHEST)
            if port not in _handed_out and _is_free(port):
                _handed_out.add(port)
                ports.append(port)
        return ports


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
