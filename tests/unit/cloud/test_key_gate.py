"""A key's first request goes alone, and a key that the service refused is not tried again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from omicopy.cloud.errors import Answer, Cause, ServiceError, refused, temporary
from omicopy.cloud.key_gate import KeyGate
from tests.support.children import PATIENCE

REFUSALS = {
    "wrong signature": Answer(401, "1", "AccessDenied"),
    "unreadable signature": Answer(401, "12", "AccessDenied"),
    "unknown key": Answer(400, "4120", "InvalidParameterValue"),
    "unknown to the store": Answer(403, kind="InvalidAccessKeyId"),
    "wrong signature at the store": Answer(403, kind="SignatureDoesNotMatch"),
}
OTHERS = {
    "somebody else's image": Answer(401, "5", "AccessDenied"),
    "no right": Answer(403, "4", "AccessDenied"),
    "no right to the bucket": Answer(403, kind="AccessDenied"),
    "not there": Answer(400, "5023", "InvalidResource"),
}


def error(answer: Answer) -> ServiceError:
    return refused("ReadAccounts", "p (r)", answer)


def send(gate: KeyGate, failure: Exception | None = None) -> None:
    with gate.admit(PATIENCE):
        if failure:
            raise failure


@pytest.mark.parametrize("answer", REFUSALS.values(), ids=list(REFUSALS))
def test_after_a_refusal_of_the_key_nothing_is_sent(answer: Answer) -> None:
    gate, refusal = KeyGate(), error(answer)
    with pytest.raises(ServiceError):
        send(gate, refusal)
    for _ in range(2):
        with pytest.raises(ServiceError) as caught:
            send(gate, AssertionError("it was sent"))
        assert caught.value is refusal


@pytest.mark.parametrize("answer", OTHERS.values(), ids=list(OTHERS))
def test_any_other_refusal_closes_nothing(answer: Answer) -> None:
    gate = KeyGate()
    with pytest.raises(ServiceError):
        send(gate, error(answer))
    send(gate)
    assert gate.refusal is None


def test_a_key_that_the_api_refused_is_not_tried_at_the_store() -> None:
    api = KeyGate()
    store = KeyGate(api)
    with pytest.raises(ServiceError):
        send(api, error(REFUSALS["wrong signature"]))
    with pytest.raises(ServiceError):
        send(store, AssertionError("it was sent"))


def test_a_key_that_the_store_refused_still_works_for_the_api() -> None:
    api = KeyGate()
    store = KeyGate(api)
    with pytest.raises(ServiceError):
        send(store, error(REFUSALS["unknown to the store"]))
    send(api)


@contextmanager
def first_under_way(gate: KeyGate, failure: Exception | None) -> Iterator[threading.Event]:
    """Another thread's request, which is answered when the event is set."""
    begun, answered = threading.Event(), threading.Event()

    def first() -> None:
        try:
            with gate.admit(PATIENCE):
                begun.set()
                answered.wait(PATIENCE)
                if failure:
                    raise failure
        except ServiceError:
            pass

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(PATIENCE)
    yield answered
    answered.set()
    thread.join(PATIENCE)


def others(gate: KeyGate, number: int, sent: list[int]) -> list[threading.Thread]:
    def other() -> None:
        try:
            with gate.admit(PATIENCE):
                sent.append(1)
        except ServiceError:
            pass

    threads = [threading.Thread(target=other) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads


@pytest.mark.parametrize(("failure", "expected"), [(None, 8), (error(REFUSALS["unknown key"]), 0)])
def test_the_first_request_goes_alone(failure: Exception | None, expected: int) -> None:
    gate, sent = KeyGate(), list[int]()
    with first_under_way(gate, failure) as answered:
        threads = others(gate, 8, sent)
        assert sent == []
        answered.set()
        for thread in threads:
            thread.join(PATIENCE)
    assert len(sent) == expected


def test_the_wait_for_the_first_request_is_bounded() -> None:
    """No thread waits longer for it than one answer may take."""
    gate = KeyGate()
    with first_under_way(gate, None), gate.admit(0.0):
        pass


def test_once_the_key_is_known_no_request_waits() -> None:
    gate = KeyGate()
    send(gate)
    with first_under_way(gate, None), gate.admit(PATIENCE):
        pass


def test_a_first_request_without_an_answer_proves_nothing() -> None:
    """The key is neither known to be good nor refused."""
    gate = KeyGate()
    with pytest.raises(ServiceError):
        send(gate, temporary(Cause.NO_ANSWER, "ReadAccounts", "p (r)", "no answer"))
    with first_under_way(gate, error(REFUSALS["unknown key"])) as answered:
        sent: list[int] = []
        threads = others(gate, 1, sent)
        answered.set()
        threads[0].join(PATIENCE)
    assert sent == []
