"""`inspect`: what is in an export and until when, told to anybody who has its URL, its file, or its place."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import foreign_object, require_no_foreign_objects
from omicopy.model.manifest import parse_manifest
from omicopy.sandbox.model.behaviours import Behaviour, UrlVersion
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.storage.presign import presign_v2
from tests.support.hostile import Reply, hostile
from tests.support.tool import LINUX, THREE, Tool

WEEK = 604_800


@pytest.fixture
def exported(tool: Tool) -> str:
    """The key of the manifest of an export of three volumes that ended a day ago."""
    tool.again(embedded_url_age_seconds=86_400)
    return tool.exported(THREE)


def without_profile(tool: Tool, *args: str, code: int | None = 0, stdin: str = ""):
    """The command of somebody without any credentials."""
    return tool.run("inspect", *args, code=code, stdin=stdin, OSC_CONFIG_FILE="/nowhere")


def dead(tool: Tool, key: str, index: int, **changes: object) -> str:
    """A file with the manifest, one entry of which is changed."""
    document = tool.manifest(key)
    document["Image"]["Snapshots"][index] |= changes
    file = tool.home / f"manifest-{index}-{len(changes)}.json"
    file.write_text(json.dumps(document))
    return str(file)


def test_every_source_gives_the_same_result(tool, exported) -> None:
    url = tool.sign(exported)
    in_file, manifest = tool.home / "url.txt", tool.home / "manifest.json"
    in_file.write_text(url + "\n")
    manifest.write_bytes(tool.get(exported))
    own = (f"s3://omi-exports/{exported}", f"s3://omi-exports/{THREE}/", THREE, tool.tasks()[0].task_id)
    ran = tool.together(
        [
            *(lambda s=s: without_profile(tool, s, "-o", "json") for s in (url, str(in_file), str(manifest))),
            *(lambda t=t: without_profile(tool, "-", "-o", "json", stdin=t) for t in (url, manifest.read_text())),
            *(lambda s=s: tool.run("inspect", s, "--from", "source", "-o", "json") for s in own),
        ]
    )
    parts = [one.json for one in ran]
    real = tool.manifest(exported)["Image"]
    assert {one["name"] for one in parts} == {real["Name"]}
    assert {one["architecture"] for one in parts} == {"x86_64"}
    for one in parts:
        for message, entry in zip(one["snapshots"], real["Snapshots"], strict=True):
            assert (message["device"], message["size_bytes"]) == (entry["Device"], entry["Size"])
            assert message["compressed_bytes"] == entry["CompressedSize"]
            assert entry["PreSignedUrl"].partition("?")[0].endswith(message["key"])
            assert 5.9 * 86_400 < message["seconds_left"] < 6 * 86_400
        assert one["effective_expires_at"] == min(s["expires_at"] for s in one["snapshots"]) or one["url"]
    assert [one["manifest"] for one in parts] == [None] * 5 + [f"s3://omi-exports/{exported}"] * 4
    assert [bool(one["url"]) for one in parts] == [True, True, False, True, False, False, False, False, False]
    assert parts[0]["ends_first"] == "manifest URL"
    assert parts[2]["ends_first"].startswith("Image.Snapshots[")


def test_the_output_holds_no_usable_url(tool, exported) -> None:
    ran = without_profile(tool, tool.sign(exported))
    assert re.search(r"^Volume: +/dev/sdb, 20 GiB, \d+ B in the bucket, io1$", ran.out, re.MULTILINE)
    assert ran.out.count("SigV4 for eu-west-2") == 4
    assert re.search(r"^Valid until: .+Z \(in \d+m\d+s\); first to expire: manifest URL$", ran.out, re.MULTILINE)
    for parts in (ran.out, without_profile(tool, tool.sign(exported), "-o", "json").out):
        assert "X-Amz" not in parts


def test_a_probe_names_the_urls_that_do_not_work(tool, exported) -> None:
    alive = without_profile(tool, tool.sign(exported), "--probe", "-o", "json").json
    assert [s["probe"]["state"] for s in alive["snapshots"]] == ["alive"] * 3
    assert [s["probe"]["size_bytes"] for s in alive["snapshots"]] == [s["compressed_bytes"] for s in alive["snapshots"]]
    entry = tool.manifest(exported)["Image"]["Snapshots"][1]
    cases = {
        dead(tool, exported, 1, CompressedSize=7): (8, rf"\[1\].* has {entry['CompressedSize']} bytes where .* 7"),
        dead(tool, exported, 0, PreSignedUrl=tool.sign("not/there")): (8, r"\[0\].*: not/there is gone"),
        dead(tool, exported, 2, PreSignedUrl=entry["PreSignedUrl"] + "0"): (10, r"\[2\].*: the store refuses"),
    }
    ran = tool.together(
        [lambda f=f, c=c: without_profile(tool, f, "--probe", "--allow-private", code=c) for f, (c, _) in cases.items()]
    )
    for one, (_, message) in zip(ran, cases.values(), strict=True):
        assert re.search(message, one.err), one.err
        assert one.out.count("probe        alive") == 2
    assert tool.calls().count("CreateImage") == 0


def test_an_expired_manifest_is_shown_from_a_file(tool) -> None:
    """Its URL is refused."""
    tool.again(embedded_url_age_seconds=WEEK + 3 * 86_400)
    key = tool.exported()
    file = tool.home / "old.json"
    file.write_bytes(tool.get(key))
    ran = without_profile(tool, str(file))
    assert re.search(r"\(3d(\d+s)? ago\)", ran.out)
    assert without_profile(tool, str(file), "--probe", "--allow-private", code=10).out.count("refused") == 1
    account = tool.sandbox.accounts["source"]
    signer = SigningKey(account.access_key, account.secret_key, account.region)
    plain = tool.sign(key).partition("?")[0]
    assert "expired at" in without_profile(tool, presign_v2(signer, "GET", plain, -60), code=10).err


def test_sigv2_and_sigv4_urls_are_read(tool) -> None:
    tool.again(behaviour=Behaviour(url_version=UrlVersion.SIGV2))
    parts = without_profile(tool, tool.sign(tool.exported()), "-o", "json", "--probe").json
    assert (parts["url"]["signature"], parts["snapshots"][0]["signature"]) == ("SigV4", "SigV2")
    assert parts["snapshots"][0]["signed_for"] is None
    ends = datetime.fromisoformat(parts["snapshots"][0]["expires_at"])
    assert timedelta(days=6.9) < ends - datetime.now(UTC) < timedelta(days=7)
    assert parts["snapshots"][0]["probe"]["state"] == "alive"


def test_an_unknown_expiry_is_shown_as_unknown(tool) -> None:
    key = tool.exported()
    plain = tool.manifest(key)["Image"]["Snapshots"][0]["PreSignedUrl"].partition("?")[0]
    ran = without_profile(tool, dead(tool, key, 0, PreSignedUrl=plain.replace("http://", "http://far.example/")))
    assert "an unknown time, not signed" in ran.out
    assert "Valid until:   an unknown time; first to expire: Image.Snapshots[0].PreSignedUrl" in ran.out


def test_a_source_that_cannot_be_inspected_has_its_exit_code(tool) -> None:
    garbage, two = tool.home / "garbage", tool.home / "two"
    garbage.write_bytes(b'{"Version": 1, "Image": {"Snapshots": [{"Size": "\\u001b[31mred"}]}}')
    two.write_text("https://a.example/b/c and https://a.example/b/d")
    huge = tool.home / "huge"
    huge.write_bytes(b"{" + b" " * 1024 * 1024)
    cases = {
        "s3://omi-exports/x": (2, "--from"),
        LINUX: (2, "--from"),
        str(garbage): (8, "Image.Snapshots[0]"),
        str(huge): (8, "too many for a manifest"),
        str(two): (2, "2 different URLs"),
        "/no/such": (2, "neither a URL nor a readable file"),
    }
    ran = tool.together([lambda s=s, c=c: without_profile(tool, s, code=c) for s, (c, _) in cases.items()])
    for one, (_, message) in zip(ran, cases.values(), strict=True):
        assert message in one.err
        assert one.out == ""
        assert "\x1b" not in one.err


def test_control_characters_of_a_manifest_are_not_printed(tool, exported) -> None:
    document = tool.manifest(exported)
    document["Image"]["Description"] = "fine\x1b[2J\nName: forged"
    file = tool.home / "forged.json"
    file.write_text(json.dumps(document))
    ran = without_profile(tool, str(file))
    assert "\x1b" not in ran.out
    assert [line for line in ran.out.splitlines() if line.startswith("Name:")] == ["Name:          golden-three"]


def test_an_unreachable_store_hides_no_other_url(tool, exported) -> None:
    document = tool.manifest(exported)
    document["Image"]["Snapshots"][0]["PreSignedUrl"] = "http://127.0.0.1:9/b/k?X-Amz-Signature=0"
    document["Image"]["Snapshots"][2]["PreSignedUrl"] += "0"
    file = tool.home / "mixed.json"
    file.write_text(json.dumps(document))
    ran = without_profile(tool, str(file), "--probe", "--allow-private", "--retry", "0", code=10)
    assert [line.split()[1] for line in ran.out.splitlines() if line.startswith("  probe")] == [
        "unknown",
        "alive",
        "refused",
    ]
    assert ran.err.count("Error: Image.Snapshots[") == 2


NOT_OURS = [
    "127.0.0.1:PORT",
    "0.0.0.0:PORT",
    "127.1:PORT",
    "localhost.:PORT",
    "[::ffff:127.0.0.1]:PORT",
    "2130706433:PORT",
    "x.localhost:PORT",
    "169.254.169.254",
    "10.0.0.1",
    "metadata.google.internal",
]


@pytest.mark.parametrize("way", ["a file", "stdin", "a URL of elsewhere"])
def test_a_manifest_causes_no_request_to_this_machine(tool, exported, way: str) -> None:
    """A manifest is a stranger's: what it leads to on this machine and in private networks is not asked."""
    document = tool.manifest(exported)
    entry = document["Image"]["Snapshots"][0]
    with hostile(Reply(body=b"secret")) as own:
        hosts = [host.replace("PORT", str(own.server_port)) for host in NOT_OURS]
        document["Image"]["Snapshots"] = [
            entry | {"PreSignedUrl": f"http://{host}/b/k?X-Amz-Signature=0", "Device": f"/dev/sd{chr(97 + number)}"}
            for number, host in enumerate(hosts)
        ]
        file, text = tool.home / "strange.json", json.dumps(document)
        file.write_text(text)
        if way == "a URL of elsewhere":
            manifest = parse_manifest(text.encode())
            problems = [foreign_object(one.url, "oos.eu-west-2.outscale.com") for one in manifest.snapshots]
            assert [problem and problem.code for problem in problems] == [ErrorCode.USAGE] * len(hosts)
            with pytest.raises(OmicopyError, match=r"Image\.Snapshots\[0\]"):
                require_no_foreign_objects(manifest, "oos.eu-west-2.outscale.com")
            return
        args = ("-", "--probe") if way == "stdin" else (str(file), "--probe")
        ran = without_profile(tool, *args, "--retry", "0", code=2, stdin=text)
        assert own.requests == []
        assert ran.out.count("probe        not asked") == len(hosts)
        assert ran.err.count("was not contacted: it is ") == len(hosts)
        assert "--allow-private" in ran.err
        parts = without_profile(tool, *args, "--retry", "0", "-o", "json", code=2, stdin=text).json
        assert {one["probe"]["reason"] for one in parts["snapshots"]} == {"not-asked"}


