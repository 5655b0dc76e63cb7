"""R4: a stranger who may put one object beside an export gets nothing of theirs handed out, and nothing of ours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from omicopy.cloud.clients import Clients
from omicopy.cloud.profiles.profile import Account
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import sign_found, sign_manifest
from omicopy.model.export import FoundExport
from omicopy.model.manifest import parse_manifest
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.storage.presign import presign
from tests.support import hostile
from tests.support.children import PATIENCE
from tests.support.planting import ELSEWHERE, PLACE, body
from tests.support.tool import LINUX, Tool, s3_client

WEEK, DAY = 604_800, 86_400
THEIR_BUCKET = "other-exports"


def planted(tool: Tool, key: str) -> dict[str, Any]:
    """The manifest at `key` with URLs that work, of the same keys in another account's bucket on the same store."""
    other = tool.sandbox.accounts["source-other"]
    store = tool.sandbox.oos_urls[other.region]
    theirs = s3_client(store, other.access_key, other.secret_key, other.region)
    document = tool.manifest(key)
    for entry in document["Image"]["Snapshots"]:
        name = urlsplit(entry["PreSignedUrl"]).path.partition("/omi-exports/")[2]
        theirs.put_object(Bucket=THEIR_BUCKET, Key=name, Body=b"x" * entry["CompressedSize"])
        signer = SigningKey(other.access_key, other.secret_key, other.region)
        entry["PreSignedUrl"] = presign(signer, "GET", f"{store}/{THEIR_BUCKET}/{name}", WEEK)
    return document


def sources(tool: Tool, key: str) -> dict[str, str]:
    return {
        "its key": f"s3://omi-exports/{key}",
        "its folder": f"s3://omi-exports/{LINUX}/",
        "its task": tool.tasks()[0].task_id,
        "its image": LINUX,
        "an old URL": tool.sign(key),
    }


WAYS = ["its key", "its folder", "its task", "its image", "an old URL"]


def opens_only_ours(url: str) -> bool:
    answer = requests.get(url.strip(), timeout=PATIENCE)
    assert answer.status_code == 200
    entries = answer.json()["Image"]["Snapshots"]
    return all(urlsplit(entry["PreSignedUrl"]).path.startswith(f"/omi-exports/{LINUX}/") for entry in entries)


@pytest.mark.parametrize("way", WAYS)
def test_r4_a_planted_later_manifest_is_never_handed_out(tool, way: str) -> None:
    tool.again(embedded_url_age_seconds=WEEK + DAY)
    key = tool.exported()
    stem = key.removesuffix(".json")
    tool.put(f"{stem}.resigned-99991231T235959Z.json", planted(tool, key))
    ran = tool.url(sources(tool, key)[way])
    assert opens_only_ours(ran.out)
    assert THEIR_BUCKET not in ran.out
    again = tool.url(sources(tool, key)[way])  # and what was signed anew is found beside it
    assert opens_only_ours(again.out)
    assert tool.count("PutObject", account="source") == 2  # the planted one, and one of ours


def test_r4_a_planted_manifest_is_not_signed_or_imported(tool) -> None:
    """Nor re-signed."""
    tool.again(embedded_url_age_seconds=WEEK + DAY)
    key = tool.exported()
    beside = f"{key.removesuffix('.json')}.resigned-99991231T235959Z.json"
    tool.put(beside, planted(tool, key))
    location = f"s3://omi-exports/{beside}"
    tool.forget()
    for words in (
        ["url", location],
        ["url", location, "--no-resign"],
        ["resign", location],
        ["url", tool.sign(beside)],
    ):
        ran = tool.run(*words, "--from", "source", code=8)
        assert "in another bucket" in ran.err
        assert ran.out == ""
    assert tool.writes() == []
    seen = tool.run("inspect", location, "--from", "source")
    assert "in another bucket" in seen.err
    assert "in another bucket" in tool.run("inspect", location, "--from", "source", "-o", "json").json["outside"]
    assert tool.run("inspect", f"s3://omi-exports/{key}", "--from", "source", "-o", "json").json["outside"] is None
    copied = tool.copy("golden-linux").copy
    assert copied["status"] == "copied"
    assert copied["manifest"] != location


def test_r4_a_manifest_that_replaced_ours_is_refused(tool) -> None:
    key = tool.exported()
    tool.put(key, planted(tool, key))
    for source in sources(tool, key).values():
        assert tool.url(source, code=8).out == ""
    assert tool.copy("golden-linux", code=8).copy["error"]["code"] == "damaged"
    assert tool.copies() == []


def test_r4_a_build_takes_no_foreign_manifest_for_its_own(tool) -> None:
    disk = tool.get(tool.exported() and tool.keys(".gz")[0])
    tool.put("loose/disk.qcow2.gz", disk)
    words = ["manifest", "build", "s3://omi-exports/loose", "--name", "theirs", "--from", "source"]
    made = tool.run(*words).out.strip().removeprefix("s3://omi-exports/")
    document = tool.manifest(made)
    for entry in document["Image"]["Snapshots"]:
        entry["PreSignedUrl"] = entry["PreSignedUrl"].replace("http://127.0.0.1", "http://localhost")
    tool.put(made, document)
    assert "the host or folder of its URLs" in tool.run(*words, code=4).err


@pytest.mark.parametrize("change", ELSEWHERE.values(), ids=ELSEWHERE)
def test_r4_the_object_behind_the_url_is_checked(change: Callable[[str], str]) -> None:
    """Not the one that was read before."""
    checked = parse_manifest(body())
    found = FoundExport(PLACE, checked.expiry(), (), (), checked.digest())
    good, bad = hostile.Reply(body=body()), hostile.Reply(body=body(change))
    with hostile.hostile(good, bad) as server:
        session = session_of(server.account)
        assert sign_found(session, found).startswith(server.url)
        for sign in (sign_found, lambda session, found: sign_manifest(session, found.location)):
            with pytest.raises(OmicopyError) as caught:
                sign(session, found)
            assert caught.value.code is ErrorCode.DAMAGED


def test_r9_a_manifest_replaced_after_its_check_is_read_again() -> None:
    checked = parse_manifest(body())
    found = FoundExport(PLACE, checked.expiry(), (), (), checked.digest())
    other = body(lambda url: url.replace("oos.eu-west-2.outscale.com", "oos.evil.example"))
    with hostile.hostile(hostile.Reply(body=other)) as server, pytest.raises(OmicopyError) as caught:
        sign_found(session_of(server.account), found)
    assert caught.value.code is ErrorCode.TEMPORARY
    assert "was replaced" in caught.value.message


def session_of(account: Account) -> AccountSession:
    return Clients({account.profile: account}, retry=timedelta(0)).session(account.profile)
