"""Failed authentications lock an access key for minutes."""

from __future__ import annotations

from omicopy.sandbox.main import Sandbox
from tests.sandbox.signed import refusal, send, signed_request


def test_four_wrong_signatures_lock_a_key_for_a_minute(sandbox: Sandbox) -> None:
    sandbox.scheduler.hold()

    def fail(times: int) -> None:
        for _ in range(times):
            assert refusal(send(signed_request(sandbox, secret_key="x" * 40)))[:2] == (401, "1")

    def answer() -> int:
        return send(signed_request(sandbox)).status_code

    fail(3)
    assert answer() == 200, "a right one between them ends the row"
    fail(4)
    assert refusal(send(signed_request(sandbox))) == (401, "1", "AccessDenied")
    assert send(signed_request(sandbox, "source-other")).status_code == 200, "another key is not locked"
    sandbox.scheduler.advance(59)
    assert answer() == 401
    fail(4)
    sandbox.scheduler.advance(119)
    assert answer() == 401
    sandbox.scheduler.advance(2)
    assert answer() == 200


def test_a_key_is_locked_for_ten_minutes_at_most(sandbox: Sandbox) -> None:
    sandbox.scheduler.hold()
    for _ in range(48):
        send(signed_request(sandbox, secret_key="x" * 40))
    sandbox.scheduler.advance(599)
    assert send(signed_request(sandbox)).status_code == 401
    sandbox.scheduler.advance(2)
    assert send(signed_request(sandbox)).status_code == 200