def test_a_host_that_the_user_named_is_requested(tool, exported) -> None:
    manifest = parse_manifest(tool.get(exported))
    url = manifest.snapshots[0].url
    for named in (url.hostname, "localhost", "127.0.0.1"):
        assert foreign_object(url, named) is None
    private = parse_manifest(tool.get(exported).replace(b"http://127.0.0.1", b"https://10.0.0.1"))
    assert foreign_object(private.snapshots[0].url, "10.0.0.1") is None
    assert foreign_object(private.snapshots[0].url, "127.0.0.1") is not None
    assert without_profile(tool, tool.sign(exported), "--probe").out.count("probe        alive") == 3
    own = tool.run("inspect", f"s3://omi-exports/{exported}", "--probe", "--from", "source")
    assert own.out.count("probe        alive") == 3


def test_an_import_requests_no_host_that_only_a_manifest_names(tool, exported) -> None:
    document = tool.manifest(exported)
    document["Image"]["Snapshots"][1]["PreSignedUrl"] = "https://10.0.0.1:1/b/k?X-Amz-Signature=0"
    tool.put("strange.json", document)
    tool.forget()
    ran = tool.import_(tool.sign("strange.json"), "--allow-http", code=2)
    assert "10.0.0.1:1 was not contacted" in ran.err
    assert "--allow-private" in ran.err
    assert tool.calls() == []
