"""What a store says when it refuses a URL is told: which of the many reasons it is, and what mends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from omicopy.cloud.url_reader import ObjectState, UrlReader, UrlRefused
from omicopy.errors import ErrorCode
from omicopy.model.urls.presigned_url import parse_presigned
from omicopy.model.urls.refusal import Reason
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.storage.presign import presign, presign_v2
from tests.support.hostile import XML, NoPause, Reply, hostile, transport
from tests.support.refusing import DAY, HOUR, SIGNER, WEEK, body
from tests.support.tool import LINUX, THREE, Tool


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_probe_and_a_read_give_the_reason(status: int) -> None:
    with hostile(
        Reply(status, XML, body("InvalidAccessKeyId", "<AWSAccessKeyId>SOMEACCESSKEY</AWSAccessKeyId>"))
    ) as to:
        url = parse_presigned(presign(SIGNER, "GET", f"{to.url}/b/k", HOUR))
        fetcher = UrlReader(transport(), NoPause(), 0.0)
        probe = fetcher.probe(url)
        with pytest.raises(UrlRefused) as caught:
            fetcher.read(url)
    assert probe.life is ObjectState.REFUSED
    assert probe.refusal == caught.value.refusal
    assert caught.value.code is ErrorCode.EXPIRED
    assert caught.value.refusal.reason is Reason.KEY_GONE
    assert "SOMEACCESSKEY" not in caught.value.message


def test_an_impossible_date_is_ignored() -> None:
    refused = Reply(403, XML, body("AccessDenied"), headers={"Date": "Fri, 31 Dec 9999 23:59:59 -2359"})
    with hostile(refused) as server:
        url = parse_presigned(f"{server.url}/b/key?AWSAccessKeyId=A&Expires=4000000000&Signature=abc")
        assert UrlReader(transport(), NoPause(), 0.0).probe(url).life is ObjectState.REFUSED


def cases(tool: Tool, key: str) -> dict[str, tuple[str, str]]:
    """URLs of one object that a store refuses: each with its reason and what is said of it."""
    account = tool.sandbox.accounts["source"]
    other = tool.sandbox.accounts["source-other"]
    place = tool.sign(key).partition("?")[0]
    ours = SigningKey(account.access_key, account.secret_key, account.region)
    now = datetime.now(UTC)
    return {
        presign(ours, "GET", place, HOUR, now + timedelta(hours=2)): ("signed-ahead", "is in the future"),
        presign(ours, "GET", place, WEEK + DAY): ("too-long", "no store accepts more than 7d"),
        presign(ours, "GET", place, HOUR) + "0": ("altered", "altered or cut"),
        presign(SigningKey("NOBODYSACCESSKEY0000", "S" * 40, account.region), "GET", place, HOUR): (
            "key-gone",
            "no longer exists",
        ),
        presign_v2(ours, "GET", place, WEEK + DAY): ("not-yet", "doesn't work yet"),
        presign(SigningKey(other.access_key, other.secret_key, other.region), "GET", place, HOUR): (
            "no-right",
            "may not",
        ),
        place: ("unsigned", "has no signature"),
    }


def test_r9_an_import_says_why_the_store_refuses_its_url(tool) -> None:
    urls = cases(tool, tool.exported())
    tool.forget()
    ran = tool.together([lambda u=u: tool.import_(u, code=10) for u in urls])
    for one, (reason, message) in zip(ran, urls.values(), strict=True):
        assert message in one.err, (reason, one.err)
        assert one.err.count("\n") >= 2  # the hint
    assert tool.calls() == []


def test_r9_inspect_says_why_the_store_refuses_each_url(tool) -> None:
    document = tool.manifest(tool.exported(THREE))
    entry, entries = document["Image"]["Snapshots"][0], []
    urls = cases(tool, tool.keys(".gz")[0])
    for number, url in enumerate(urls):
        entries.append(entry | {"PreSignedUrl": url, "Device": f"/dev/sd{chr(97 + number)}"})
    document["Image"]["Snapshots"] = entries
    tool.put("refused.json", document)
    ran = tool.run("inspect", tool.sign("refused.json"), "--probe", "-o", "json", code=10)
    assert [s["probe"]["reason"] for s in ran.json["snapshots"]] == [reason for reason, _ in urls.values()]
    shown = tool.run("inspect", tool.sign("refused.json"), "--probe", code=10)
    for _, message in urls.values():
        assert message in shown.out
    plain = tool.run("inspect", tool.sign("refused.json")).out
    assert "no store accepts more than 7d" in plain
    assert "doesn't work yet" in plain


def test_r9_a_url_that_a_new_signature_repairs_is_re_signed(tool) -> None:
    """Whatever the reason is why a store refuses the URLs inside."""
    key = tool.exported()
    document = tool.manifest(key)
    for url in cases(tool, tool.keys(".gz")[0]):
        document["Image"]["Snapshots"][0]["PreSignedUrl"] = url
        tool.put(key, document)
        assert "PreSignedUrl" in tool.url(f"s3://omi-exports/{key}", "--no-resign", code=10).err
        assert ".resigned-" in tool.url(f"s3://omi-exports/{key}").out
        for anew in [found for found in tool.keys(".json") if ".resigned-" in found]:
            tool.delete(anew)


def test_the_reasons_why_our_keys_are_refused_differ(tool) -> None:
    location = f"s3://omi-exports/{tool.exported()}"
    wrong = {
        "secret key": tool.profiles(source={"secret_key": "W" * 40}),
        "an EIM user's key works for the API": tool.profiles(source={"access_key": "W" * 20}),
    }
    for message, env in wrong.items():
        for words in (["url", location], ["resign", location], ["url", f"s3://omi-exports/{LINUX}/"]):
            ran = tool.run(*words, "--from", "source", code=12, **env)
            assert message in ran.err
            assert "W" * 20 not in ran.err


def test_no_upload_url_is_printed_that_the_store_would_refuse(tool) -> None:
    for message, env in {
        "secret key": tool.profiles(source={"secret_key": "W" * 40}),
        "an EIM user's": tool.profiles(source={"access_key": "W" * 20}),
    }.items():
        ran = tool.url("s3://omi-exports/new", "--method", "put", code=12, **env)
        assert (ran.out, message in ran.err) == ("", True)
