"""Manifests: both generations read, strangers' input checked, and nothing but URLs changed by a rewriting."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from omicopy.model.manifest import MANIFEST_URL, Expiry, effective_expiry, parse_manifest, url_path
from omicopy.model.s3_location import S3Object
from tests.support.manifest_texts import ANY_JSON, FOLDER, HOST, NEW, OLD, SECOND, changed, parsed, signed

START = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_manifest_as_it_is_exported_today_is_read() -> None:
    manifest = parsed(NEW)
    assert (manifest.name, manifest.description, manifest.architecture) == ("golden-linux", None, "x86_64")
    assert manifest.product_types == ("0001",)
    first, second = manifest.snapshots
    assert (first.device, first.filename) == ("/dev/sda1", "snap-11111111-aaaaaaaa.qcow2.gz")
    assert first.key == "nightly/ami-12345678/snap-11111111-aaaaaaaa.qcow2.gz"
    assert (first.size_bytes, first.compressed_bytes, first.iops) == (10737418240, 974, None)
    assert (second.volume_type, second.iops, second.delete_on_termination) == ("io1", 300, True)


def test_an_older_manifest_with_half_its_keys_is_read() -> None:
    manifest = parsed(OLD)
    (snapshot,) = manifest.snapshots
    assert (manifest.name, manifest.product_types) == (None, ())
    assert snapshot.key == snapshot.filename == "export/ami-12a3456b/snap-0.qcow2.gz"
    assert (snapshot.compressed_bytes, snapshot.device, snapshot.url.expires_at) == (None, None, None)


PAGE = "https://oos.eu-west-2.outscale.com/BUCKET/OBJECT"
PRINTED = {
    "SigV4": (
        f"{PAGE}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ABCDEFGHIJ0123456789%2F20101001%2Feu-west-2%2Fs3%2F"
        f"aws4_request&X-Amz-Date=20101001T123456Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host"
        f"&X-Amz-Signature={'x' * 64}",
        datetime(2010, 10, 1, 13, 34, 56, tzinfo=UTC),
    ),
    "SigV2": (
        f"{PAGE}?AWSAccessKeyId=ABCDEFGHIJ0123456789&Expires=1285936496&Signature=xxxxxxxxxxxxxxxxxxxxxxxxxxx%3D",
        datetime(2010, 10, 1, 12, 34, 56, tzinfo=UTC),
    ),
    "no signature": (PAGE, None),
    "plain http": (PAGE.replace("https", "http"), None),
    "a place to fill in": ("https://oos.eu-west-2.outscale.com/<BUCKET>/...", None),
}


@pytest.mark.parametrize(("url", "end"), PRINTED.values(), ids=PRINTED)
@pytest.mark.parametrize("sample", [NEW, OLD], ids=["today's", "older"])
def test_urls_as_the_documentation_prints_them_are_read(sample: dict[str, Any], url: str, end: datetime | None) -> None:
    document = copy.deepcopy(sample)
    for snapshot in document["Image"]["Snapshots"]:
        snapshot["PreSignedUrl"] = url
    manifest = parsed(document)
    assert {snapshot.url.url for snapshot in manifest.snapshots} == {url}
    assert manifest.earliest_expiry() == end
    bucket, key = ("<BUCKET>", "...") if "<" in url else ("BUCKET", "OBJECT")
    assert {(snapshot.url.bucket, snapshot.key) for snapshot in manifest.snapshots} == {(bucket, key)}


def test_a_description_is_made_safe_for_a_terminal() -> None:
    manifest = parsed(changed(("Image", "Description"), "one\ntwo\x1b[2J\u202e"))
    assert manifest.description == "one two [2J"


def test_no_signature_is_in_the_repr() -> None:
    shown = repr(parsed(NEW))
    assert "5ec2e7" not in shown
    assert "ACCESSKEY1" not in shown


def test_a_manifest_expires_with_its_first_url() -> None:
    manifest = parsed(NEW)
    soon = START + timedelta(hours=1)
    assert manifest.expiry() == Expiry(at=soon, first=url_path(1), earliest_known=soon)
    assert manifest.earliest_expiry() == soon
    assert effective_expiry(START, manifest) == Expiry(at=START, first=MANIFEST_URL, earliest_known=START)
    assert effective_expiry(START + timedelta(days=9), manifest).first == url_path(1)


def test_an_unknown_expiry_hides_no_known_earlier_one() -> None:
    """Without a known one in the past, the manifest's own expiry is unknown."""
    manifest = parsed(changed((*SECOND, "PreSignedUrl"), "http://h/b/k"))
    week = START + timedelta(days=7)
    assert manifest.expiry() == Expiry(at=None, first=url_path(0), unknown=(url_path(1),), earliest_known=week)
    assert effective_expiry(None, parsed(OLD)) == Expiry(None, MANIFEST_URL, (MANIFEST_URL, url_path(0)))
    assert effective_expiry(START, parsed(OLD)).at is None


