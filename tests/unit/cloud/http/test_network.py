"""Which proxy and whose certificates: the tables of `no_proxy`, of the variables, and of what can't be used."""

from __future__ import annotations

import base64

import pytest

from omicopy.cloud.http.network import Network
from omicopy.cloud.http.no_proxy import is_exempt
from omicopy.cloud.http.trust import find_trust
from omicopy.errors import ErrorCode, OmicopyError

HTTP, HTTPS = "http://oos.example/bucket/key", "https://api.example/api/v1"
CHOSEN = [
    # environment, the proxy of an http URL, that of an https URL
    ({}, None, None),
    ({"http_proxy": "http://p:3128"}, "http://p:3128", None),
    ({"https_proxy": "http://p:3128"}, None, "http://p:3128"),
    ({"HTTP_PROXY": "http://p:3128", "HTTPS_PROXY": "http://q:1"}, "http://p:3128", "http://q:1"),
    ({"https_proxy": "http://p:3128", "HTTPS_PROXY": "http://q:1"}, None, "http://p:3128"),
    ({"https_proxy": "", "HTTPS_PROXY": "http://q:1", "all_proxy": "http://a:1"}, "http://a:1", None),
    ({"all_proxy": "http://a:1"}, "http://a:1", "http://a:1"),
    ({"ALL_PROXY": "http://a:1", "http_proxy": "http://p:3128"}, "http://p:3128", "http://a:1"),
    ({"all_proxy": "http://a:1", "ALL_PROXY": "http://b:1"}, "http://a:1", "http://a:1"),
    ({"REQUEST_METHOD": "GET", "HTTP_PROXY": "http://p:1", "HTTPS_PROXY": "http://q:1"}, None, "http://q:1"),
    ({"REQUEST_METHOD": "GET", "http_proxy": "http://p:1"}, "http://p:1", None),
    ({"https_proxy": "p:3128"}, None, "http://p:3128"),
    ({"https_proxy": " //p:3128 "}, None, "http://p:3128"),
    ({"https_proxy": "p"}, None, "http://p:80"),
    ({"https_proxy": "HTTPS://P/"}, None, "https://p:443"),
    ({"https_proxy": "http://[::1]:3128"}, None, "http://[::1]:3128"),
    ({"https_proxy": "user:password@p:3128"}, None, "http://p:3128"),
    ({"all_proxy": "http://a:1", "no_proxy": "api.example"}, "http://a:1", None),
    ({"all_proxy": "http://a:1", "NO_PROXY": ".example"}, None, None),
    ({"all_proxy": "http://a:1", "no_proxy": "", "NO_PROXY": "*"}, "http://a:1", "http://a:1"),
    ({"https_proxy": "socks5h://s:1080", "no_proxy": "api.example"}, None, None),
]


@pytest.mark.parametrize(("environ", "http", "https"), CHOSEN)
def test_the_first_variable_that_is_set_names_the_proxy(
    environ: dict[str, str], http: str | None, https: str | None
) -> None:
    network = Network(environ)
    chosen = [network.proxy_for(url) for url in (HTTP, HTTPS)]
    assert [proxy and proxy.url for proxy in chosen] == [http, https]


