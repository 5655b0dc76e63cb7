"""The API verifies every signature as the service does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import requests

from omicopy.sandbox.main import Sandbox
from tests.sandbox.signed import refusal, send, signed_request
from tests.support.children import PATIENCE

SIGNED = ("Authorization", "X-Osc-Date", "Content-Type")


def test_the_sdk_s_signature_is_accepted(sandbox: Sandbox) -> None:
    answer = send(signed_request(sandbox))
    assert answer.json()["Accounts"][0]["AccountId"] == sandbox.accounts["source"].account_id


def test_a_wrong_secret_key_is_refused(sandbox: Sandbox) -> None:
    assert refusal(send(signed_request(sandbox, secret_key="x" * 40))) == (401, "1", "AccessDenied")


def test_an_unknown_access_key_is_refused(sandbox: Sandbox) -> None:
    answer = send(signed_request(sandbox, access_key="A" * 20))
    assert refusal(answer) == (400, "4120", "InvalidParameterValue")


def test_an_account_of_another_region_is_unknown_here(sandbox: Sandbox) -> None:
    assert refusal(send(signed_request(sandbox, "target")))[:2] == (400, "4120")


def test_a_signature_for_another_region_is_refused(sandbox: Sandbox) -> None:
    assert refusal(send(signed_request(sandbox, region="us-east-2")))[:2] == (401, "1")


def test_a_tampered_body_is_refused(sandbox: Sandbox) -> None:
    request = signed_request(sandbox, body='{"DryRun": true} ')
    request.body = '{"DryRun": false}'
    assert refusal(send(request))[:2] == (401, "1")


def test_a_signature_for_another_call_is_refused(sandbox: Sandbox) -> None:
    request = signed_request(sandbox)
    request.url = request.url.replace("ReadAccounts", "ReadImages")
    assert refusal(send(request))[:2] == (401, "1")


@pytest.mark.parametrize("name", SIGNED)
def test_a_tampered_header_is_refused(sandbox: Sandbox, name: str) -> None:
    request = signed_request(sandbox)
    request.headers[name] = request.headers[name][:-1] + ("0" if request.headers[name][-1] != "0" else "1")
    assert refusal(send(request))[0] == 401


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_date_six_minutes_off_is_refused(sandbox: Sandbox, minutes: int) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    assert refusal(send(signed_request(sandbox, moment=moment)))[:2] == (401, "1")


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_date_four_minutes_off_is_accepted(sandbox: Sandbox, minutes: int) -> None:
    assert send(signed_request(sandbox, moment=datetime.now(UTC) + timedelta(minutes=minutes))).status_code == 200


@pytest.mark.parametrize("header", [None, "Basic bWU6c2VjcmV0", "OSC4-HMAC-SHA256 nonsense"])
def test_a_missing_or_wrong_header_is_refused(sandbox: Sandbox, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = requests.post(
        f"{sandbox.api_urls['eu-west-2']}/api/v1/ReadImages", "{}", headers=headers, timeout=PATIENCE
    )
    assert answer.status_code == 401


def test_read_regions_needs_no_signature(sandbox: Sandbox) -> None:
    answer = requests.post(f"{sandbox.api_urls['us-east-2']}/api/v1/ReadRegions", "{}", timeout=PATIENCE).json()
    assert {region["RegionName"] for region in answer["Regions"]} == {"eu-west-2", "us-east-2"}
    assert sandbox.request_log.count("ReadRegions", region="us-east-2") == 1


def test_a_refused_request_is_recorded_with_its_account(sandbox: Sandbox) -> None:
    send(signed_request(sandbox, secret_key="x" * 40, body=json.dumps({"DryRun": True})))
    [request] = sandbox.request_log
    assert (request.account, request.action, request.status, request.service) == ("source", "ReadAccounts", 401, "api")
