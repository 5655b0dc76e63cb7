"""TLS contexts: the trusted authorities, and our own client certificate."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from omicopy.cloud.http.timed_sockets import TimedTlsSocket
from omicopy.errors import ErrorCode, OmicopyError

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]{1,3}")
"""File names that OpenSSL looks for in a folder of certificates. `openssl rehash` creates them."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Files and folders of authorities' certificates, each with the option or variable that names it."""

    paths: tuple[tuple[str, str], ...]
    is_named: bool = True
    """True if the user named them; False for the defaults."""

    def __str__(self) -> str:
        if not self.is_named:
            return self.paths[0][0]
        return ", ".join(f"{label} ({path})" for label, path in self.paths)


def find_trust(environ: Mapping[str, str], ca_bundle: str | None) -> Trust:
    """The trusted certificates. The first setting counts, and no other; an empty variable is unset."""
    if ca_bundle is not None:
        from_variable = ca_bundle == environ.get("OMICOPY_CA_BUNDLE")
        return Trust((("OMICOPY_CA_BUNDLE" if from_variable else "--ca-bundle", ca_bundle),))
    for name in ("OMICOPY_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if environ.get(name):
            return Trust(((name, environ[name]),))
    files = [("SSL_CERT_FILE", environ["SSL_CERT_FILE"])] if environ.get("SSL_CERT_FILE") else []
    folders = [("SSL_CERT_DIR", each) for each in environ.get("SSL_CERT_DIR", "").split(os.pathsep) if each]
    return Trust((*files, *folders)) if files or folders else Trust(_defaults(), is_named=False)


def _defaults() -> tuple[tuple[str, str], ...]:
    """The system's authorities, as curl and OpenSSL find them, but without the environment; else certifi's."""
    paths = ssl.get_default_verify_paths()
    file, folder = Path(paths.openssl_cafile), Path(paths.openssl_capath)
    found = [("the system", str(file))] if file.is_file() else []
    found += [("the system", str(folder))] if folder.is_dir() and any(folder.iterdir()) else []
    if found:
        return tuple(found)
    import certifi

    return (("certifi", certifi.where()),)


def make_context(trust: Trust, client_cert: str | tuple[str, str] | None) -> ssl.SSLContext:
    """The TLS context. Raises CONFIGURATION, with the setting's name, for an unusable file or folder."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificates and host names; at least TLS 1.2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # like curl: trusts all of the bundle, not only roots
    context.sslsocket_class = TimedTlsSocket
    for label, path in trust.paths:
        _load(context, label, path, trust.is_named)
    if client_cert is not None:
        _load_client_cert(context, client_cert)
    return context


def _load(context: ssl.SSLContext, label: str, path: str, is_named: bool) -> None:
    hint = "Name a file of certificates (PEM), or a folder of them under hashed names (openssl rehash)."
    is_folder = os.path.isdir(path)  # noqa: PTH112  never raises

    def load() -> None:
        if is_folder and is_named and not any(map(_is_certificate, _hashed(path))):
            raise ValueError("it contains no certificate with a hashed name")
        context.load_verify_locations(**({"capath": path} if is_folder else {"cafile": path}))
        if not is_folder and not context.cert_store_stats()["x509"]:
            raise ValueError("it contains no certificate")

    _loaded(load, f"{label}: the {'folder' if is_folder else 'file'} {path!r} can't be used", hint)


def _load_client_cert(context: ssl.SSLContext, client_cert: str | tuple[str, str]) -> None:
    certificate, key = client_cert if isinstance(client_cert, tuple) else (client_cert, None)
    files = f"{certificate!r} with the key {key!r}" if key else repr(certificate)
    hint = "Correct the profile's x509_client_cert and x509_client_key: PEM files, the key without a passphrase."
    # With an empty password, OpenSSL doesn't prompt for one.
    load = partial(context.load_cert_chain, certificate, key, password="")
    _loaded(load, f"The client certificate {files} can't be used", hint)


def _loaded(load: Callable[[], None], message: str, hint: str) -> None:
    try:
        load()
    except ssl.SSLError as error:
        reason = (error.reason or "").replace("_", " ").lower() or str(error.args[-1])
        raise OmicopyError(ErrorCode.CONFIGURATION, f"{message}: {reason}", hint) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OmicopyError(ErrorCode.CONFIGURATION, f"{message}: {reason}", hint) from None


def _hashed(folder: str) -> list[Path]:
    return sorted(file for file in Path(folder).iterdir() if _HASHED.fullmatch(file.name))


def _is_certificate(file: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except (OSError, ssl.SSLError):
        return False
    return True
