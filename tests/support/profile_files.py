"""Profiles in files, in both dialects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import strategies as st

from omicopy.cloud.profiles.profile import Account, resolve_profile
from omicopy.cloud.profiles.settings import _VARIABLES
from omicopy.errors import ErrorCode, OmicopyError

SDK = {"access_key": "SDKACCESS", "secret_key": "SDKSECRET", "region": "eu-west-2"}
CLI = {
    "access_key": "CLIACCESS",
    "secret_key": "CLISECRET",
    "region_name": "us-east-2",
    "host": "outscale.com",
    "https": True,
    "method": "POST",
}


def resolve(home: Path, name: str, profiles: object, environ: Mapping[str, str] | None = None) -> Account:
    file = home / ".osc" / "config.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(profiles if isinstance(profiles, str) else json.dumps(profiles), encoding="utf-8")
    return resolve_profile(name, environ or {}, home)


def refusal(home: Path, name: str, profiles: object, environ: Mapping[str, str] | None = None) -> OmicopyError:
    with pytest.raises(OmicopyError) as caught:
        resolve(home, name, profiles, environ)
    assert caught.value.code is ErrorCode.CONFIGURATION
    assert caught.value.hint
    return caught.value


def _own(owner: str) -> st.SearchStrategy[str]:
    return st.text("abcXYZ0123456789", min_size=1, max_size=8).map(lambda text: f"{owner}-{text}")


STRAY_VARIABLES = st.dictionaries(
    st.sampled_from([f"OSC_{name}" for name in _VARIABLES.values()] + ["OSC_PROFILE", "AWS_ACCESS_KEY_ID"]),
    _own("stray"),
)
