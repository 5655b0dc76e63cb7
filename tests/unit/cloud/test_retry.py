"""What may be sent again, and when: verdicts, patience, `Retry-After`, and one pace for all who call an account."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, strategies as st

from omicopy.cloud.errors import Answer, Cause, ServiceError, parse_retry_after, refused, temporary
from omicopy.cloud.retry import MAX_PAUSE, Pace, RetryVerdict, read_with_retries, retry_verdict, send_once
from omicopy.errors import ErrorCode
from tests.support.fake_clock import Time

READ, WRITE = False, True
VERDICTS = [
    # cause, of a read, of a write
    (Cause.THROTTLED, RetryVerdict.SLOW_DOWN, RetryVerdict.SLOW_DOWN),
    (Cause.UNREACHABLE, RetryVerdict.RETRY, RetryVerdict.RETRY),
    (Cause.NO_ANSWER, RetryVerdict.RETRY, RetryVerdict.IN_DOUBT),
    (Cause.RESET, RetryVerdict.RETRY, RetryVerdict.IN_DOUBT),
    (Cause.SERVER, RetryVerdict.RETRY, RetryVerdict.IN_DOUBT),
    (Cause.UNREADABLE, RetryVerdict.RETRY, RetryVerdict.IN_DOUBT),
    (Cause.REFUSED, RetryVerdict.GIVE_UP, RetryVerdict.GIVE_UP),
]
MEANINGS = [
    # what the service answers, what it means
    (Answer(401, "1", "AccessDenied"), ErrorCode.DENIED),
    (Answer(403), ErrorCode.DENIED),
    (Answer(400, "4120", "AuthFailure"), ErrorCode.DENIED),
    (Answer(400, "5023", "InvalidResource"), ErrorCode.NOT_FOUND),
    (Answer(404), ErrorCode.NOT_FOUND),
    (Answer(409, "9029", "ResourceConflict"), ErrorCode.NAME_CONFLICT),
    (Answer(400, "10042", "TooManyResources (QuotaExceeded)"), ErrorCode.QUOTA),
    (Answer(400, "4045", "InvalidParameterValue"), ErrorCode.FAILED),
    (Answer(400, "²", "²"), ErrorCode.FAILED),
    (Answer(400, "9" * 5000), ErrorCode.FAILED),
]


class Server:
    """Fails in the ways given, one a request, the last one for ever; None is success. Notes when it was asked."""

    def __init__(self, time: Time, *failures: ServiceError | None) -> None:
        self.time = time
        self.failures = list(failures)
        self.asked: list[float] = []

    def __call__(self) -> str:
        self.asked.append(self.time.ticks)
        failure = self.failures.pop(0) if len(self.failures) > 1 else self.failures[0]
        if failure is not None:
            raise failure
        return "answer"


def failure(cause: Cause, status: int = 0, retry_after: float | None = None) -> ServiceError:
    answer = Answer(status, retry_after=retry_after) if status else None
    return temporary(cause, "ReadImages", "source", cause.value, answer)


def patiently(server: Server, pace: Pace, patience: float = 30.0, on_retry: Callable[[], None] = lambda: None) -> str:
    return read_with_retries(server, pace, patience, on_retry)


@pytest.mark.parametrize(("cause", "of_a_read", "of_a_write"), VERDICTS, ids=lambda value: str(value))
def test_each_cause_has_its_verdict(cause: Cause, of_a_read: RetryVerdict, of_a_write: RetryVerdict) -> None:
    assert retry_verdict(cause, READ) is of_a_read
    assert retry_verdict(cause, WRITE) is of_a_write


def test_the_table_names_every_cause() -> None:
    assert [cause for cause, _, _ in VERDICTS] == list(Cause)


@pytest.mark.parametrize(("answer", "code"), MEANINGS, ids=lambda value: str(value)[:40])
def test_a_refusal_has_the_error_code_of_its_meaning(answer: Answer, code: ErrorCode) -> None:
    assert refused("CreateImage", "target", answer).code is code


@pytest.mark.parametrize("cause", [Cause.UNREACHABLE, Cause.NO_ANSWER, Cause.RESET, Cause.SERVER, Cause.UNREADABLE])
def test_r1_a_read_is_sent_again_with_waits_that_grow(cause: Cause) -> None:
    time = Time()
    server = Server(time, *[failure(cause)] * 5, None)
    retries: list[None] = []
    assert patiently(server, time.pace(), 1000.0, lambda: retries.append(None)) == "answer"
    assert len(server.asked) == 6
    assert len(retries) == 5
    assert all(wait <= 0.5 * 2**number for number, wait in enumerate(time.slept))


def test_r1_full_jitter_spreads_the_waits() -> None:
    waits = set()
    for _ in range(20):
        time = Time()
        patiently(Server(time, failure(Cause.RESET), failure(Cause.RESET), None), time.pace())
        waits.add(time.slept[-1])
    assert len(waits) > 10


def test_a_read_gives_up_after_retry_with_its_last_failure() -> None:
    time = Time()
    server = Server(time, failure(Cause.RESET), failure(Cause.SERVER, 502))
    with pytest.raises(ServiceError) as caught:
        patiently(server, time.pace(), 30.0)
    assert caught.value.cause is Cause.SERVER
    assert len(server.asked) > 3
    assert time.ticks <= 1030.0


def test_without_patience_a_read_is_sent_once() -> None:
    time = Time()
    server = Server(time, failure(Cause.SERVER, 500))
    with pytest.raises(ServiceError):
        patiently(server, time.pace(), 0.0)
    assert len(server.asked) == 1
    assert time.slept == []


def test_a_refusal_is_raised_at_once() -> None:
    time = Time()
    server = Server(time, refused("ReadImages", "source", Answer(403)))
    with pytest.raises(ServiceError):
        patiently(server, time.pace())
    assert len(server.asked) == 1


def test_only_failures_of_the_service_are_retried() -> None:
    def send() -> str:
        raise KeyError("a mistake of ours")

    time = Time()
    with pytest.raises(KeyError):
        read_with_retries(send, time.pace(), 30.0, lambda: None)
    assert time.slept == []


def test_r1_a_write_is_sent_once_after_any_failure() -> None:
    for cause in Cause:
        time = Time()
        server = Server(time, failure(cause))
        with pytest.raises(ServiceError):
            send_once(server, time.pace())
        assert len(server.asked) == 1
        assert time.slept == []


@pytest.mark.parametrize("cause", [Cause.THROTTLED, Cause.SERVER, Cause.RESET])
def test_retry_after_is_waited_for(cause: Cause) -> None:
    time = Time()
    server = Server(time, failure(cause, 429 if cause is Cause.THROTTLED else 500, retry_after=20.0), None)
    patiently(server, time.pace())
    assert server.asked == [1000.0, 1020.0]


@pytest.mark.parametrize("cause", [Cause.THROTTLED, Cause.SERVER])
def test_a_retry_after_beyond_retry_is_not_waited_for(cause: Cause) -> None:
    time = Time()
    server = Server(time, failure(cause, 503, retry_after=86_400.0))
    with pytest.raises(ServiceError):
        patiently(server, time.pace())
    assert len(server.asked) == 1
    assert time.slept == []


def test_no_thread_calls_a_throttled_account_too_early() -> None:
    time = Time()
    pace = time.pace()
    with pytest.raises(ServiceError):
        send_once(Server(time, failure(Cause.THROTTLED, 429, retry_after=100.0)), pace)
    server = Server(time, None)
    with pytest.raises(ServiceError) as caught:
        patiently(server, pace, 30.0)
    assert caught.value.cause is Cause.THROTTLED  # so that a write, too, knows that nothing happened
    assert server.asked == []
    patiently(server, pace, 200.0)
    assert server.asked == [1100.0]


@pytest.mark.parametrize(("cause", "status"), [(Cause.THROTTLED, 429), (Cause.THROTTLED, 503), (Cause.SERVER, 503)])
def test_r1_429_and_503_slow_down_every_caller_of_the_account(cause: Cause, status: int) -> None:
    time = Time()
    pace = time.pace()
    with pytest.raises(ServiceError):
        send_once(Server(time, failure(cause, status)), pace)
    left, other = pace.left, Server(time, None)
    assert left > 0
    patiently(other, pace)
    assert other.asked == [1000.0 + left]


def test_other_failures_slow_down_no_other_caller() -> None:
    time = Time()
    pace = time.pace()
    with pytest.raises(ServiceError):
        send_once(Server(time, failure(Cause.SERVER, 500)), pace)
    other = Server(time, None)
    patiently(other, pace)
    assert other.asked == [1000.0]


def test_pauses_double_with_each_throttle_until_a_success() -> None:
    """They double up to a minute; after a success they start small again."""

    def throttled(time: Time, pace: Pace) -> float:
        with pytest.raises(ServiceError):
            send_once(Server(time, failure(Cause.THROTTLED, 429)), pace)
        left = pace.left
        time.ticks += left
        return left

    longest = [0.0] * 12
    for _ in range(200):
        time = Time()
        pace = time.pace()
        longest = [max(one, throttled(time, pace)) for one in longest]
        send_once(Server(time, None), pace)
        assert throttled(time, pace) <= 2.0
    assert all(left <= min(MAX_PAUSE, 2.0**n) for n, left in enumerate(longest, start=1))
    assert all(later > 1.4 * left for left, later in itertools.pairwise(longest[:6]))
    assert longest[-1] > 0.8 * MAX_PAUSE


def test_retry_after_is_read_as_seconds_or_date() -> None:
    assert parse_retry_after({"Retry-After": " 7 "}) == 7.0
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert parse_retry_after({"Retry-After": soon}) == pytest.approx(30, abs=30)
    assert parse_retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0
    assert parse_retry_after({}) is None


@pytest.mark.parametrize(
    ("value", "believed"),
    [
        ("60", 60.0),
        ("61", 60.0),
        ("99999999", 60.0),
        ("9" * 400, 60.0),
        ("9" * 400 + ".5", 60.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60.0),
        ("0", 0.0),
        ("0.25", 0.25),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("Infinity", None),
        ("1e9", None),
        ("0x10", None),
        ("5, 5", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_believed_for_a_minute_at_most(value: str, believed: float | None) -> None:
    assert parse_retry_after({"Retry-After": value}) == believed


@given(st.text(max_size=30) | st.sampled_from(["²", "٣", "-1", "1e9", "9" * 400, "Wed, 99 Oct 99999 07:28:00 -9999"]))
def test_any_text_in_retry_after_is_survived(value: str) -> None:
    seconds = parse_retry_after({"Retry-After": value})
    assert seconds is None or 0 <= seconds <= 60


def test_r8_an_error_shows_no_signature_that_the_service_echoed() -> None:
    message = "bad URL https://oos/b/k?X-Amz-Signature=0123456789abcdef&x=1"
    error = refused("CreateImage", "target", Answer(400, details=message))
    assert "0123456789abcdef" not in error.message
    assert "REDACTED" in error.message
