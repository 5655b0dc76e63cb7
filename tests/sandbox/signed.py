"""Requests to the API that a test signs itself, with OUTSCALE's SDK."""

from __future__ import annotations

import requests
from osc_sdk_python.authentication import Authentication
from osc_sdk_python.credentials import Profile

from tests.support.children import PATIENCE


def signed_request(sandbox, profile="source", action="ReadAccounts", body="{}", at="eu-west-2", moment=None, **changes):
    account = sandbox.accounts[profile]
    values = {"access_key": account.access_key, "secret_key": account.secret_key, "region": account.region} | changes
    authentication = Authentication(Profile(**values), "127.0.0.1")
    if moment is not None:
        authentication.build_dates = lambda: (moment.strftime("%Y%m%dT%H%M%SZ"), moment.strftime("%Y%m%d"))
    request = requests.Request("POST", f"{sandbox.api_urls[at]}/api/v1/{action}", data=body, auth=authentication)
    return request.prepare()


def send(request):
    with requests.Session() as session:
        return session.send(request, timeout=PATIENCE)


def refusal(answer):
    error = answer.json()["Errors"][0]
    return answer.status_code, error["Code"], error["Type"]
