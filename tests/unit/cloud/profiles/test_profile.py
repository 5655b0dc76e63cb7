"""Profiles: complete or refused, in both dialects of file, and never a mix of two accounts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from omicopy.cloud.profiles.profile import Account, StorageKey, resolve_profile
from omicopy.errors import ErrorCode, OmicopyError
from tests.support.profile_files import CLI, SDK, refusal, resolve

ELSEWHERE = {
    "OSC_ACCESS_KEY": "STRAY",
    "OSC_SECRET_KEY": "STRAY",
    "OSC_REGION": "stray",
    "OSC_ENDPOINT_API": "http://stray",
}


def test_an_sdk_profile_gets_its_regions_endpoints(tmp_path: Path) -> None:
    account = resolve(tmp_path, "prod", {"prod": SDK})
    assert account == Account(
        profile="prod",
        access_key="SDKACCESS",
        secret_key="SDKSECRET",
        region="eu-west-2",
        api_endpoint="https://api.eu-west-2.outscale.com/api/v1",
        oos_endpoint="https://oos.eu-west-2.outscale.com",
        client_cert=None,
        storage_key=StorageKey("prod", "SDKACCESS", "SDKSECRET"),
    )


def test_an_osc_cli_profile_gets_its_regions_endpoints(tmp_path: Path) -> None:
    account = resolve(tmp_path, "old", {"old": CLI})
    assert (account.access_key, account.secret_key, account.region) == ("CLIACCESS", "CLISECRET", "us-east-2")
    assert account.api_endpoint == "https://api.us-east-2.outscale.com/api/v1"
    assert account.oos_endpoint == "https://oos.us-east-2.outscale.com"


LOOPBACK = "http://127.0.0.1:8001"


@pytest.mark.parametrize(
    ("more", "api", "oos"),
    [
        ({"endpoints": {"api": f"{LOOPBACK}/api/v1", "oos": f"{LOOPBACK}/"}}, f"{LOOPBACK}/api/v1", LOOPBACK),
        ({"endpoints": {"api": LOOPBACK}}, f"{LOOPBACK}/api/v1", "https://oos.eu-west-2.outscale.com"),
        (
            {"endpoints": {"oos": "s3.example:9000", "oks": 7}},
            "https://api.eu-west-2.outscale.com/api/v1",
            "https://s3.example:9000",
        ),
        (
            {"endpoints": None, "protocol": "HTTP"},
            "http://api.eu-west-2.outscale.com/api/v1",
            "http://oos.eu-west-2.outscale.com",
        ),
        ({"protocol": "http", "endpoints": {"api": "a:1/x"}}, "http://a:1/x", "http://oos.eu-west-2.outscale.com"),
        ({"endpoint": LOOPBACK, "https": False}, f"{LOOPBACK}/api/v1", "http://oos.eu-west-2.outscale.com"),
        ({"endpoint": "127.0.0.1:8001/", "https": False}, f"{LOOPBACK}/api/v1", "http://oos.eu-west-2.outscale.com"),
        ({"endpoint": LOOPBACK, "host": "cloud.example"}, f"{LOOPBACK}/api/v1", "https://oos.eu-west-2.cloud.example"),
        (
            {"host": "cloud.example"},
            "https://api.eu-west-2.cloud.example/api/v1",
            "https://oos.eu-west-2.cloud.example",
        ),
        (
            {"endpoint": "http://old", "endpoints": {"api": "https://new"}},
            "https://new/api/v1",
            "https://oos.eu-west-2.outscale.com",
        ),
    ],
)
def test_endpoints_follow_the_profile(tmp_path: Path, more: dict[str, Any], api: str, oos: str) -> None:
    account = resolve(tmp_path, "p", {"p": {**SDK, **more}}, ELSEWHERE)
    assert (account.api_endpoint, account.oos_endpoint) == (api, oos)


@pytest.mark.parametrize("name", ["prod@us-west-1", "old@us-west-1", "env:SRC@us-west-1"])
def test_another_region_drops_the_endpoints_and_keeps_the_keys(tmp_path: Path, name: str) -> None:
    profiles = {
        "prod": {**SDK, "endpoints": {"api": LOOPBACK, "oos": LOOPBACK}},
        "old": {**CLI, "endpoint": LOOPBACK},
    }
    environ = {"SRC_ACCESS_KEY": "a", "SRC_SECRET_KEY": "s", "SRC_ENDPOINT_API": LOOPBACK, "SRC_ENDPOINT_OOS": LOOPBACK}
    account = resolve(tmp_path, name, profiles, environ)
    assert (account.profile, account.region) == (name, "us-west-1")
    assert account.access_key in ("SDKACCESS", "CLIACCESS", "a")
    assert account.api_endpoint == "https://api.us-west-1.outscale.com/api/v1"
    assert account.oos_endpoint == "https://oos.us-west-1.outscale.com"


def test_a_profile_name_may_contain_an_at_sign(tmp_path: Path) -> None:
    profiles = {"me@work": SDK, "me": {**SDK, "access_key": "OTHER"}}
    assert resolve(tmp_path, "me@work", profiles).region == "eu-west-2"
    assert resolve(tmp_path, "me@work@us-east-2", profiles).region == "us-east-2"
    assert resolve(tmp_path, "me@us-east-2", profiles).access_key == "OTHER"


def test_the_environment_is_a_profile_only_when_asked_for(tmp_path: Path) -> None:
    environ = {"SRC_ACCESS_KEY": "a", "SRC_SECRET_KEY": "s\n", "SRC_REGION": "eu-west-2", **ELSEWHERE}
    account = resolve_profile("env:SRC", environ, tmp_path)
    assert (account.access_key, account.secret_key, account.region) == ("a", "s", "eu-west-2")
    assert account.api_endpoint == "https://api.eu-west-2.outscale.com/api/v1"
    assert resolve_profile("env:OSC", environ, tmp_path).api_endpoint == "http://stray/api/v1"


def test_the_configuration_file_may_be_named(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("\ufeff" + json.dumps({"p": SDK}), encoding="utf-8")
    assert resolve_profile("p", {"OSC_CONFIG_FILE": str(other)}, tmp_path).region == "eu-west-2"
    assert resolve(tmp_path, "p", {"p": SDK}, {"OSC_CONFIG_FILE": ""}).region == "eu-west-2"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, None),
        ({"x509_client_cert": "c.pem"}, "c.pem"),
        ({"x509_client_cert": "c.pem", "x509_client_key": "k.pem"}, ("c.pem", "k.pem")),
        ({"client_certificate": "both.pem"}, "both.pem"),
    ],
)
def test_a_client_certificate_comes_from_the_profile(tmp_path: Path, more: dict[str, str], expected: object) -> None:
    assert resolve(tmp_path, "p", {"p": {**SDK, **more}}).client_cert == expected


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"access_key": None}, "access_key is missing"),
        ({"secret_key": "  "}, "secret_key is missing"),
        ({"secret_key": ["SDKSECRET"]}, "secret_key is not text"),
        ({"secret_key": "SDKSECRET\x00x"}, "secret_key contains a control character (U+0000)"),
        ({"secret_key": "SDK SECRET"}, "secret_key contains a blank"),
        ({"secret_key": "SDK\u00a0SECRET"}, "secret_key contains a no-break space (U+00A0)"),
        ({"access_key": "SDK\u200bACCESS"}, "access_key contains a zero width space (U+200B)"),
        ({"access_key": "SDKACCESSÉ"}, "access_key contains a letter that is not ASCII"),
        ({"secret_key": "SDKSECRET\u0430"}, "secret_key contains a letter that is not ASCII"),
        ({"secret_key": None, "secret_key\u00a0": "SDKSECRET"}, "there is a key 'secret_key\\xa0'"),
        ({"region": None, "Region": "eu-west-2"}, "there is a key 'Region'"),
        ({"region": "e" * 64}, "region is not a Region name"),
        ({"region": "eu..west"}, "region is not a Region name"),
        ({"region": ".".join(["e" * 60] * 5)}, "region is not a Region name"),
        ({"region": "région"}, "region contains a letter that is not ASCII"),
        ({"host": f"{'h' * 64}.example"}, "host is not an address: the host name is invalid"),
        ({"host": "höst.example"}, "host contains non-ASCII letters"),
        ({"endpoints": {"api": f"https://{'h' * 64}.example"}}, "endpoints.api is not an address: the host name"),
        ({"endpoints": {"api": "https://" + "h." * 200 + "example"}}, "endpoints.api is not an address: the host"),
        ({"endpoints": {"oos": "https://a..b"}}, "endpoints.oos is not an address: the host name is invalid"),
        ({"endpoints": {"oos": "https://-a.b"}}, "endpoints.oos is not an address: the host name is invalid"),
        ({"endpoints": {"oos": "https://bücher.example"}}, "endpoints.oos contains a letter that is not ASCII"),
        ({"endpoints": {"oos": "https://a:65536"}}, "endpoints.oos is not an address"),
        ({"endpoints": {"oos": "https://a:0"}}, "endpoints.oos is not an address"),
        ({"endpoints": {"oos": "https://a:99999"}}, "endpoints.oos is not an address"),
        ({"endpoints": {"oos": "https://[::1"}}, "endpoints.oos is not an address"),
        ({"endpoints": {"oos": "https://[::1::]"}}, "endpoints.oos is not an address"),
        ({"endpoints": {"oos": "https://a\\b"}}, "endpoints.oos is not an address"),
        ({"region": ""}, "region is missing"),
        ({"region": 5}, "region is not text"),
        ({"region": "eu/west"}, "region is not a Region name"),
        ({"region": "", "region_name": "eu west"}, "region_name contains a blank"),
        ({"protocol": "ftp"}, "protocol is neither"),
        ({"https": "no"}, "https is neither"),
        ({"endpoints": []}, "endpoints is not a JSON object"),
        ({"endpoints": {"api": 8}}, "endpoints.api is not text"),
        ({"endpoints": {"oos": "ftp://host"}}, "endpoints.oos is not an address"),
        ({"endpoints": {"oos": "https://me:SDKSECRET@host"}}, "endpoints.oos is not an address"),
        ({"endpoint": "http://host:port"}, "endpoint is not an address"),
        ({"endpoint": "http://"}, "endpoint is not an address"),
        ({"host": "[outscale"}, "host is not an address"),
        ({"x509_client_key": "k.pem"}, "x509_client_cert is missing"),
    ],
)
def test_a_wrong_setting_is_named_with_profile_and_file(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    error = refusal(tmp_path, "p", {"p": {**SDK, **more}}, ELSEWHERE)
    assert message in error.message
    assert f'Profile "p" in {tmp_path / ".osc" / "config.json"}' in error.message
    assert "SECRET" not in error.message + error.hint
    assert "SDKACCESS" not in error.message + error.hint


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p", "{", "not JSON"),
        ("p", "", "is empty"),
        ("p", " \n", "is empty"),
        ("p", '{"p":\u00a0{}}', "line 1, column 6, where there is a no-break space (U+00A0)"),
        ("p", "{'p': {}}", "line 1, column 2"),
        ("p", '{"p": {},}', "line 1, column"),
        ("p", " " * (1024 * 1024 + 1), "larger than 1048576 bytes"),
        ("p", '{"p": {}, "q": {}, "p": {}}', 'the profile "p" twice'),
        (
            "p",
            '{"q": {"access_key": "A", "region": "r", "access_key": "SDKSECRET"}}',
            'access_key of the profile "q" twice',
        ),
        (
            "p",
            '{"q": {"endpoints": {"api": "a", "oos": "b", "api": "SDKSECRET"}}}',
            'endpoints.api of the profile "q" twice',
        ),
        ("p", '{"p": {"region_name": "SDKSECRET", "region_name": "r"}}', 'region_name of the profile "p" twice'),
        ("p", "[" * 200_000, "not readable JSON"),
        ("p", "[]", "not a JSON object"),
        ("p", '{"p": "SDKSECRET"}', "not a JSON object"),
        ("q", {"p": SDK, "a": SDK}, 'no profile "q"'),
        ("q@us-east-2", {"p": SDK}, 'no profile "q"'),
        ("p@", {"p": SDK}, "no Region"),
        ("", {"p": SDK}, 'no profile ""'),
        ("@us-east-2", {"p": SDK}, 'no profile ""'),
        ("env:", {"p": SDK}, "variable names"),
        ("env:A B", {"p": SDK}, "variable names"),
        ("env:SRC@", {"p": SDK}, "no Region"),
    ],
)
def test_a_profile_that_cannot_be_found_says_why(tmp_path: Path, name: str, content: object, message: str) -> None:
    error = refusal(tmp_path, name, content)
    assert message in error.message
    assert "SDKSECRET" not in error.message


def test_an_unknown_profile_comes_with_the_names_that_exist(tmp_path: Path) -> None:
    assert "one, two" in refusal(tmp_path, "three", {"two": SDK, "one": SDK}).hint
    assert "'prod\\xa0'" in refusal(tmp_path, "prod", {"prod\u00a0": SDK}).hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_of_another_user_is_reported_as_unreadable(tmp_path: Path) -> None:
    (tmp_path / "closed").touch(0o000)
    with pytest.raises(OmicopyError, match="permission denied"):
        resolve_profile("p", {"OSC_CONFIG_FILE": str(tmp_path / "closed")}, tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(OmicopyError, match=r"no configuration file .*config\.json"):
        resolve_profile("p", {}, tmp_path)
    with pytest.raises(OmicopyError, match="is a folder"):
        resolve_profile("p", {"OSC_CONFIG_FILE": str(tmp_path)}, tmp_path)
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        (tmp_path / "wide").write_bytes(json.dumps({"p": SDK}).encode(encoding))
        with pytest.raises(OmicopyError, match="in UTF-16, not in UTF-8") as wide:
            resolve_profile("p", {"OSC_CONFIG_FILE": str(tmp_path / "wide")}, tmp_path)
        assert "Save it as UTF-8" in wide.value.hint
    (tmp_path / "latin").write_bytes(b'{"\xe9": {}}')
    with pytest.raises(OmicopyError, match="UTF-8"):
        resolve_profile("p", {"OSC_CONFIG_FILE": str(tmp_path / "latin")}, tmp_path)


def test_no_secret_is_in_the_repr(tmp_path: Path) -> None:
    shown = repr(resolve(tmp_path, "p", {"p": SDK}))
    assert "SDKSECRET" not in shown
    assert "SDKACCESS" not in shown


@pytest.mark.parametrize("variable", ["SRC_ACCESS_KEY", "SRC_SECRET_KEY", "SRC_REGION"])
def test_a_missing_variable_is_named(tmp_path: Path, variable: str) -> None:
    environ = {"SRC_ACCESS_KEY": "a", "SRC_SECRET_KEY": "s", "SRC_REGION": "r", **ELSEWHERE}
    del environ[variable]
    with pytest.raises(OmicopyError, match=f"{variable} is missing") as caught:
        resolve_profile("env:SRC", environ, tmp_path)
    assert caught.value.code is ErrorCode.CONFIGURATION
