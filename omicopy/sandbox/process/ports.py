"""Free loopback ports for servers that must be told theirs before they start."""

from __future__ import annotations

import random
import socket
import threading

# Below the range that Linux and the BSDs take ports of outgoing connections from: a port in that range can be taken
# between the moment it is found free and the moment the server binds it.
_LOWEST, _HIGHEST = 12_000, 32_000

_random = random.SystemRandom()  # whatever seed this process has: another may have the same
_handed_out: set[int] = set()
_lock = threading.Lock()


def free_ports(count: int) -> list[int]:
    """Ports free at this moment, none of them given out before by this process. Another process may still win one."""
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
