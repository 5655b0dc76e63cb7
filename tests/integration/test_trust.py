"""CA bundles and client certificates, made by openssl: which are used, and how unusable ones are reported."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from omicopy.cloud.http.network import Network
from omicopy.errors import ErrorCode, OmicopyError
from tests.support.authority import Authority, make_authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


def spoilt(folder: Path, name: str, authority: Authority) -> Path:
    """A bundle that can't be used, of one kind."""
    file = folder / name
    if name.startswith("folder"):
        file.mkdir()
        if name == "folder-unhashed":
            (file / "ca.pem").write_bytes(authority.bundle.read_bytes())
        elif name == "folder-garbage":
            (file / "12345678.0").write_text("nothing")
    elif name != "missing":
        whole = authority.bundle.read_bytes()
        content = {"empty": b"", "garbage": b"\0\xff" * 999, "key": authority.key.read_bytes()}
        content |= {"der": ssl.PEM_cert_to_DER_cert(whole.decode()), "cut": whole + whole[:-40]}
        file.write_bytes(content[name])
    return file


SPOILT = ["missing", "empty", "garbage", "key", "der", "cut", "folder-empty", "folder-unhashed", "folder-garbage"]


@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", ""])
def test_an_unusable_ca_bundle_is_reported_with_its_origin(
    tmp_path: Path, authority: Authority, variable: str, name: str
) -> None:
    path = str(spoilt(tmp_path, name, authority))
    network = Network({variable: path}) if variable else Network({}, path)
    with pytest.raises(OmicopyError) as caught:
        network.check()
    assert caught.value.code is ErrorCode.CONFIGURATION
    assert caught.value.message.startswith(f"{variable or '--ca-bundle'}: the ")
    assert path in caught.value.message


def test_an_unusable_client_certificate_is_reported(tmp_path: Path, authority: Authority) -> None:
    """It is also refused without asking for a passphrase."""
    good, key = str(authority.certificate), str(authority.key)
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("nothing")
    network = Network({})
    for bad in (
        str(tmp_path / "none.pem"),
        str(garbage),
        good,
        (good, str(garbage)),
        (good, str(authority.folder / "ca.key")),
    ):
        with pytest.raises(OmicopyError) as caught:
            network.tls(bad)
        assert caught.value.code is ErrorCode.CONFIGURATION
        assert (bad if isinstance(bad, str) else bad[1]) in caught.value.message
    assert network.tls((good, key)) is network.tls((good, key)) is not network.tls()