def test_re_signing_does_not_change_the_fingerprint() -> None:
    manifest = parsed(NEW)
    urls = [signed(f"omi-exports/{snapshot.key}", 60, "feedface") for snapshot in manifest.snapshots]
    again = parse_manifest(manifest.with_urls(urls))
    assert again != manifest
    assert again.fingerprint() == manifest.fingerprint()


def test_another_object_is_another_fingerprint() -> None:
    other = parsed(changed((*SECOND, "PreSignedUrl"), signed(f"{FOLDER}/other")))
    assert other.fingerprint() != parsed(NEW).fingerprint()


def test_rewriting_takes_one_url_a_snapshot() -> None:
    with pytest.raises(ValueError, match="shorter"):
        parsed(NEW).with_urls(["https://h/b/k"])


@pytest.mark.parametrize("prefix", ["", "nightly", "/nightly/", "nightly/ami-12345678/"])
def test_a_manifest_inside_its_export_has_no_problem(prefix: str) -> None:
    assert parsed(NEW).problem_outside("omi-exports", prefix) is None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (signed("other/nightly/ami-12345678/snap"), "another bucket"),
        (signed("omi-exports2/nightly/ami-12345678/snap"), "another bucket"),
        (signed("/omi-exports/nightly/ami-12345678/snap"), "another bucket"),
        (signed("omi-exports%2Fnightly/ami-12345678/snap"), "another bucket"),
        (f"{HOST}/omi-exports", "no object"),
        (signed("omi-exports/secrets"), "outside"),
        (signed("omi-exports/nightly-2/ami-12345678/snap"), "outside"),
        (signed("omi-exports//nightly/snap"), "outside"),
        (signed("omi-exports/nightly"), "outside"),
        (signed("omi-exports/nightly/"), "contains an empty part"),
        (signed("omi-exports/nightly//snap"), "contains an empty part"),
        (signed("omi-exports/nightly/../secrets"), "contains an empty part"),
        (signed("omi-exports/nightly/a/%2E%2e/%2E./secrets"), "contains an empty part"),
        (signed("omi-exports/nightly%2F..%2Fsecrets"), "contains an empty part"),
        (signed("omi-exports/nightly/./snap"), "contains an empty part"),
        (signed(f"{FOLDER}/snap").replace("oos.", "evil."), "another host"),
        (signed(f"{FOLDER}/snap").replace(".com/", ".com:8443/"), "another host"),
    ],
)
def test_r4_an_entry_outside_the_export_is_named(url: str, message: str) -> None:
    manifest = parsed(changed((*SECOND, "PreSignedUrl"), url))
    problem = manifest.problem_outside("omi-exports", "nightly")
    assert problem is not None
    assert problem.startswith("Image.Snapshots[1].PreSignedUrl ")
    assert message in problem
    assert "5ec2e7" not in problem


def test_r4_allowed_locations_widen_the_export() -> None:
    manifest = parsed(changed((*SECOND, "PreSignedUrl"), signed("omi-exports/disks/b/snap")))
    assert manifest.problem_outside_folder(S3Object("omi-exports", "nightly/ami-12345678/manifest.json"))
    assert manifest.problem_outside_folder(
        S3Object("omi-exports", "nightly/ami-12345678/manifest.json"), ["disks/bb", "b"]
    )
    assert (
        manifest.problem_outside_folder(S3Object("omi-exports", "nightly/ami-12345678/manifest.json"), ["disks/b/"])
        is None
    )


def test_r4_a_manifest_in_no_folder_covers_no_folder() -> None:
    problem = parsed(NEW).problem_outside_folder(S3Object("omi-exports", "manifest.json"))
    assert problem is not None
    assert "is in a folder" in problem
    assert parsed(NEW).problem_outside_folder(S3Object("omi-exports", "manifest.json"), ["nightly"]) is None
    loose = copy.deepcopy(NEW)
    for index, snapshot in enumerate(loose["Image"]["Snapshots"]):
        snapshot["PreSignedUrl"] = signed(f"omi-exports/snap-{index}")
    assert parsed(loose).problem_outside_folder(S3Object("omi-exports", "manifest.json")) is None


@given(extra=st.dictionaries(st.text(max_size=4), ANY_JSON, max_size=4), seconds=st.integers(1, 604800))
def test_rewriting_changes_nothing_but_urls(extra: dict[str, Any], seconds: int) -> None:
    document = {**extra, **copy.deepcopy(NEW)}
    document["Image"]["Snapshots"][0] = {**extra, **document["Image"]["Snapshots"][0]}
    manifest = parsed(document)
    urls = [signed(f"{FOLDER}/new-{index}", seconds) for index in range(2)]
    rewritten = json.loads(manifest.with_urls(urls))
    for entry, url in zip(rewritten["Image"]["Snapshots"], urls, strict=True):
        assert entry["PreSignedUrl"] == url
    old_urls = [snapshot.url.url for snapshot in manifest.snapshots]
    back = json.loads(parse_manifest(json.dumps(rewritten).encode()).with_urls(old_urls))
    assert json.dumps(back) == json.dumps(document)
    assert manifest.document == document
