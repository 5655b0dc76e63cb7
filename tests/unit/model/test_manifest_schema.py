"""A manifest that is wrong: every mistake is named by its JSON path, and any JSON is a manifest or an error."""

from __future__ import annotations

import copy
import json
import time

import pytest
from hypothesis import given, strategies as st

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.manifest import parse_manifest
from tests.support.manifest_texts import ANY_JSON, GONE, NEW, OLD, SECOND, changed, parsed, signed


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


def test_null_is_the_same_as_missing() -> None:
    document = copy.deepcopy(OLD)
    document["Image"] |= dict.fromkeys(["Name", "Description", "Architecture", "ProductTypes", "User"])
    document["Image"]["Snapshots"][0] |= dict.fromkeys(["Device", "CompressedSize", "VolumeType", "Iops", "Ordering"])
    assert parsed(document).snapshots == parsed(OLD).snapshots


def test_whole_numbers_may_be_written_as_text() -> None:
    manifest = parsed(changed((*SECOND, "Size"), "1073741824"))
    assert manifest.snapshots[1].size_bytes == 1073741824


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
        (("Image", "Name"), "a\x1b[2J", "Image.Name: contains control characters"),
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
            "Image.Snapshots[1].Device: is the same as in Image.Snapshots[0]",
        ),
        ((*SECOND, "Filename"), "a\x9bb", "Image.Snapshots[1].Filename: contains control characters"),
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
        (b"\x1f\x8b\x08\x00", "not valid UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "nested levels"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"a": 1e999}', "out of range"),
        (b'{"a": NaN}', "out of range"),
        (b'{"Version": 1, "Image": {"PreSignedUrl": "a", "PreSignedUrl": "feedface"}}', "key twice"),
        (b"[]", "not a JSON object"),
        (b'"feedface"', "not a JSON object"),
        (b" " * (1024 * 1024 + 1), "bytes are too many"),
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


@pytest.mark.parametrize("key", ["Size", "Device", "Unknown"])
def test_any_other_change_is_another_fingerprint(key: str) -> None:
    other = parsed(changed((*SECOND, key), "7"))
    assert other.fingerprint() != parsed(NEW).fingerprint()


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
        assert any(place in error.message for place in ("Version", "Image", "the whole", "nested levels"))  # noqa: PT017
        assert error.message.isprintable()  # noqa: PT017


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_manifest_or_damaged(raw: bytes) -> None:
    with pytest.raises(OmicopyError) as caught:
        parse_manifest(raw)
    assert caught.value.code is ErrorCode.DAMAGED
