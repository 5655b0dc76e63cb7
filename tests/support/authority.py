"""A certificate authority of our own, made with openssl, and servers whose certificates it signed."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.hostile import Hostile, Reply, served

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]


@dataclass(frozen=True)
class Authority:
    """Files in a folder: `ca.pem`, its `hashed` form, and a certificate for loopback and for `far.example`."""

    folder: Path

    @property
    def bundle(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def hashed(self) -> Path:
        return self.folder / "hashed"

    @property
    def certificate(self) -> Path:
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        return self.folder / "server.key"

    def context(self, asks_for_certificate: bool = False) -> ssl.SSLContext:
        """A server's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if asks_for_certificate:
            context.load_verify_locations(self.bundle)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def make_authority(folder: Path) -> Authority:
    authority = Authority(folder)
    _openssl(
        "req", "-x509", *_KEY, "-keyout", folder / "ca.key", "-out", authority.bundle, "-subj", "/CN=Test authority"
    )
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:far.example"
    signed = ["-CA", authority.bundle, "-CAkey", folder / "ca.key", "-subj", "/CN=server", "-addext", names]
    is_none = ["-addext", "basicConstraints=critical,CA:FALSE"]
    _openssl("req", "-x509", *_KEY, *signed, *is_none, "-keyout", authority.key, "-out", authority.certificate)
    authority.hashed.mkdir()
    name = _openssl("x509", "-noout", "-hash", "-in", authority.bundle).strip()
    shutil.copy(authority.bundle, authority.hashed / f"{name}.0")
    return authority


def _openssl(*words: str | Path) -> str:
    ran = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@contextmanager
def over_tls(context: ssl.SSLContext, *replies: Reply) -> Iterator[Hostile]:
    """A hostile server that speaks TLS. Its `url` begins with https."""
    server = Hostile(*replies)
    server.scheme = "https"
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with served(server):
        yield server
