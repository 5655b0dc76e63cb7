"""The URL that a completed task shows, without a key for the bucket: when it is trusted, and what it tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from omicopy.cloud.errors import Answer, Cause, ServiceError, refused, temporary
from omicopy.cloud.url_reader import ObjectState, Probe, UrlRefused
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.from_task import TaskUrlReader, find_from_tasks, read_again
from omicopy.model.export import ExportTask, FoundExport
from omicopy.model.lookup import ABSENT, Present, Refused, Unknown
from omicopy.model.urls.presigned_url import PresignedUrl, parse_presigned
from omicopy.model.urls.refusal import Reason, Refusal
from omicopy.model.urls.task_url import manifest_location, over_https, task_url_problem
from tests.support.builders import KEY, NOON, SOURCE_ID, manifest, raw_manifest, raw_task, signed, task

OOS = "https://oos.eu-west-2.outscale.com"
PLACE = f"{SOURCE_ID}/manifest"
SOON, LATER = NOON + timedelta(hours=1), NOON + timedelta(days=5)
V2 = f"{OOS}/{KEY.bucket}/{PLACE}?AWSAccessKeyId=AK&Expires={int(LATER.timestamp())}&Signature=c2VjcmV0"
NO_ANSWER = temporary(Cause.UNREACHABLE, "GetObject", "oos", "no route")


def shows(url: str | None, task_id: str = "image-export-00000001", **osu: str) -> ExportTask:
    raw = raw_task(task_id)
    raw["OsuExport"] = raw["OsuExport"] | osu | ({"OsuManifestUrl": url} if url else {})
    return task(task_id, OsuExport=raw["OsuExport"])


GOOD = signed(PLACE, LATER)


@pytest.mark.parametrize(
    ("url", "flaw"),
    [
        pytest.param(GOOD, None, id="SigV4"),
        pytest.param(V2, None, id="SigV2"),
        pytest.param(GOOD.replace("https", "http"), None, id="by http, which https may replace"),
        pytest.param(GOOD.replace("/manifest", "/below/manifest"), None, id="below the export's folder"),
        pytest.param(None, "has no manifest URL", id="missing"),
        pytest.param("nonsense", "has no manifest URL", id="no URL"),
        pytest.param(signed(PLACE, None), "not signed", id="plain"),
        pytest.param(signed(PLACE, NOON), "expired at", id="over"),
        pytest.param(GOOD.replace("oos.", "evil."), "points to https://evil", id="another host"),
        pytest.param(GOOD.replace(".com/", ".com:444/"), "points to", id="another port"),
        pytest.param(GOOD.replace(KEY.bucket, "another"), "outside its export", id="another bucket"),
        pytest.param(signed("manifest", LATER), "outside its export", id="above the export's folder"),
        pytest.param(signed(f"{SOURCE_ID}0/manifest", LATER), "outside its export", id="beside the export's folder"),
        pytest.param(signed(f"{SOURCE_ID}/../x/manifest", LATER), "outside its export", id="contains an empty part"),
    ],
)
def test_which_urls_are_trusted(url: str | None, flaw: str | None) -> None:
    shown = shows(url)
    found = task_url_problem(shown, parse_presigned(url) if url and url.startswith("http") else None, OOS, NOON)
    assert (found is None) is (flaw is None)
    assert flaw is None or flaw in str(found)
    assert "Signature" not in str(found)


@pytest.mark.parametrize(
    ("url", "prefix", "key"),
    [
        (signed(f"a/b/{SOURCE_ID}/x.json", LATER), f"a/b/{SOURCE_ID}/", f"a/b/{SOURCE_ID}/x.json"),
        (None, f"a/b/{SOURCE_ID}/", f"a/b/{SOURCE_ID}/manifest"),
        (None, f"a/b/{SOURCE_ID}", f"a/b/{SOURCE_ID}/manifest"),
        (signed("elsewhere", LATER), f"{SOURCE_ID}/", f"{SOURCE_ID}/manifest"),
    ],
)
def test_the_location_of_a_tasks_manifest(url: str | None, prefix: str, key: str) -> None:
    assert manifest_location(shows(url, OsuPrefix=prefix)).key == key


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        (
            "http://oos.eu-west-2.outscale.com/b/k?Signature=x&Expires=1",
            "https://oos.eu-west-2.outscale.com/b/k?Signature",
        ),
        ("https://oos.eu-west-2.outscale.com/b/k", None),
        ("http://127.0.0.1:9000/b/k", None),
    ],
)
def test_https_is_tried_where_others_could_listen(url: str, safe: str | None) -> None:
    found = over_https(parse_presigned(url))
    assert (found is None) if safe is None else found is not None and found.url.startswith(safe)


class FakeFetcher:
    """Answers by the beginning of a URL, `answers` first; else with what lies there."""

    def __init__(self, *answers: tuple[str, Any], manifest: Mapping[str, Any] | bytes | None = None) -> None:
        self._answers = answers
        found = raw_manifest(LATER) if manifest is None else manifest
        self._manifest = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.asked: list[str] = []

    def _error_text(self, url: PresignedUrl) -> Any:
        self.asked.append(url.url.partition("?")[0])
        for begin, answer in self._answers:
            if url.url.startswith(begin) or (url.key or "").startswith(begin):
                if isinstance(answer, ServiceError):
                    raise answer
                return answer
        return None

    def read(self, url: PresignedUrl) -> bytes:
        return self._error_text(url) or self._manifest

    def probe(self, url: PresignedUrl) -> Probe:
        return self._error_text(url) or Probe(ObjectState.ALIVE, 974)


def look(*tasks: ExportTask, fetcher: FakeFetcher | None = None, allow_http: bool = False, now: datetime = NOON) -> Any:
    asked: Any = fetcher or FakeFetcher()
    return find_from_tasks(TaskUrlReader(asked, OOS, allow_http), tasks, now)


def found(fact: Any) -> FoundExport:
    assert isinstance(fact, Present)
    return fact.value


SNAP = f"{SOURCE_ID}/snap"
GONE = refused("GetObject", "oos", Answer(404))
DEAD_KEY = UrlRefused("GetObject", "oos", Answer(403), Refusal(Reason.KEY_GONE, "its access key was deleted"))


def test_a_complete_export_has_its_earliest_expiry() -> None:
    """Its repr shows no secret."""
    stored = found(look(shows(signed(PLACE, SOON))))
    assert (str(stored.location), stored.flaw, stored.damage) == (f"s3://{KEY.bucket}/{PLACE}", "", ())
    assert (stored.expiry.at, stored.expiry.first) == (SOON, "manifest URL")
    assert stored.digest == manifest(LATER).digest()
    assert "Signature" not in repr(stored)


def test_no_complete_task_means_no_export() -> None:
    fetcher = FakeFetcher()
    assert look(task(state="pending"), task("image-export-00000002", "failed"), fetcher=fetcher) is ABSENT
    assert fetcher.asked == []


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        pytest.param((SNAP, Probe(ObjectState.REFUSED)), "refuses the URL", id="a URL inside is dead"),
        pytest.param((PLACE, DEAD_KEY), "its access key was deleted", id="the task's URL is dead"),
    ],
)
def test_a_url_that_the_store_refuses_is_not_used(answer: tuple[str, Any], part: str) -> None:
    stored = found(look(shows(GOOD), fetcher=FakeFetcher(answer)))
    assert part in stored.flaw
    assert stored.is_from_task


def test_a_url_inside_that_leads_elsewhere_is_not_requested() -> None:
    document = raw_manifest(LATER)
    snapshot = document["Image"]["Snapshots"][0]
    snapshot["PreSignedUrl"] = snapshot["PreSignedUrl"].replace("oos.", "evil.")
    fetcher = FakeFetcher(manifest=document)
    assert "points to https://evil" in found(look(shows(GOOD), fetcher=fetcher)).flaw
    assert len(fetcher.asked) == 1


@pytest.mark.parametrize("probe", [Probe(ObjectState.MISSING), Probe(ObjectState.ALIVE, 975)])
def test_a_missing_or_resized_object_is_damage(probe: Probe) -> None:
    stored = found(look(shows(GOOD), fetcher=FakeFetcher((SNAP, probe))))
    assert stored.damage
    assert not stored.flaw


def test_a_missing_manifest_is_absent() -> None:
    assert look(shows(GOOD), fetcher=FakeFetcher((PLACE, GONE))) is ABSENT


@pytest.mark.parametrize("content", [b"{}", b"x" * 1_100_000])
def test_an_object_that_is_no_manifest_is_damaged(content: bytes) -> None:
    fact = look(shows(GOOD), fetcher=FakeFetcher(manifest=content))
    assert isinstance(fact, Refused)
    assert fact.error.code is ErrorCode.DAMAGED


def test_a_manifest_that_points_out_of_its_export_is_damaged() -> None:
    document = raw_manifest(LATER)
    document["Image"]["Snapshots"][0]["PreSignedUrl"] = signed("ami-stranger/snap-1.qcow2.gz", LATER)
    fact = look(shows(GOOD), fetcher=FakeFetcher(manifest=document))
    assert isinstance(fact, Refused)
    assert "points outside its export" in fact.error.message


@pytest.mark.parametrize("where", [PLACE, SNAP])
def test_a_store_that_does_not_answer_means_unknown(where: str) -> None:
    assert isinstance(look(shows(GOOD), fetcher=FakeFetcher((where, NO_ANSWER))), Unknown)


def test_of_several_tasks_the_url_with_the_last_expiry_counts() -> None:
    dead, short = shows(signed(PLACE, NOON)), shows(signed(PLACE, SOON), "image-export-00000002")
    stored = found(look(dead, shows(GOOD, "image-export-00000003"), short))
    assert (stored.flaw, stored.expiry.at) == ("", LATER)
    assert "has no manifest URL" in found(look(shows(None))).flaw


def test_plain_http_is_tried_by_https_first() -> None:
    """It is read by plain HTTP only where that is allowed."""
    plain, no_https = shows(GOOD.replace("https", "http")), FakeFetcher(("https://oos", NO_ANSWER))
    stored = found(look(plain))
    assert stored.task_url is not None
    assert stored.task_url.scheme == "https"
    assert stored.flaw == ""
    unclear = look(plain, fetcher=no_https)
    assert isinstance(unclear, Unknown)
    assert "--allow-http" in unclear.error.hint
    assert all(asked.startswith("https:") for asked in no_https.asked)
    document = raw_manifest(LATER)
    snapshot = document["Image"]["Snapshots"][0]
    snapshot["PreSignedUrl"] = snapshot["PreSignedUrl"].replace("https", "http")
    allowed = found(look(plain, fetcher=FakeFetcher(("https://oos", NO_ANSWER), manifest=document), allow_http=True))
    assert allowed.task_url is not None
    assert (allowed.task_url.scheme, allowed.flaw) == ("http", "")
    assert "--allow-http" in found(look(shows(GOOD), fetcher=FakeFetcher(manifest=document))).flaw


def test_an_answer_by_https_counts_in_any_case() -> None:
    fetcher = FakeFetcher(("https://oos", DEAD_KEY))
    assert found(look(shows(GOOD.replace("https", "http")), fetcher=fetcher, allow_http=True)).flaw
    assert all(asked.startswith("https:") for asked in fetcher.asked)


def test_exactly_the_checked_manifest_is_handed_over() -> None:
    stored = found(look(shows(GOOD)))
    fetcher: Any = FakeFetcher()
    assert stored.task_url is not None
    assert stored.task_url.url == GOOD
    assert read_again(fetcher, stored.task_url, stored).digest() == stored.digest
    other: Any = FakeFetcher(manifest=raw_manifest(SOON))
    with pytest.raises(OmicopyError) as refusal:
        read_again(other, stored.task_url, stored)
    assert refusal.value.code is ErrorCode.TEMPORARY
