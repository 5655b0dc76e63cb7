"""Manifests: both generations read, strangers' input checked, and nothing but URLs changed by a rewriting."""

from __future__ import annotations

import copy
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.manifest import MANIFEST_URL, Expiry, Manifest, effective_expiry, parse_manifest, url_path
from omicopy.model.s3_location import S3Object

HOST = "https://oos.eu-west-2.outscale.com"
FOLDER = "omi-exports/nightly/ami-12345678"
START = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


def signed(path: str, seconds: int = 604800, signature: str = "5ec2e7c0ffee") -> str:
    return (
        f"{HOST}/{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ACCESSKEY1%2F20250102%2Feu-west-2%2Fs3%2F"
        f"aws4_request&X-Amz-Date=20250102T030405Z&X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host"
        f"&X-Amz-Signature={signature}"
    )


NEW: dict[str, Any] = {
    "Version": 1,
    "Image": {
        "Name": "golden-linux",
        "Description": "",
        "Architecture": "x86_64",
        "Type": "machine",
        "ProductTypes": ["0001"],
        "Public": False,
        "User": "123456789012",
        "Snapshots": [
            {
                "Device": "/dev/sda1",
                "Filename": "snap-11111111-aaaaaaaa.qcow2.gz",
                "PreSignedUrl": signed(f"{FOLDER}/snap-11111111-aaaaaaaa.qcow2.gz"),
                "Size": 10737418240,
                "CompressedSize": 974,
                "VolumeType": "standard",
                "Iops": None,
                "DeleteOnTermination": False,
                "Ordering": 58659,
            },
            {
                "Device": "/dev/xvdb",
                "Filename": "snap-22222222-bbbbbbbb.qcow2.gz",
                "PreSignedUrl": signed(f"{FOLDER}/snap-22222222-bbbbbbbb.qcow2.gz", 3600),
                "Size": 1073741824,
                "CompressedSize": 12,
                "VolumeType": "io1",
                "Iops": 300,
                "DeleteOnTermination": True,
                "Ordering": 58660,
            },
        ],
    },
}
OLD: dict[str, Any] = {
    "Image": {
        "Snapshots": [
            {
                "Filename": "export/ami-12a3456b/snap-0.qcow2.gz",
                "PreSignedUrl": "http://oos.eu-west-2.outscale.com/bucket/export/ami-12a3456b/snap-0.qcow2.gz",
                "Size": 10737418240,
            }
        ],
    },
    "Version": 1,
}


def parsed(document: object) -> Manifest:
    return parse_manifest(json.dumps(document).encode())


GONE = object()
SECOND = ("Image", "Snapshots", 1)


def changed(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """NEW with another value at `path`, or without it."""
    document = copy.deepcopy(NEW)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


def refusal(raw: object) -> OmicopyError:
    with pytest.raises(OmicopyError) as caught:
        parse_manifest(raw if isinstance(raw, bytes) else json.dumps(raw).encode())
    error = caught.value
    assert error.code is ErrorCode.DAMAGED
    assert error.hint
    assert error.message.isprintable()
    for secret in ("5ec2e7", "ACCESSKEY1", "feedface"):
        assert secret not in error.message
    return error


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


def test_null_is_the_same_as_missing() -> None:
    document = copy.deepcopy(OLD)
    document["Image"] |= dict.fromkeys(["Name", "Description", "Architecture", "ProductTypes", "User"])
    document["Image"]["Snapshots"][0] |= dict.fromkeys(["Device", "CompressedSize", "VolumeType", "Iops", "Ordering"])
    assert parsed(document).snapshots == parsed(OLD).snapshots


def test_whole_numbers_may_be_written_as_text() -> None:
    manifest = parsed(changed((*SECOND, "Size"), "1073741824"))
    assert manifest.snapshots[1].size_bytes == 1073741824


def test_a_description_is_made_safe_for_a_terminal() -> None:
    manifest = parsed(changed(("Image", "Description"), "one\ntwo\x1b[2J\u202e"))
    assert manifest.description == "one two [2J"


def test_no_signature_is_in_the_repr() -> None:
    shown = repr(parsed(NEW))
    assert "5ec2e7" not in shown
    assert "ACCESSKEY1" not in shown


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("Version",), GONE, "Version: is missing"),
        (("Version",), 2, "Version: is not 1"),
        (("Version",), True, "Version: is not 1"),
        (("Version",), None, "Version: is not 1"),
        (("Image",), GONE, "Image: is missing"),
        (("Image",), [], "Image: is not a JSON object"),
        (("Image", "Snapshots"), GONE, "Image.Snapshots: is missing"),
        (("Image", "Snapshots"), [], "Image.Snapshots: is empty"),
        (("Image", "Snapshots"), {"a": {}}, "Image.Snapshots: is not a list"),
        (("Image", "Snapshots"), [NEW["Image"]["Snapshots"][0], None], "Image.Snapshots[1]: is not a JSON object"),
        (("Image", "Name"), ["5ec2e7"], "Image.Name: is not text"),
        (("Image", "Name"), "a\x1b[2J", "Image.Name: holds control characters"),
        (("Image", "ProductTypes"), ["0001", 2], "Image.ProductTypes[1]: is not text"),
        ((*SECOND, "PreSignedUrl"), GONE, "Image.Snapshots[1].PreSignedUrl: is missing"),
        ((*SECOND, "PreSignedUrl"), None, "Image.Snapshots[1].PreSignedUrl: is not text"),
        ((*SECOND, "PreSignedUrl"), "ftp://h/feedface", "Image.Snapshots[1].PreSignedUrl: This is not a"),
        ((*SECOND, "PreSignedUrl"), signed("b/k\n"), "Image.Snapshots[1].PreSignedUrl: This is not a"),
        ((*SECOND, "PreSignedUrl"), "{feedface}", "Image.Snapshots[1].PreSignedUrl: This is not a"),
        ((*SECOND, "Size"), GONE, "Image.Snapshots[1].Size: is missing"),
        ((*SECOND, "Size"), 0, "Image.Snapshots[1].Size: is too small"),
        ((*SECOND, "Size"), 2**63, "Image.Snapshots[1].Size: is too large"),
        ((*SECOND, "Size"), True, "Image.Snapshots[1].Size: is not a whole number"),
        ((*SECOND, "Size"), 1.5, "Image.Snapshots[1].Size: is not a whole number"),
        ((*SECOND, "Size"), "1_0", "Image.Snapshots[1].Size: is not a whole number"),
        ((*SECOND, "CompressedSize"), -1, "Image.Snapshots[1].CompressedSize: is too small"),
        ((*SECOND, "DeleteOnTermination"), "no", "DeleteOnTermination: is neither true nor false"),
        (
            (*SECOND, "Device"),
            "/dev/sda1",
            "Image.Snapshots[1].Device: is the same as Image.Snapshots[0]'s",
        ),
        ((*SECOND, "Filename"), "a\x9bb", "Image.Snapshots[1].Filename: holds control characters"),
    ],
)
def test_a_mistake_is_named_by_its_json_path(path: tuple[str | int, ...], value: object, message: str) -> None:
    assert message in refusal(changed(path, value)).message


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "line 1, column 1"),
        (b'{"Version": 1,}', "line 1, column 1"),
        (b"<Error><AWSAccessKeyId>ACCESSKEY1</AWSAccessKeyId></Error>", "not JSON"),
        (b"\x1f\x8b\x08\x00", "not JSON in UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "levels deep"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"a": 1e999}', "out of range"),
        (b'{"a": NaN}', "out of range"),
        (b'{"Version": 1, "Image": {"PreSignedUrl": "a", "PreSignedUrl": "feedface"}}', "key twice"),
        (b"[]", "not a JSON object"),
        (b'"feedface"', "not a JSON object"),
        (b" " * (1024 * 1024 + 1), "bytes are more"),
    ],
)
def test_invalid_json_is_damaged(raw: bytes, message: str) -> None:
    assert message in refusal(raw).message


