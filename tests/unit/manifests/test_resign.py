"""R4 against forged manifests: whatever a manifest says, only what lies in its own folder is ever signed."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings, strategies as st

from omicopy.cloud.session import AccountSession
from omicopy.cloud.url_reader import ObjectState, Probe
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.resign import resign
from omicopy.model.export import StoredExport
from omicopy.model.manifest import parse_manifest
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import PresignedUrl
from tests.support import hostile

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT = hostile.account("https://oos.eu-west-2.outscale.com")
HOST = urlsplit(ACCOUNT.oos_endpoint).netloc
BUCKET = "omi-exports"
SIGNED = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20250102T030405Z&X-Amz-Expires=60&X-Amz-Signature=5ec2e7c0ffee"
MANIFEST_KEYS = ["ami-1/m.json", "nightly/ami-1/m.json", "ami-1/in/m.json", "m.json"]
OWN = {key: key[: key.rfind("/") + 1] for key in MANIFEST_KEYS}


class KeptStore:
    """Bucket and store in one: every object is there, every signature that reaches it is kept, and every object put."""

    def __init__(self) -> None:
        self.probed: list[str] = []
        self.written: dict[str, bytes] = {}

    def probe(self, url: PresignedUrl) -> Probe:
        self.probed.append(url.url)
        return Probe(ObjectState.ALIVE)

    def sizes(self, bucket: str, prefix: str) -> dict[str, int]:
        assert (bucket, prefix.endswith(".resigned-")) == (BUCKET, True)
        return {}

    def put(self, location: S3Object, body: bytes) -> None:
        assert location.bucket == BUCKET
        self.written[location.key] = body

    def signed(self) -> list[str]:
        documents = [json.loads(body) for body in self.written.values()]
        inside = [entry["PreSignedUrl"] for document in documents for entry in document["Image"]["Snapshots"]]
        return self.probed + inside


def re_signed(manifest_key: str, entries: Sequence[tuple[str, str]], allowed: Sequence[str] = ()) -> KeptStore:
    """What a manifest of these URLs and file names gets us to sign; a refusal has to be one of a damaged manifest."""
    snapshots = [{"PreSignedUrl": url, "Filename": name, "Size": 1} for url, name in entries]
    store = KeptStore()
    clients: Any = SimpleNamespace(fetcher=lambda: store)
    session: Any = AccountSession(ACCOUNT, clients)
    session._storage = store
    try:
        manifest = parse_manifest(json.dumps({"Version": 1, "Image": {"Snapshots": snapshots}}).encode())
        stored = StoredExport(S3Object(BUCKET, manifest_key), manifest)
        resign(session, stored, NOW, allowed=allowed)
    except OmicopyError as error:
        assert error.code is ErrorCode.DAMAGED  # noqa: PT017
        assert store.signed() == []
    return store


def lies_in(folder: str, key: str) -> bool:
    """In it or below it for every reader, also for one that tidies a path; of no folder, only what is in none."""
    tidy = posixpath.normpath(f"/{key}") == f"/{key}"
    return tidy and key.startswith(folder) and key != folder and ("/" not in key or bool(folder))


@pytest.mark.parametrize("manifest_key", MANIFEST_KEYS)
def test_r4_objects_beside_their_manifest_are_signed(manifest_key: str) -> None:
    keys = [f"{OWN[manifest_key]}{name}" for name in ("snap-1.gz", "..snap-2.gz", "snap 3+~%.gz")]
    urls = [f"https://{HOST}/{BUCKET}/{key.replace('%', '%25')}".replace(" ", "%20") + SIGNED for key in keys]
    store = re_signed(manifest_key, [(url, "") for url in urls])
    assert [unquote(urlsplit(url).path) for url in store.signed()] == [f"/{BUCKET}/{key}" for key in keys * 2]
    (written,) = store.written
    assert lies_in(OWN[manifest_key], written)


@pytest.mark.parametrize(
    ("manifest_key", "key"),
    [("//m.json", "secret/x"), ("//m.json", "x"), ("/m.json", "x"), ("a//m.json", "a/x"), ("a/../m.json", "a/../x")],
)
def test_r4_an_odd_folder_name_widens_nothing(manifest_key: str, key: str) -> None:
    assert re_signed(manifest_key, [(f"https://{HOST}/{BUCKET}/{key}{SIGNED}", "")]).signed() == []


WORDS = """
    ami-1 ami-12 nightly in secret snap-1.gz omi-exports omi-exports2 other .. . ... %2e%2e %2E. .%2e %252e%252e ..%2f
    ..%2Fsecret %2f %2F.. ami-1%2f.. ami-1%2Fsnap ..%5c ..\\ ..; .%20 %20 + ~ %3Fx %23 @ : * ami-1? ami-1#
"""
PIECES = st.sampled_from(["ami-1", "in", "snap-1.gz"]) | st.sampled_from([*WORDS.split(), ""])
STARTS = st.sampled_from([f"/{BUCKET}/OWN", f"/{BUCKET}/NEAR"]) | st.sampled_from(
    [f"/{BUCKET}/{folder}" for folder in ("", "ami-1/", "ami-12/", "ami-1", "nightly/ami-1/", "ami-1/in/", "other/")]
    + ["/", "//", f"//{BUCKET}/ami-1/", f"/{BUCKET}//ami-1/", f"/{BUCKET}%2Fami-1/", "/other-exports/ami-1/", "/../"]
)
ENDS = st.sampled_from(["", SIGNED, "?", "?/../other/x", "#/../../other/x", f"?key=other{SIGNED}", "?prefix=ami-1/"])
HOSTS = st.just(HOST) | st.sampled_from([HOST.upper(), f"{HOST}:443", "evil.example", f"{HOST}.evil.example"])
PATHS = st.builds(
    lambda start, pieces, end: f"{start}{'/'.join(pieces)}{end}", STARTS, st.lists(PIECES, min_size=1, max_size=4), ENDS
)
NAMES = st.sampled_from(["snap-1.gz", "../../other/x", "/other/x", "ami-1/snap-1.gz", "s3://other-exports/x", ""])
ENTRIES = st.lists(st.tuples(PATHS, NAMES), min_size=1, max_size=2)


@settings(max_examples=300)
@given(st.sampled_from(MANIFEST_KEYS), HOSTS, ENTRIES, st.sampled_from([(), ("other",), ("/other/", "ami-1/in/")]))
def test_r4_no_forged_manifest_gets_another_folder_signed(
    manifest_key: str, host: str, entries: list[tuple[str, str]], allowed: tuple[str, ...]
) -> None:
    own = OWN[manifest_key]
    near = f"{own.rstrip('/')}2/"
    forged = [(f"https://{host}{path}".replace("OWN", own).replace("NEAR", near), name) for path, name in entries]
    store = re_signed(manifest_key, forged, allowed)
    folders = [own, *(f"{prefix.strip('/')}/" for prefix in allowed)]
    for url in store.signed():
        parts = urlsplit(url)
        key = unquote(parts.path).removeprefix(f"/{BUCKET}/")
        assert (parts.scheme, parts.netloc, unquote(parts.path)) == ("https", HOST, f"/{BUCKET}/{key}")
        assert any(lies_in(folder, key) for folder in folders)
    assert all(lies_in(own, key) for key in store.written)
