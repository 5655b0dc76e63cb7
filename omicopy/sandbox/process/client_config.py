"""Writes the configuration of clients (SDK, osc-cli, aws, boto3, s3cmd) for the sandbox's accounts."""

from __future__ import annotations

import configparser
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from omicopy.sandbox.model.settings import SandboxAccount


def write_client_config(
    folder: Path, accounts: Sequence[SandboxAccount], api_urls: Mapping[str, str], oos_urls: Mapping[str, str]
) -> Path:
    """Writes a home folder for osc-cli, aws, boto3 and s3cmd. Returns the file for `OSC_CONFIG_FILE`.

    The URLs are by Region, without a path. The SDK and osc-cli need different keys, so each has a file of its own.
    """
    sdk, osc_cli = {}, {}
    aws_config, aws_credentials = _ini(), _ini()
    for account in accounts:
        api, oos = api_urls[account.region], oos_urls[account.region]
        sdk[account.profile] = _for_the_sdk(account, api, oos)
        osc_cli[account.profile] = _for_osc_cli(account, api)
        if account.is_eim_user:  # its key does not work for object storage
            continue
        aws_config[f"profile {account.profile}"] = _for_aws(account, oos)
        aws_credentials[account.profile] = _keys(account, "aws_access_key_id", "aws_secret_access_key")
        _write(folder / _s3cfg_name(account), _text(_for_s3cmd(account, oos)))
    _write(folder / ".osc" / "config.json", json.dumps(osc_cli, indent=2))
    _write(folder / ".aws" / "config", _text(aws_config))
    _write(folder / ".aws" / "credentials", _text(aws_credentials))
    profiles = folder / "omicopy-profiles.json"
    _write(profiles, json.dumps(sdk, indent=2))
    return profiles


def _for_the_sdk(account: SandboxAccount, api_url: str, oos_url: str) -> dict[str, Any]:
    return {
        **_keys(account, "access_key", "secret_key"),
        "region": account.region,
        "protocol": "http",
        "endpoints": {"api": f"{api_url}/api/v1", "oos": oos_url},
    }


def _for_osc_cli(account: SandboxAccount, api_url: str) -> dict[str, Any]:
    return {
        **_keys(account, "access_key", "secret_key"),
        "region_name": account.region,
        "endpoint": api_url,
        "https": False,
        "method": "POST",
    }


def _for_aws(account: SandboxAccount, oos_url: str) -> dict[str, str]:
    """Checksums only where S3 requires them, as OUTSCALE's page on AWS tools says."""
    return {
        "region": account.region,
        "endpoint_url": oos_url,
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "s3": "\naddressing_style = path\nsignature_version = s3v4",
    }


def _for_s3cmd(account: SandboxAccount, oos_url: str) -> configparser.RawConfigParser:
    address = urlsplit(oos_url).netloc
    config = _ini()
    config["default"] = {
        **_keys(account, "access_key", "secret_key"),
        "bucket_location": account.region,
        "host_base": address,
        "host_bucket": address,
        "use_https": "False",
    }
    return config


def _s3cfg_name(account: SandboxAccount) -> str:
    return ".s3cfg" if account.profile == "source" else f".s3cfg-{account.profile}"


def _keys(account: SandboxAccount, access_key: str, secret_key: str) -> dict[str, str]:
    return {access_key: account.access_key, secret_key: account.secret_key}


def _ini() -> configparser.RawConfigParser:
    return configparser.RawConfigParser()


def _text(config: configparser.RawConfigParser) -> str:
    text = io.StringIO()
    config.write(text)
    return text.getvalue()


def _write(path: Path, content: str) -> None:
    """Writes a file with keys. Nobody but the owner can read it at any time."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(0o600)  # before the content: write_text would create it readable for others
    path.write_text(content)
