"""Any settings: two profiles and the environment never mix, and any JSON is an account or a configuration error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st

from omicopy.cloud.profiles.profile import Account
from omicopy.errors import ErrorCode, OmicopyError
from tests.support.profile_files import CLI, SDK, STRAY_VARIABLES, _own, refusal, resolve


def _sdk_dialect(owner: str) -> st.SearchStrategy[dict[str, Any]]:
    address = _own(owner).map(lambda host: f"https://{host}.example")
    return st.fixed_dictionaries(
        {"access_key": _own(owner), "secret_key": _own(owner), "region": _own(owner)},
        optional={
            "endpoints": st.fixed_dictionaries({}, optional={"api": address, "oos": address}),
            "protocol": st.sampled_from(["http", "https"]),
            "x509_client_cert": _own(owner),
        },
    )


def _cli_dialect(owner: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"access_key": _own(owner), "secret_key": _own(owner), "region_name": _own(owner)},
        optional={
            "endpoint": _own(owner),
            "host": _own(owner),
            "https": st.booleans(),
            "client_certificate": _own(owner),
            "method": st.just("POST"),
        },
    )


def _profile(owner: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(_sdk_dialect(owner), _cli_dialect(owner))


ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@ONE_FOLDER
@given(left=_profile("left"), right=_profile("right"), environ=STRAY_VARIABLES)
def test_two_profiles_and_the_environment_never_mix(
    tmp_path: Path, left: dict[str, Any], right: dict[str, Any], environ: dict[str, str]
) -> None:
    profiles = {"left": left, "right": right}
    for name, other in (("left", "right"), ("right", "left")):
        account = resolve(tmp_path, name, profiles, environ)
        values = [getattr(account, field) for field in Account.__slots__]
        assert not any(other in str(value) or "stray" in str(value) for value in values)
        assert account.access_key == profiles[name]["access_key"]
        assert account.secret_key == profiles[name]["secret_key"]
        assert name in account.region


@ONE_FOLDER
@given(profile=_profile("own"), environ=STRAY_VARIABLES, other=_profile("other"), choice=st.integers(0, 2))
def test_a_profile_that_lacks_a_key_names_that_key(
    tmp_path: Path, profile: dict[str, Any], environ: dict[str, str], other: dict[str, Any], choice: int
) -> None:
    key = ("access_key", "secret_key", "region")[choice]
    profile.pop(key, None) if key != "region" else [profile.pop(name, None) for name in ("region", "region_name")]
    error = refusal(tmp_path, "own", {"own": profile, "other": other, "default": other}, environ)
    assert f"{key} is missing" in error.message
    assert '"own"' in error.message


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*CLI, *SDK, "endpoints", "api", "oos"]), inner)
    ),
)


@ONE_FOLDER
@given(JSON)
def test_any_json_is_an_account_or_a_configuration_error(tmp_path: Path, content: object) -> None:
    for name in ("p", "p@us-east-2"):
        try:
            account = resolve(tmp_path, name, {"p": content})
        except OmicopyError as error:
            assert error.code is ErrorCode.CONFIGURATION  # noqa: PT017
        else:
            assert account.api_endpoint.startswith(("https://", "http://"))
