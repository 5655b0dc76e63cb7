"""Fixtures of the sandbox's tests: a user with OUTSCALE's SDK, and boto3 clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from omicopy.sandbox.main import Sandbox
from tests.sandbox.s3 import Connect
from tests.sandbox.user import FAST, User


@pytest.fixture
def user(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    """A user with the sandbox's profiles. Exports and imports take a tenth of a second."""
    sandbox.reset(FAST)
    monkeypatch.setenv("OSC_CONFIG_FILE", str(sandbox.profiles))
    user = User(sandbox)
    yield user
    user.close()


@pytest.fixture
def connect(sandbox: Sandbox) -> Connect:
    """Makes a boto3 client for a profile. `settings` replace those that OUTSCALE's documentation recommends."""

    def connect(profile: str = "source", region: str = "", secret_key: str = "", **settings: Any) -> Any:
        account = sandbox.accounts[profile]
        recommended = {
            "signature_version": "s3v4",
            "retries": {"total_max_attempts": 1},
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        }
        return boto3.client(
            "s3",
            endpoint_url=sandbox.oos_urls[account.region],
            region_name=region or account.region,
            aws_access_key_id=account.access_key,
            aws_secret_access_key=secret_key or account.secret_key,
            config=Config(s3={"addressing_style": "path"}, **(recommended | settings)),
        )

    return connect
