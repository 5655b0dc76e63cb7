"""--storage: whose key signs and reads in the source's object storage, and where that key is read from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from omicopy.cloud.profiles.profile import Account, StorageKey, resolve_profile
from omicopy.cloud.profiles.storage_key import resolve_storage
from omicopy.errors import ErrorCode, OmicopyError

SOURCE = {"SRC_ACCESS_KEY": "EIMACCESS", "SRC_SECRET_KEY": "EIMSECRET", "SRC_REGION": "eu-west-2"}
CREDENTIALS = """
[own]
aws_access_key_id = OWNACCESS
aws_secret_access_key = OWNSECRET
"""
KEY = StorageKey("aws:own", "OWNACCESS", "OWNSECRET")
SECRETS = ("OWNACCESS", "OWNSECRET", "EIMSECRET", "TOKENVALUE")


def resolve(home: Path, text: str = "aws:own", config: str = "", credentials: str = "", **environ: str) -> Account:
    """What `--storage` makes of the account of `env:SRC`, with these files at home."""
    (home / ".aws").mkdir(exist_ok=True)
    for name, content in (("config", config), ("credentials", credentials)):
        if content:
            (home / ".aws" / name).write_text(content)
    account = resolve_profile("env:SRC", SOURCE, home)
    return resolve_storage(text, account, SOURCE | environ, home)


def refusal(home: Path, text: str = "aws:own", config: str = "", credentials: str = "", **environ: str) -> OmicopyError:
    with pytest.raises(OmicopyError) as caught:
        resolve(home, text, config, credentials, **environ)
    error = caught.value
    assert error.code is ErrorCode.CONFIGURATION
    assert error.hint
    assert not [secret for secret in SECRETS if secret in f"{error.message} {error.hint} {error.__cause__}"]
    return error


def test_a_storage_key_changes_nothing_but_the_key(tmp_path: Path) -> None:
    before = resolve_profile("env:SRC", SOURCE, tmp_path)
    account = resolve(tmp_path, credentials=CREDENTIALS)
    assert account.storage_key == KEY
    assert (account.access_key, account.secret_key) == ("EIMACCESS", "EIMSECRET")
    assert (account.region, account.oos_endpoint) == (before.region, before.oos_endpoint)
    assert (before.storage, account.storage) == (None, "aws:own")


def test_the_name_none_means_that_there_is_no_key(tmp_path: Path) -> None:
    account = resolve(tmp_path, "none")
    assert (account.storage_key, account.storage) == (None, "none")
    with pytest.raises(OmicopyError, match="no access key for the object storage of 'env:SRC'") as caught:
        account.require_storage_key()
    assert "--storage PROFILE" in caught.value.hint


ALIKE: dict[str, tuple[str, str]] = {
    "keys in the file for configuration": (CREDENTIALS.replace("[own]", "[profile own]"), ""),
    "both files, each with its part": ("[profile own]\nregion = eu-west-2\noutput = json\n", CREDENTIALS),
    "keys in both: those for credentials count": (
        "[profile own]\naws_access_key_id = OTHER\naws_secret_access_key = OTHER\n",
        CREDENTIALS,
    ),
    "a token beside keys that do not count": ("[profile own]\naws_session_token = TOKENVALUE\n", CREDENTIALS),
    "a role beside keys": ("[profile own]\nrole_arn = arn:aws:iam::1:role/x\n", CREDENTIALS),
}


@pytest.mark.parametrize(("config", "credentials"), ALIKE.values(), ids=list(ALIKE))
def test_both_files_of_the_aws_cli_are_read(tmp_path: Path, config: str, credentials: str) -> None:
    assert resolve(tmp_path, config=config, credentials=credentials).storage_key == KEY


def test_the_default_profile_has_no_prefix(tmp_path: Path) -> None:
    account = resolve(tmp_path, "aws:default", CREDENTIALS.replace("own", "default"))
    assert account.storage_key == StorageKey("aws:default", "OWNACCESS", "OWNSECRET")


def test_the_files_are_where_the_aws_cli_s_variables_say(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "c").write_text("[profile own]\nendpoint_url = http://127.0.0.1:1\n")
    (elsewhere / "k").write_text(CREDENTIALS)
    named = {"AWS_CONFIG_FILE": str(elsewhere / "c"), "AWS_SHARED_CREDENTIALS_FILE": str(elsewhere / "k")}
    account = resolve(tmp_path, config="[profile own]\nregion = x\n", credentials="[own]\n", **named)
    assert (account.storage_key, account.oos_endpoint) == (KEY, "http://127.0.0.1:1")


def test_variables_of_the_aws_cli_give_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "STRAY", "AWS_SECRET_ACCESS_KEY": "STRAY", "AWS_PROFILE": "own"}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    assert resolve(tmp_path, credentials=CREDENTIALS, **keys).storage_key == KEY
    assert "aws_access_key_id is missing" in refusal(tmp_path, credentials="[own]\nx = y\n", **keys).message


ENDPOINTS = {
    "of the profile": ("[profile own]\nendpoint_url = https://a.example\n", "https://a.example"),
    "of its services": (
        "[profile own]\nservices = osc\nendpoint_url = https://a.example\n"
        "[services osc]\ns3 =\n  endpoint_url = https://b.example/\n",
        "https://b.example",
    ),
    "services of another service": (
        "[profile own]\nservices = osc\n[services osc]\nec2 =\n  endpoint_url = https://b.example\n",
        "https://oos.eu-west-2.outscale.com",
    ),
    "none": ("[profile own]\nregion = eu-west-2\n", "https://oos.eu-west-2.outscale.com"),
}


@pytest.mark.parametrize(("config", "endpoint"), ENDPOINTS.values(), ids=list(ENDPOINTS))
def test_the_endpoint_is_the_profile_s_or_the_source_s(tmp_path: Path, config: str, endpoint: str) -> None:
    assert resolve(tmp_path, config=config, credentials=CREDENTIALS).oos_endpoint == endpoint


TOKEN = CREDENTIALS + "aws_session_token = TOKENVALUE\n"
REFUSED: dict[str, tuple[str, str, str]] = {
    "a session token": ("", TOKEN, "has a session token"),
    "an old session token": ("", TOKEN.replace("session", "security"), "has a session token"),
    "a token in the other file": (TOKEN.replace("[own]", "[profile own]"), "", "has a session token"),
    "no secret": ("", "[own]\naws_access_key_id = OWNACCESS\n", "aws_secret_access_key is missing"),
    "no keys": ("[profile own]\nregion = eu-west-2\n", "", "config: aws_access_key_id is missing"),
    "half in each file": (
        "[profile own]\naws_access_key_id = OWNACCESS\n",
        "[own]\naws_secret_access_key = OWNSECRET\n",
        "credentials: aws_access_key_id is missing",
    ),
    "a role": ("[profile own]\nrole_arn = x\nsource_profile = y\n", "", "come from role_arn"),
    "a process": ("[profile own]\ncredential_process = x\n", "", "come from credential_process"),
    "single sign-on": ("[profile own]\nsso_session = x\n", "", "come from sso_session"),
    "unknown": ("[profile a]\nregion = x\n", "[b]\n", "There is no AWS profile 'own'"),
    "no profile word": (CREDENTIALS, "", "There is no AWS profile 'own'"),
    "no files": ("", "", "There is no AWS profile 'own'"),
    "another Region": (
        "[profile own]\nregion = us-east-2\n",
        CREDENTIALS,
        "belongs to us-east-2, but 'env:SRC' to eu-west",
    ),
    "not a Region name": ("[profile own]\nregion = eu west\n", CREDENTIALS, "region contains a blank"),
    "no address": ("[profile own]\nendpoint_url = https://a b\n", CREDENTIALS, "endpoint_url contains a blank"),
    "another scheme": ("[profile own]\nendpoint_url = ftp://a\n", CREDENTIALS, "endpoint_url is not an address"),
    "a nested endpoint": ("[profile own]\nendpoint_url =\n  a = b\n", CREDENTIALS, "endpoint_url is not text"),
    "nested services": ("[profile own]\nservices =\n  a = OWNSECRET\n", CREDENTIALS, "services is not text"),
    "no services": ("[profile own]\nservices = x\n", CREDENTIALS, "no section [services x]"),
    "no INI": ("", "aws_access_key_id = OWNACCESS\n", "is not in the AWS CLI's format (line 1)"),
    "a bare line": ("", CREDENTIALS + "OWNSECRET\n", "is not in the AWS CLI's format (line 5)"),
    "a section twice": ("", CREDENTIALS + CREDENTIALS, "contains a section or a key twice (line 6)"),
    "a key twice": ("", CREDENTIALS + "aws_access_key_id = OWNACCESS\n", "contains a section or a key twice (line 5)"),
    "a bad nested block": ("[profile own]\ns3 =\n  OWNSECRET\n", CREDENTIALS, "is not in the AWS CLI"),
    "a bad profile name": ("[profile 'own]\nregion = x\n", "", "There is no AWS profile 'own'"),
    "quotes": ("", CREDENTIALS.replace("OWNACCESS", '"OWNACCESS"'), "aws_access_key_id begins with a quote"),
    "letters that can't be seen": ("", CREDENTIALS.replace("OWNSECRET", "OWN\u200bSECRET"), "aws_secret_access_key"),
}


@pytest.mark.parametrize(("config", "credentials", "message"), REFUSED.values(), ids=list(REFUSED))
def test_a_key_of_another_account_is_refused(tmp_path: Path, config: str, credentials: str, message: str) -> None:
    assert message in refusal(tmp_path, config=config, credentials=credentials).message


def test_an_unknown_name_lists_the_existing_ones(tmp_path: Path) -> None:
    error = refusal(tmp_path, "aws:nobody", "[profile one]\nregion = x\n[other]\n", CREDENTIALS)
    assert error.hint == "Profiles: one, own."


@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
def test_an_unreadable_file_is_named(tmp_path: Path, variable: str) -> None:
    folder, latin = tmp_path / "folder", tmp_path / "latin"
    folder.mkdir()
    latin.write_bytes(b"[own]\naws_secret_access_key = \xe9OWNSECRET\n")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # nobody writes into it: who opens it waits
    for file, message in ((folder, "is a folder"), (latin, "is not in UTF-8 (line 2)"), (pipe, "is a pipe")):
        error = refusal(tmp_path, **{variable: str(file)})
        assert str(file) in error.message
        assert message in error.message
    if os.geteuid():
        latin.chmod(0)
        assert "permission denied" in refusal(tmp_path, **{variable: str(latin)}).message


OTHER = {"OWN_ACCESS_KEY": "OWNACCESS", "OWN_SECRET_KEY": "OWNSECRET"}
PROFILES: dict[str, tuple[Mapping[str, str], str]] = {
    "two keys alone": ({}, "https://oos.eu-west-2.outscale.com"),
    "an endpoint of its own": ({"OWN_ENDPOINT_OOS": "http://store:1"}, "http://store:1"),
    "the same Region": ({"OWN_REGION": "eu-west-2"}, "https://oos.eu-west-2.outscale.com"),
}


@pytest.mark.parametrize(("more", "endpoint"), PROFILES.values(), ids=list(PROFILES))
def test_a_profile_gives_its_two_keys(tmp_path: Path, more: Mapping[str, str], endpoint: str) -> None:
    account = resolve(tmp_path, "env:OWN", **OTHER, **more)
    assert account.storage_key == StorageKey("env:OWN", "OWNACCESS", "OWNSECRET")
    assert account.oos_endpoint == endpoint


def test_a_profile_keeps_the_source_s_endpoint(tmp_path: Path) -> None:
    source = SOURCE | {"SRC_ENDPOINT_OOS": "http://127.0.0.1:9"}
    account = resolve_storage("env:OWN", resolve_profile("env:SRC", source, tmp_path), source | OTHER, tmp_path)
    assert account.oos_endpoint == "http://127.0.0.1:9"


def test_a_profile_of_another_region_is_refused(tmp_path: Path) -> None:
    assert "belongs to us-east-2" in refusal(tmp_path, "env:OWN", **OTHER, OWN_REGION="us-east-2").message
    assert "belongs to us-east-2" in refusal(tmp_path, "env:OWN@us-east-2", **OTHER).message
    assert "OWN_SECRET_KEY is missing" in refusal(tmp_path, "env:OWN", OWN_ACCESS_KEY="OWNACCESS").message
