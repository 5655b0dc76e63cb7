"""One decision for proxies, certificates and TLS, and the same words for what fails, whoever connects."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from omicopy.cloud.api import Api
from omicopy.cloud.errors import Cause, ServiceError
from omicopy.cloud.http.transport import Transport
from omicopy.cloud.object_storage import Storage
from omicopy.cloud.profiles.profile import Account, StorageKey
from omicopy.cloud.url_reader import UrlReader
from omicopy.errors import ErrorCode
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import parse_presigned
from omicopy.monitoring.ping import Ping
from tests.support.authority import Authority, make_authority, over_tls
from tests.support.hostile import Hostile, NoPause, Reply, account, hostile, transport
from tests.support.proxy import running_proxy
from tests.support.tool import LINUX, Tool

SECRET = "hidden%2Fsecret"
CREDENTIALS = "Basic " + base64.b64encode(b"user:hidden/secret").decode()
LISTING = b"<?xml version='1.0'?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


def ping(url: str, through: Transport) -> None:
    sending = Ping(f"{url}/monitor", through.network)
    sending._transport = through
    sending._post("", "")


USERS: dict[str, Callable[[Account, Transport], object]] = {
    "API read": lambda account, by: Api(account, by, NoPause()).read("ReadImages", 0.0, {}),
    "API write": lambda account, by: Api(account, by, NoPause()).write("CreateImage", 0.0, {}),
    "storage": lambda account, by: Storage(account, by, NoPause(), 0.0).sizes("omi-exports", ""),
    "storage put": lambda account, by: Storage(account, by, NoPause(), 0.0).put(S3Object("omi-exports", "key"), b"{}"),
    "probe": lambda account, by: UrlReader(by, NoPause(), 0.0).probe(parse_presigned(f"{account.oos_endpoint}/b/key")),
    "ping": lambda account, by: ping(account.oos_endpoint, by),
}
every_user = pytest.mark.parametrize("use", USERS.values(), ids=USERS)


def reply_for(use: Callable[..., object]) -> Reply:
    return Reply(body=b'{"Images": []}' if use in (USERS["API read"], USERS["API write"]) else LISTING)


def failure(use: Callable[[Account, Transport], object], account: Account, by: Transport) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        use(account, by)
    assert "hidden" not in f"{caught.value.message}{caught.value.hint}"
    return caught.value


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure(authority: Authority) -> Iterator[Hostile]:
    """A server over TLS, whose certificate only `authority` vouches for."""
    with over_tls(authority.context(), Reply()) as server:
        yield server


@pytest.fixture(scope="module")
def plain() -> Iterator[Hostile]:
    with hostile(Reply()) as server:
        yield server


def ready(server: Hostile, use: Callable[..., object]) -> Hostile:
    server.replies, server.requests = [reply_for(use)], []
    return server


# ---- through a proxy


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
@every_user
def test_an_https_target_is_reached_by_connect(
    secure: Hostile, authority: Authority, use: Callable[[Account, Transport], object], variable: str
) -> None:
    """Without a scheme, with a user and a password, and with a name that nobody but the proxy can look up."""
    ready(secure, use)
    with running_proxy(secure.server_address, credentials=CREDENTIALS) as proxy:
        by = transport(30, str(authority.bundle), **{variable: f"user:{SECRET}@{proxy.address}"})
        use(account("https://far.example:8443"), by)
        assert proxy.asked == ["CONNECT far.example:8443"]
    [(_, path, headers, _)] = secure.requests
    assert path.startswith("/")
    assert headers["Host"] == "far.example:8443"
    assert not [name for name in headers if name.lower().startswith("proxy-")]


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@every_user
def test_an_http_target_is_requested_in_absolute_form(
    plain: Hostile, use: Callable[[Account, Transport], object], variable: str
) -> None:
    ready(plain, use)
    with running_proxy(plain.server_address, credentials=CREDENTIALS) as proxy:
        use(account(plain.url), transport(30, **{variable: f"user:{SECRET}@{proxy.address}"}))
        [asked] = proxy.asked
    assert asked.split(" ")[1].startswith(f"{plain.url}/")
    assert len(plain.requests) == 1


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "127.0.0.0/8", "10.0.0.0/8,127.0.0.1:{port}", "*"])
@every_user
def test_a_host_in_no_proxy_is_reached_directly(
    plain: Hostile, use: Callable[[Account, Transport], object], no_proxy: str
) -> None:
    ready(plain, use)
    with running_proxy(plain.server_address) as proxy:
        exempt = no_proxy.format(port=plain.server_port)
        use(account(plain.url), transport(30, http_proxy=proxy.address, no_proxy=exempt))
        assert proxy.asked == []
    assert len(plain.requests) == 1


@pytest.mark.parametrize(
    ("settings", "cause", "code", "message"),
    [
        ({"credentials": "Basic x"}, Cause.REFUSED, ErrorCode.CONFIGURATION, "refuses to connect to {host}: HTTP 407"),
        ({"status": 403}, Cause.REFUSED, ErrorCode.CONFIGURATION, "refuses to connect to {host}: HTTP 403 Forbidden"),
        ({"status": 405}, Cause.REFUSED, ErrorCode.CONFIGURATION, "refuses to connect to {host}: HTTP 405"),
        ({"status": 502}, Cause.UNREACHABLE, ErrorCode.TEMPORARY, "can't reach {host}: HTTP 502 Bad Gateway"),
        ({"status": 503}, Cause.UNREACHABLE, ErrorCode.TEMPORARY, "can't reach {host}: HTTP 503"),
        ({"raw": b"SSH-2.0-OpenSSH\r\n\r\n"}, Cause.UNREACHABLE, ErrorCode.TEMPORARY, "can't be reached"),
        ({"raw": b"\r\n"}, Cause.UNREACHABLE, ErrorCode.TEMPORARY, "can't be reached"),
    ],
)
@every_user
def test_a_proxys_failure_is_named_and_leaves_no_doubt(
    secure: Hostile,
    use: Callable[[Account, Transport], object],
    settings: dict[str, object],
    cause: Cause,
    code: ErrorCode,
    message: str,
) -> None:
    ready(secure, use)
    with running_proxy(secure.server_address, **settings) as proxy:
        by = transport(30, https_proxy=f"http://user:{SECRET}@{proxy.address}")
        error = failure(use, account(secure.url), by)
    host = secure.url.removeprefix("https://")
    assert (error.cause, error.code) == (cause, code)
    assert f"the proxy {proxy.address} {message.format(host=host)}" in error.message
    assert secure.requests == []


@every_user
def test_a_proxy_that_wants_a_password_is_named_for_http_too(
    plain: Hostile, use: Callable[[Account, Transport], object]
) -> None:
    ready(plain, use)
    with running_proxy(plain.server_address, credentials="Basic other") as proxy:
        error = failure(use, account(plain.url), transport(30, http_proxy=proxy.address))
    assert (error.cause, error.code) == (Cause.REFUSED, ErrorCode.CONFIGURATION)
    assert "http_proxy: http://USER:PASSWORD@" in error.hint


@pytest.mark.parametrize("scheme", ["http", "https"])
@every_user
def test_a_proxy_that_is_down_is_named(use: Callable[[Account, Transport], object], scheme: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        by = transport(30, all_proxy=f"user:{SECRET}@{address}")
        error = failure(use, account(f"{scheme}://127.0.0.1:1"), by)
    assert (error.cause, error.code) == (Cause.UNREACHABLE, ErrorCode.TEMPORARY)
    assert f"the proxy {address} can't be reached (Connection refused)" in error.message
    assert error.hint.startswith("all_proxy names this proxy")


@every_user
def test_an_unusable_proxy_is_exit_2_with_its_variable(
    plain: Hostile, use: Callable[[Account, Transport], object]
) -> None:
    ready(plain, use)
    for value in ("socks5h://127.0.0.1:1080", "http://user:hid/den@p:3128"):
        error = failure(use, account(plain.url), transport(30, http_proxy=value))
        assert (error.cause, error.code) == (Cause.REFUSED, ErrorCode.CONFIGURATION)
        assert "The variable http_proxy" in error.message
    assert plain.requests == []


@every_user
def test_a_proxy_may_speak_tls_itself(
    authority: Authority, secure: Hostile, plain: Hostile, use: Callable[[Account, Transport], object]
) -> None:
    """TLS to the proxy, and inside the tunnel TLS to the server."""
    for server in (ready(secure, use), ready(plain, use)):
        with running_proxy(server.server_address, tls=authority.context()) as proxy:
            by = transport(30, str(authority.bundle), all_proxy=f"https://{proxy.address}")
            use(account(server.url), by)
        assert len(server.requests) == 1


# ---- whose certificate is trusted


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "OMICOPY_CA_BUNDLE", ""])
@every_user
def test_a_ca_bundle_counts_for_all_connections(
    secure: Hostile, authority: Authority, use: Callable[[Account, Transport], object], variable: str
) -> None:
    ready(secure, use)
    bundle = str(authority.bundle)
    use(account(secure.url), transport(30, **{variable: bundle}) if variable else transport(30, bundle))
    assert len(secure.requests) == 1


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR", "OMICOPY_CA_BUNDLE", ""])
@every_user
def test_a_folder_of_certificates_counts_for_all_connections(
    secure: Hostile, authority: Authority, use: Callable[[Account, Transport], object], variable: str
) -> None:
    ready(secure, use)
    folder = str(authority.hashed)
    use(account(secure.url), transport(30, **{variable: folder}) if variable else transport(30, folder))
    assert len(secure.requests) == 1


@every_user
def test_an_untrusted_certificate_is_one_error_for_all(
    secure: Hostile, authority: Authority, use: Callable[[Account, Transport], object]
) -> None:
    """The API's, the storage's, a probe's and a ping's: the same code, words and hint; nothing was sent."""
    ready(secure, use)
    host = secure.url.removeprefix("https://")
    error = failure(use, account(secure.url), transport(30, AWS_CA_BUNDLE=str(authority.bundle)))
    assert (error.cause, error.code) == (Cause.REFUSED, ErrorCode.FAILED)
    assert f"the certificate of {host} is not trusted: " in error.message
    assert error.hint == "Certificates are checked against the system. Name other authorities with --ca-bundle FILE."
    assert secure.requests == []


@every_user
def test_a_host_that_the_certificate_lacks_is_not_trusted(
    secure: Hostile, authority: Authority, use: Callable[[Account, Transport], object]
) -> None:
    ready(secure, use)
    with running_proxy(secure.server_address) as proxy:
        by = transport(30, str(authority.bundle), https_proxy=proxy.address)
        error = failure(use, account("https://far.elsewhere:443"), by)
    assert (error.cause, error.code) == (Cause.REFUSED, ErrorCode.FAILED)
    assert "the certificate of far.elsewhere:443 is not trusted: Hostname mismatch" in error.message
    assert secure.requests == []


@pytest.mark.parametrize("user", ["API read", "API write", "storage", "storage put"])
def test_only_api_and_storage_show_the_client_certificate(authority: Authority, user: str) -> None:
    use = USERS[user]
    with over_tls(authority.context(asks_for_certificate=True), reply_for(use)) as server:
        shown = replace(account(server.url), client_cert=(str(authority.certificate), str(authority.key)))
        use(shown, transport(30, str(authority.bundle)))
        error = failure(use, account(server.url), transport(30, str(authority.bundle)))
        assert len(server.requests) == 1
    assert error.cause in (Cause.REFUSED, Cause.RESET)


def test_one_tls_context_is_made_once(secure: Hostile, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    from omicopy.cloud.http import trust

    made: list[object] = []
    genuine = trust.make_context
    monkeypatch.setattr(trust, "make_context", lambda *args: made.append(args) or genuine(*args))
    by = transport(30, str(authority.bundle))
    for use in USERS.values():
        use(account(ready(secure, use).url), by)
    assert len(made) == 1


# ---- what never leaves


@pytest.mark.parametrize("user", ["API read", "API write", "storage", "storage put", "probe"])
def test_an_impossible_host_is_not_the_servers_fault(user: str) -> None:
    host = "a" * 64 + ".example"
    try:
        error = failure(USERS[user], account(f"http://{host}"), transport(30))
    except Exception as raised:  # noqa: BLE001  the storage's client is not even made
        error = raised  # type: ignore[assignment]
    assert error.code is ErrorCode.CONFIGURATION
    assert "later" not in error.hint


@pytest.mark.parametrize(
    ("user", "key"),
    [
        *((user, "KEY\nX: y") for user in ("API read", "API write", "storage", "storage put")),
        *((user, "KŁUCZ") for user in ("API read", "API write")),
    ],
)
def test_a_key_that_fits_no_header_is_not_the_servers_fault(plain: Hostile, user: str, key: str) -> None:
    ready(plain, USERS[user])
    bad = replace(account(plain.url), access_key=key, storage_key=StorageKey("source", key, "SOMESECRETKEY"))
    error = failure(USERS[user], bad, transport(30))
    assert (error.cause, error.code) == (Cause.REFUSED, ErrorCode.CONFIGURATION)
    assert plain.requests == []


# ---- as a user meets it


def test_a_whole_copy_goes_through_a_proxy(tool: Tool) -> None:
    """API, storage and probes, with credentials, and not a word of them on stderr, however loud the log."""
    with running_proxy(None) as proxy:
        env = {"http_proxy": f"user:{SECRET}@{proxy.address}", "no_proxy": "", "NO_PROXY": ""}
        ran = tool.copy(LINUX, "-vv", **env)
        services = {asked.split("/")[2] for asked in proxy.asked}
    assert ran.copy["status"] == "copied"
    assert "hidden" not in ran.err
    assert len(services) == 3, "two APIs and a store"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("http_proxy", "socks5://127.0.0.1:1080"),
        ("all_proxy", "http://user:pass/word@p:3128"),
        ("REQUESTS_CA_BUNDLE", "/nonexistent/ca.pem"),
        ("CURL_CA_BUNDLE", "/dev/null"),
        ("SSL_CERT_FILE", "/nonexistent/ca.pem"),
        ("SSL_CERT_DIR", "/nonexistent"),
        ("OMICOPY_CA_BUNDLE", "/nonexistent"),
    ],
)
def test_an_unusable_setting_is_exit_2_before_any_request(tool: Tool, variable: str, value: str) -> None:
    none = dict.fromkeys(["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "no_proxy"], "")
    env = none | {"NO_PROXY": "", variable: value}
    for run in (
        lambda: tool.copy(LINUX, code=2, **env),
        lambda: tool.run("status", "--from", "source", code=2, **env),
        lambda: tool.url("s3://omi-exports/key", code=2, **env),
        lambda: tool.run("cors", "s3://omi-exports", "--from", "source", code=2, **env),
    ):
        assert variable in run().err
    assert tool.sandbox.request_log.requests() == []