@pytest.mark.parametrize(
    ("written", "decoded"),
    [
        ("user:password", "user:password"),
        ("user", "user:"),
        ("user:p%40ss%2Fword%3A%23", "user:p@ss/word:#"),
        ("user:p@ss", "user:p@ss"),
        ("us%C3%A9r:%F0%9F%98%80", "usér:😀"),
    ],
)
def test_r8_a_proxy_s_credentials_go_to_the_proxy_and_are_secret(written: str, decoded: str) -> None:
    network = Network({"https_proxy": f"http://{written}@p:3128"})
    proxy = network.proxy_for(HTTPS)
    assert proxy is not None
    assert proxy.headers == {"Proxy-Authorization": "Basic " + base64.b64encode(decoded.encode()).decode()}
    assert decoded not in repr(proxy)
    assert decoded not in proxy.url
    assert {written, base64.b64encode(decoded.encode()).decode()} <= set(network.secrets())


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("socks5://p:1080", "SOCKS"),
        ("SOCKS5H://user:hidden@p:1080", "SOCKS"),
        ("ftp://p:21", "of another kind"),
        ("http://", "not a proxy address"),
        ("http://p:0x50", "not a proxy address"),
        ("http://p:99999", "not a proxy address"),
        ("http://user:hid/den@p:3128", "not a proxy address"),
        ("http://user:1234/hidden@p:3128", "not a proxy address"),
        ("http://user:1234#hidden@p:3128", "not a proxy address"),
        ("http://[::1", "not a proxy address"),
        ("http://" + "a" * 64, "not a proxy address"),
        ("http://a b:3128", "not a proxy address"),
    ],
)
@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_an_unusable_proxy_is_reported_with_its_variable(variable: str, value: str, why: str) -> None:
    network = Network({variable: value})
    with pytest.raises(OmicopyError) as caught:
        network.proxy_for(HTTPS)
    assert caught.value.code is ErrorCode.CONFIGURATION
    assert caught.value.message.startswith(f"The variable {variable} ")
    assert why in caught.value.message
    assert "hid" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "expected"),
    [
        ("example.com", "example.com", 443, True),
        ("example.com", "EXAMPLE.com.", 443, True),
        ("example.com", "a.b.example.com", 443, True),
        (".example.com", "a.example.com", 443, True),
        (".example.com", "example.com", 443, True),
        ("*.example.com", "a.example.com", 443, True),
        ("example.com", "badexample.com", 443, False),
        ("example.com", "example.com.evil", 443, False),
        ("a.example.com", "example.com", 443, False),
        ("one, two  three", "three", 80, True),
        ("one,,two", "three", 80, False),
        ("*", "anything", 80, True),
        ("", "anything", 80, False),
        (".", "anything", 80, False),
        ("example.com:8443", "example.com", 8443, True),
        ("example.com:8443", "example.com", 443, False),
        ("10.0.0.1", "10.0.0.1", 80, True),
        ("10.0.0.1", "10.0.0.10", 80, False),
        ("10.0.0.1:81", "10.0.0.1", 80, False),
        ("10.0.0.0/8", "10.200.3.4", 80, True),
        ("10.1.2.3/8", "10.200.3.4", 80, True),
        ("10.0.0.0/8", "11.0.0.1", 80, False),
        ("10.0.0.0/8", "10.example.com", 80, False),
        ("10.0.0.0/99", "10.0.0.1", 80, False),
        ("::1", "::1", 80, True),
        ("[::1]", "::1", 80, True),
        ("[::1]:8080", "::1", 8080, True),
        ("[::1]:8080", "::1", 80, False),
        ("0:0:0:0:0:0:0:1", "::1", 80, True),
        ("fd00::/8", "fd12::1", 80, True),
        ("127.0.0.0/8,localhost", "localhost", 80, True),
    ],
)
def test_no_proxy(no_proxy: str, host: str, port: int, expected: bool) -> None:
    assert is_exempt(no_proxy, host, port) is expected


@pytest.mark.parametrize(
    ("environ", "option", "expected"),
    [
        ({"OMICOPY_CA_BUNDLE": "o", "REQUESTS_CA_BUNDLE": "r"}, "given", ["--ca-bundle"]),
        ({"OMICOPY_CA_BUNDLE": "o", "REQUESTS_CA_BUNDLE": "r"}, "o", ["OMICOPY_CA_BUNDLE"]),
        ({"OMICOPY_CA_BUNDLE": "o", "REQUESTS_CA_BUNDLE": "r"}, None, ["OMICOPY_CA_BUNDLE"]),
        ({"CURL_CA_BUNDLE": "c", "REQUESTS_CA_BUNDLE": "r", "SSL_CERT_FILE": "s"}, None, ["REQUESTS_CA_BUNDLE"]),
        ({"CURL_CA_BUNDLE": "c", "REQUESTS_CA_BUNDLE": "", "SSL_CERT_FILE": "s"}, None, ["CURL_CA_BUNDLE"]),
        ({"SSL_CERT_FILE": "s", "SSL_CERT_DIR": "a:b"}, None, ["SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_CERT_DIR"]),
        ({"SSL_CERT_DIR": "a"}, None, ["SSL_CERT_DIR"]),
    ],
)
def test_only_the_first_named_ca_bundle_is_used(
    environ: dict[str, str], option: str | None, expected: list[str]
) -> None:
    trust = find_trust(environ, option)
    assert trust.is_named
    assert [label for label, _ in trust.paths] == expected


@pytest.mark.parametrize("environ", [{}, {"AWS_CA_BUNDLE": "/nonexistent", "SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}])
def test_without_a_named_bundle_the_systems_cas_are_used(environ: dict[str, str]) -> None:
    network = Network(environ)
    assert not network.trust.is_named
    network.check()
    assert network.tls() is network.tls()