def test_the_message_says_where_the_manifest_was_read_from() -> None:
    with pytest.raises(OmicopyError, match=r"^s3://bucket/key is damaged\. Version: is missing\.$"):
        parse_manifest(b'{"Image": {}}', "s3://bucket/key")
    with pytest.raises(OmicopyError) as caught:
        parse_manifest(b"", signed("b/k"))
    assert "5ec2e7" not in caught.value.message


def test_a_mebibyte_of_mistakes_is_reported_fast() -> None:
    before = time.process_time()
    refusal(b'{"Version": 1, "Image": {"Snapshots": [' + b"0," * 500_000 + b"0]}}")
    assert time.process_time() - before < 2


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


@pytest.mark.parametrize("key", ["Size", "Device", "Unknown"])
def test_any_other_change_is_another_fingerprint(key: str) -> None:
    other = parsed(changed((*SECOND, key), "7"))
    assert other.fingerprint() != parsed(NEW).fingerprint()


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
        (signed("omi-exports/nightly/"), "plain path"),
        (signed("omi-exports/nightly//snap"), "plain path"),
        (signed("omi-exports/nightly/../secrets"), "plain path"),
        (signed("omi-exports/nightly/a/%2E%2e/%2E./secrets"), "plain path"),
        (signed("omi-exports/nightly%2F..%2Fsecrets"), "plain path"),
        (signed("omi-exports/nightly/./snap"), "plain path"),
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


NAMES = st.sampled_from([*NEW, *NEW["Image"], *NEW["Image"]["Snapshots"][0], "Extra"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([1, "1", signed("b/k"), "http://h/b/k"])
)
ANY_JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6))
ALMOST = st.fixed_dictionaries(
    {
        "Version": st.just(1),
        "Image": st.fixed_dictionaries(
            {
                "Snapshots": st.lists(
                    st.fixed_dictionaries(
                        {
                            "PreSignedUrl": st.sampled_from([signed("b/k"), "http://h/b/k", "h/b"]),
                            "Size": st.integers(0),
                        },
                        optional={"Device": st.none() | st.text(max_size=2), "Iops": ANY_JSON, "Extra": ANY_JSON},
                    ),
                    max_size=3,
                )
            },
            optional={"Name": st.text(), "Description": st.none() | st.text(), "Extra": ANY_JSON},
        ),
    },
    optional={"Extra": ANY_JSON},
)


@given(ANY_JSON | ALMOST)
def test_any_json_is_a_manifest_or_an_error_with_a_path(document: object) -> None:
    try:
        parsed(document)
    except OmicopyError as error:
        assert error.code is ErrorCode.DAMAGED  # noqa: PT017
        assert any(place in error.message for place in ("Version", "Image", "the whole", "levels deep"))  # noqa: PT017
        assert error.message.isprintable()  # noqa: PT017


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_manifest_or_damaged(raw: bytes) -> None:
    with pytest.raises(OmicopyError) as caught:
        parse_manifest(raw)
    assert caught.value.code is ErrorCode.DAMAGED


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
