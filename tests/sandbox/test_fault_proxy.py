"""What a client gets when a fault applies to its request."""

from __future__ import annotations

import pytest
import requests
from requests.adapters import HTTPAdapter

from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.settings import SandboxSettings
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.storage.presign import presign
from tests.support.children import PATIENCE

EXPORT = {"ImageId": "ami-00000001", "OsuExport": {"DiskImageFormat": "qcow2", "OsuBucket": "omi-exports"}}


REFUSALS = [
    (FaultKind.THROTTLE_PLATFORM, 503, "6"),
    (FaultKind.THROTTLE_ACCOUNT, 429, "24"),
    (FaultKind.THROTTLE_CALL, 429, "25"),
    (FaultKind.ERROR_500, 500, "2000"),
    (FaultKind.DENIED, 403, "4"),
]


UNFINISHED = [FaultKind.RESET_BEFORE, FaultKind.LOST_ANSWER, FaultKind.HANG, FaultKind.HANG_AFTER, FaultKind.CUT_ANSWER]


HANGING = (FaultKind.HANG, FaultKind.HANG_AFTER)


class TimeoutAdapter(HTTPAdapter):
    """Waits so many seconds for an answer."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def send(self, request, **options):
        return super().send(request, **(options | {"timeout": self._seconds}))


def read_into(got: bytearray, answer: requests.Response) -> None:
    for piece in answer.iter_content(1):
        got += piece


def tasks(user) -> int:
    return len(user.sandbox.region_state("eu-west-2").tasks.all())


@pytest.mark.parametrize(("kind", "status", "code"), REFUSALS)
@pytest.mark.parametrize("retry_after", [None, 2])
def test_an_error_fault_has_no_effect(user, kind, status, code, retry_after) -> None:
    user.sandbox.faults.add(Fault(kind, "CreateImageExportTask", retry_after=retry_after))
    with pytest.raises(requests.HTTPError) as caught:
        user.api("source").api("CreateImageExportTask", **EXPORT)
    answer = caught.value.response
    assert (answer.status_code, answer.json()["Errors"][0]["Code"]) == (status, code)
    assert answer.headers.get("Retry-After") == (None if retry_after is None else "2")
    assert tasks(user) == 0
    user.api("source").api("CreateImageExportTask", **EXPORT)
    assert tasks(user) == 1


def test_a_502_has_a_body_of_html(user) -> None:
    user.sandbox.faults.add(Fault(FaultKind.ERROR_502))
    with pytest.raises(requests.HTTPError) as caught:
        user.api("source").api("ReadImages")
    assert (caught.value.response.status_code, caught.value.response.headers["Content-Type"]) == (502, "text/html")


def test_a_503_is_problem_json(user) -> None:
    user.sandbox.faults.add(Fault(FaultKind.ERROR_503))
    with pytest.raises(requests.HTTPError) as caught:
        user.api("source").api("ReadImages")
    assert caught.value.response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("kind", UNFINISHED)
def test_a_lost_answer(user, kind) -> None:
    """A fault that breaks the answer lets the request have its effect, or not, as its kind says."""
    fault = user.sandbox.faults.add(Fault(kind, "CreateImageExportTask"))
    hangs = kind in HANGING
    user.api("source").session.mount("http://", TimeoutAdapter(0.5 if hangs else PATIENCE))
    with pytest.raises(requests.RequestException) as caught:
        user.api("source").api("CreateImageExportTask", **EXPORT)
    assert isinstance(caught.value, requests.Timeout) == hangs
    user.wait(lambda: user.sandbox.request_log.count("CreateImageExportTask"))
    assert tasks(user) == (0 if kind in (FaultKind.RESET_BEFORE, FaultKind.HANG) else 1)
    assert user.sandbox.faults.times_applied(fault) == 1
    assert user.sandbox.request_log.count("CreateImageExportTask", account="source", fault=kind.value) == 1
    assert user.sandbox.request_log.count("CreateImageExportTask") == 1


def test_a_cut_answer_is_shorter_than_announced(user) -> None:
    user.sandbox.faults.add(Fault(FaultKind.CUT_ANSWER, "ReadRegions"))
    regions = f"{user.sandbox.api_urls['eu-west-2']}/api/v1/ReadRegions"
    answer = requests.post(regions, "{}", stream=True, timeout=PATIENCE)
    got = bytearray()
    with pytest.raises(requests.RequestException):
        read_into(got, answer)
    assert 0 < len(got) < int(answer.headers["Content-Length"])


def test_unknown_states(user) -> None:
    task_id = user.start_export("ami-00000001")["TaskId"]
    user.sandbox.faults.add(Fault(FaultKind.UNKNOWN_STATE, times=2, state="in-queue"))
    assert user.task(task_id)["State"] == "in-queue"
    assert user.image("ami-00000001", "source")["State"] == "in-queue"
    assert user.image("ami-00000001", "source")["State"] == "available"


def test_null_items(user) -> None:
    user.sandbox.faults.add(Fault(FaultKind.NULL_ITEMS, "ReadImageExportTasks", times=2))
    read = user.api("source")
    assert read.api("ReadImageExportTasks")["ImageExportTasks"] == [None]
    task_id = user.start_export("ami-00000001")["TaskId"]
    assert read.api("ReadImageExportTasks")["ImageExportTasks"] == [None]
    assert [task["TaskId"] for task in read.api("ReadImageExportTasks")["ImageExportTasks"]] == [task_id]


def test_a_lagging_read_shows_an_earlier_state(user) -> None:
    user.sandbox.faults.add(Fault(FaultKind.LAG, "ReadImageExportTasks", lag_seconds=3600))
    user.start_export("ami-00000001")
    read = user.api("source")
    assert read.api("ReadImageExportTasks")["ImageExportTasks"] == []
    assert len(read.api("ReadImageExportTasks")["ImageExportTasks"]) == 1


def test_all_reads_can_lag_a_little(user) -> None:
    user.sandbox.reset(SandboxSettings(lag_seconds=0.4))
    assert user.image("ami-00000001", "source")["Tags"]
    clock = user.sandbox.scheduler
    clock.hold()
    task_id = user.start_export("ami-00000001")["TaskId"]
    read = user.api("source")
    assert read.api("ReadImageExportTasks")["ImageExportTasks"] == []
    clock.advance(0.5)
    assert read.api("ReadImageExportTasks")["ImageExportTasks"] != []
    user.api("source").api("CreateTags", ResourceIds=[task_id], Tags=[{"Key": "k", "Value": "v"}])
    assert user.task(task_id)["Tags"] == []
    clock.advance(0.5)
    assert user.task(task_id)["Tags"] != []


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FaultKind.THROTTLE_PLATFORM, 503, "SlowDown"),
        (FaultKind.DENIED, 403, "AccessDenied"),
        (FaultKind.NOT_FOUND, 404, "NoSuchKey"),
    ],
)
def test_object_storage_answers_with_s3_errors(user, kind, status, code) -> None:
    url = user.put("thing", b"content")
    user.sandbox.faults.add(Fault(kind, "GetObject", account="source"))
    answer = requests.get(url, timeout=PATIENCE)
    assert (answer.status_code, f"<Code>{code}</Code>" in answer.text) == (status, True)
    assert requests.get(url, timeout=PATIENCE).content == b"content"


@pytest.mark.parametrize("kind", UNFINISHED)
def test_object_storage_can_lose_an_answer(user, kind) -> None:
    url = user.put("thing", b"content" * 100)
    fault = user.sandbox.faults.add(Fault(kind, "GetObject"))
    with pytest.raises(requests.RequestException):
        requests.get(url, timeout=0.5 if kind in HANGING else PATIENCE)
    user.wait(lambda: user.sandbox.faults.times_applied(fault))
    assert requests.get(url, timeout=PATIENCE).content == b"content" * 100


def test_object_storage_that_lags_is_empty(user) -> None:
    url = user.put("thing", b"content")
    account = user.sandbox.accounts["source"]
    listed = user.sandbox.oos_urls["eu-west-2"] + "/omi-exports"
    bucket = presign(SigningKey(account.access_key, account.secret_key, account.region), "GET", listed, 60)
    assert "<Key>thing</Key>" in requests.get(bucket, timeout=PATIENCE).text
    user.sandbox.faults.add(Fault(FaultKind.LAG, service="oos", times=2))
    assert "<Key>" not in requests.get(bucket, timeout=PATIENCE).text
    assert requests.get(url, timeout=PATIENCE).status_code == 404
    assert requests.get(url, timeout=PATIENCE).content == b"content"
