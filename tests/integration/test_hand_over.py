"""Handing an export over: `url` with all its options, `resign`, and what the other account's owner does with it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from omicopy.sandbox.model.behaviours import Behaviour, UrlVersion
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.storage.disk_images import GIB, make_disk
from tests.support import children
from tests.support.children import PATIENCE
from tests.support.tool import LINUX, THREE, Tool

WEEK, DAY = 604_800, 86_400
THREE_MONTHS = 90 * DAY


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def aged(tool: Tool, image: str = LINUX, age: int = WEEK + DAY, **behaviour: object) -> str:
    """The `s3://` location of an export that ended so many seconds ago."""
    tool.again(embedded_url_age_seconds=age, behaviour=Behaviour(**behaviour))
    return f"s3://omi-exports/{tool.exported(image)}"


def key_of(location: str) -> str:
    return location.strip().removeprefix("s3://omi-exports/")


# --- what someone can do who was only sent a hand-off text


def test_a_hand_off_text_is_enough_to_import_the_image(tool) -> None:
    location = aged(tool, THREE, age=THREE_MONTHS)
    text = tool.url(location, "--handoff").out  # an old export, handed over in one command
    receiver = tool.elsewhere()
    mail = receiver.home / "mail.txt"
    mail.write_text("Hello,\nhere is the image.\n\n" + "".join(f"> {line}\n" for line in text.splitlines()))
    ran = receiver.import_(str(mail))
    assert ran.copy["target"]["image_name"] == "golden-three"
    assert re.search(r"golden-three \(x86_64\), 3 volumes, 34 GiB, at 127.0.0.1:\d+\n  valid until .+ \(in 6d", ran.err)
    (copy,) = tool.copies()
    assert [device.size_gib for device in copy.devices] == [10, 20, 4]
    assert receiver.import_("-", stdin=text).copy["status"] == "present"


def test_our_own_json_is_read_by_the_other_side(tool) -> None:
    tool.exported()
    for more in ((), ("--handoff",)):
        text = tool.url(LINUX, "-o", "json", *more).out
        receiver = tool.elsewhere()
        mail = receiver.home / "url.json"
        mail.write_text(text.replace("&", "\\u0026").replace("http://", "HTTP://"))
        for source, stdin in ((str(mail), ""), ("-", text)):
            assert receiver.run("inspect", source, "--probe", stdin=stdin).out.count("probe        alive") == 1
    assert receiver.import_(str(mail)).copy["status"] == "copied"
    both = json.dumps([tool.sign("a/manifest"), tool.sign("b/manifest")])
    assert "2 different URLs" in receiver.import_("-", stdin=both, code=2).err
    assert "2 different URLs" in receiver.run("inspect", "-", stdin=json.dumps({"a": json.loads(both)}), code=2).err


def test_every_command_of_a_hand_off_text_works(tool) -> None:
    text = tool.url(aged(tool), "--handoff").out
    commands = [shlex.split(line) for line in text.splitlines() if line.startswith(("omicopy ", "octl ", "osc-cli "))]
    assert [command[0] for command in commands] == ["omicopy", "octl", "osc-cli"]
    handoff = tool.home / "handoff.txt"
    handoff.write_text(text)
    own = [{"YOUR_PROFILE": "target", "handoff.txt": str(handoff)}.get(word, word) for word in commands[0]]
    assert tool.run(*own[1:]).row[2] == "copied"
    octl = dict(zip(commands[1][4::2], commands[1][5::2], strict=True))
    assert octl.keys() == {"--ImageName", "--FileLocation"}
    words = ["by-osc-cli" if word == "golden-linux" else word for word in commands[2]]
    words = ["target" if word == "YOUR_PROFILE" else word for word in words]
    scripts = Path(sys.executable).parent
    done = children.run([str(scripts / words[0]), *words[1:]], env=tool.sandbox.env)
    assert json.loads(done.stdout)["Image"]["ImageName"] == "by-osc-cli", done.stderr
    assert {image.name for image in tool.copies()} == {"golden-linux", "by-osc-cli"}


def test_a_hand_off_states_its_image_and_expiry(tool) -> None:
    """A name hides nothing in it."""
    key = key_of(aged(tool, age=0))
    document = tool.manifest(key)
    document["Image"] |= {"Name": "x'; rm -rf ~ https://evil.example/a?Signature=x", "ProductTypes": ["0001", "0002"]}
    tool.put(key, document)
    text = tool.url(f"s3://omi-exports/{key}", "--handoff", "--expires", "2d").out
    assert "an image without a name (x86_64), 1 volume, 10 GiB" in text
    assert "product types 0002" in text
    assert "rm -rf" not in text
    deadline = re.search(r"^Import by: (\S+ \S+) UTC", text, re.MULTILINE)
    left = datetime.fromisoformat(f"{deadline[1]}+00:00") - datetime.now(UTC)
    assert timedelta(days=1.99) < left <= timedelta(days=2)
    file = tool.home / "handoff.txt"
    file.write_text(text)
    assert tool.import_(str(file), "--name", "mine", "--accept-licences").copy["target"]["image_name"] == "mine"


def test_a_hand_off_file_is_private(tool) -> None:
    """The URL is still alone on stdout."""
    location, file = aged(tool, age=0), tool.home / "to-mail.txt"
    file.write_text("something older and longer" * 1000)
    file.chmod(0o644)
    ran = tool.url(location, "--handoff-file", str(file))
    (url,) = ran.out.splitlines()
    assert url in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("An OUTSCALE machine image")
    as_json = tool.url(location, "--handoff", "-o", "json").json
    assert as_json["url"] in as_json["handoff"]
    assert [f.name for f in tool.home.iterdir() if f.name.startswith(".to-mail")] == []
    refused = tool.together(
        [
            lambda: tool.url(location, "--handoff-file", str(tool.home / "no" / "such"), code=2),
            lambda: tool.url(location, "--handoff-file", str(tool.home), code=2),
            lambda: tool.url(location, "--handoff", "--no-check", code=2),
        ]
    )
    assert [one.out for one in refused] == ["", "", ""]


# --- url: until when


def test_no_resign_leaves_an_old_export_as_it_is(tool) -> None:
    location = aged(tool, THREE)
    ran = tool.url(location, "--no-resign", code=10)
    assert "Image.Snapshots[0].PreSignedUrl ends at" in ran.err
    assert "omicopy resign" in ran.err
    assert ran.out == ""
    assert "PutObject" not in tool.writes()
    tool.again(embedded_url_age_seconds=WEEK - 3600)
    young = f"s3://omi-exports/{tool.exported()}"
    assert re.search(r"\b5\dm", tool.url(young, "--no-resign", code=10).err)
    assert tool.url(young, "--no-resign", "--min-validity", "30m").out.startswith("http")


def test_the_access_keys_expiry_counts_too(tool) -> None:
    location = aged(tool, age=0)
    ends = in_days(2.5)
    tool.from_now_on(access_keys_end=ends)
    ran = tool.url(location, "-o", "json")
    assert ran.json["effective_expires_at"][:19] == ends[:19]
    assert "what ends first: access key" in ran.err
    too_long = tool.url(location, "--min-validity", "3d", code=10)
    assert "access key ends at" in too_long.err
    assert "PutObject" not in tool.writes()
    tool.put("plain.txt", b"text")
    assert "access key" in tool.url("s3://omi-exports/plain.txt", "--min-validity", "4d", code=10).err
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "ReadAccessKeys", times=None))
    unknown = tool.url(location)
    assert "expiration date is not known" in unknown.err


@pytest.mark.parametrize("change", ["no end", "SigV2"])
def test_other_urls_inside_are_checked_by_their_expiry(tool, change) -> None:
    location = aged(tool, age=0, url_version=UrlVersion.SIGV2)
    key = key_of(location)
    if change == "SigV2":
        assert urlsplit(tool.url(location).out).path.endswith(key)
        return
    document = tool.manifest(key)
    url = document["Image"]["Snapshots"][0]["PreSignedUrl"]
    document["Image"]["Snapshots"][0]["PreSignedUrl"] = url.partition("?")[0]
    tool.put(key, document)
    assert "does not say when it ends" in tool.url(location, "--no-resign", code=10).err
    assert ".resigned-" in tool.url(location).out


def test_an_old_url_names_its_object(tool) -> None:
    key = key_of(aged(tool))
    old = tool.sign(key, 1)
    fresh = tool.url(old).out.strip()
    assert requests.get(fresh, timeout=PATIENCE).status_code == 200
    assert "another host" in tool.run("url", old, "--from", "target", code=2).err


# --- resign


def test_resign_writes_a_new_manifest_beside_the_expired_one(tool) -> None:
    """Nothing else changes."""
    location = aged(tool, THREE, age=THREE_MONTHS)
    key = key_of(location)
    document = tool.manifest(key)
    document = {"Unknown": [1, {"b": 0.5, "a": None}], **document, "Last": "stays last"}
    document["Image"]["Snapshots"][1]["Note"] = "kept"
    tool.put(key, document)
    before = tool.get(key)
    tool.forget()
    ran = tool.run("resign", location, "--from", "source")
    assert re.fullmatch(rf"s3://omi-exports/{THREE}/manifest\.resigned-\d{{8}}T\d{{6}}Z\.json\n", ran.out)
    assert tool.writes() == ["PutObject"]
    assert tool.get(key) == before
    anew = json.loads(tool.get(key_of(ran.out)), object_pairs_hook=list)
    old = json.loads(before, object_pairs_hook=list)
    assert without_urls(anew) == without_urls(old)
    assert tool.import_(tool.url(ran.out.strip(), "--no-resign").out.strip()).copy["status"] == "copied"


def without_urls(pairs: object) -> object:
    """JSON as lists of pairs, so that the order counts."""
    if isinstance(pairs, tuple) and pairs[0] == "PreSignedUrl":
        return "URL"
    return [without_urls(item) for item in pairs] if isinstance(pairs, list | tuple) else pairs


def test_two_resigns_in_a_second_make_two_manifests(tool) -> None:
    location = aged(tool)
    first, second = tool.together([lambda: tool.run("resign", location, "--from", "source")] * 2)
    third = tool.run("resign", first.out.strip(), "--from", "source", "--expires", "1h", "-o", "json").json
    assert third["manifest"].count(".resigned-") == 1
    assert third["manifest"] not in (first.out.strip(), second.out.strip())
    assert third["effective_expires_at"] < in_days(0.05)
    chosen = tool.url(LINUX, "-o", "json").json
    assert chosen["manifest"] in (first.out.strip(), second.out.strip())
    assert tool.copy("golden-linux").copy["status"] == "copied"
    assert tool.count("CreateImageExportTask") == 1


def test_a_manifest_that_cannot_be_re_signed_names_the_entry(tool) -> None:
    location = aged(tool, THREE)
    key = key_of(location)
    tool.put("elsewhere/disk.qcow2.gz", b"not for everybody")
    forged = tool.manifest(key)
    url = forged["Image"]["Snapshots"][1]["PreSignedUrl"]
    forged["Image"]["Snapshots"][1] |= {
        "PreSignedUrl": re.sub(rf"{THREE}/[^?]*", "elsewhere/disk.qcow2.gz", url),
        "CompressedSize": 17,
    }
    tool.put(f"{THREE}/forged.json", forged)
    sized = tool.manifest(key)
    sized["Image"]["Snapshots"][2]["CompressedSize"] += 1
    tool.put(f"{THREE}/sized.json", sized)
    cases = {
        f"s3://omi-exports/{THREE}/forged.json": (8, "Image.Snapshots[1].PreSignedUrl is outside the export"),
        f"s3://omi-exports/{THREE}/sized.json": (8, "Image.Snapshots[2].PreSignedUrl"),
        "s3://omi-exports/elsewhere/disk.qcow2.gz": (8, "not JSON"),
        "s3://omi-exports/none.json": (4, "no object"),
        "golden-linux": (2, "names no object"),
    }
    tool.forget()
    ran = tool.together(
        [lambda s=s, c=c: tool.run("resign", s, "--from", "source", code=c) for s, (c, _) in cases.items()]
    )
    for one, (_, message) in zip(ran, cases.values(), strict=True):
        assert message in one.err
        assert one.out == ""
    assert tool.writes() == []
    widened = ("resign", f"s3://omi-exports/{THREE}/forged.json", "--from", "source", "--allow-key-prefix", "elsewhere")
    assert ".resigned-" in tool.run(*widened).out
    for gone in tool.keys(".gz"):
        tool.delete(gone)
    assert "is gone" in tool.run("resign", location, "--from", "source", code=8).err


def test_a_key_without_write_permission_is_reported(tool) -> None:
    location = aged(tool)
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "PutObject", account="source", times=None))
    assert tool.run("resign", location, "--from", "source", code=12).out == ""
    assert "right to write" in tool.url(location, code=10).err


# --- any object, both ways


def sh(command: str, folder: Path) -> None:
    children.run(["sh", "-c", command], cwd=folder, check=True, env={"PATH": os.environ["PATH"]})


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_an_upload_url_is_for_one_key_and_one_content_type(tool) -> None:
    place = "s3://omi-exports/from outside/disk's.img"
    ran = tool.url(place, "--method", "put", "--content-type", "text/plain", "--show-command", "--expires", "90")
    (url,) = ran.out.splitlines()
    (command,) = [line for line in ran.err.splitlines() if line.startswith("curl ")]
    assert shlex.split(command)[-1] == url
    assert "one file of at most 5 GiB" in ran.err
    pipe, kind = iter([b"from a pipe"]), {"Content-Type": "text/plain"}
    assert requests.put(url, data=pipe, headers=kind, timeout=PATIENCE).status_code == 411
    folder = tool.home / "upload"
    folder.mkdir()
    (folder / "disk's.img").write_bytes(b"content")
    sh(command, folder)
    assert tool.get("from outside/disk's.img") == b"content"
    assert requests.put(url, data=b"x", headers={"Content-Type": "text/html"}, timeout=PATIENCE).status_code == 403
    get = tool.url(place, "--show-command")
    (command,) = [line for line in get.err.splitlines() if line.startswith("curl ")]
    (folder / "disk's.img").unlink()
    sh(command, folder)
    assert (folder / "disk's.img").read_bytes() == b"content"
    assert "replaces it" in tool.url(place, "--method", "put").err


def test_a_too_long_key_is_reported_before_any_request(tool) -> None:
    """Object storage takes 915 bytes. Whoever uploads is told; what the tool would write itself is refused."""
    folder = f"{'é/' * 285}{'é' * 3}"
    ran = tool.url(f"s3://omi-exports/{folder}/{'x' * 53}", "--method", "put", "-q")
    assert ran.err == ""
    ran = tool.url(f"s3://omi-exports/{folder}/{'x' * 54}", "--method", "put", "-q")
    assert "more than 915 bytes" in ran.err
    assert requests.put(ran.out.strip(), data=b"x", timeout=PATIENCE).status_code == 400
    tool.forget()
    resigned = tool.run("resign", f"s3://omi-exports/{folder}/{'m' * 40}", "--from", "source", code=2)
    built = tool.run("manifest", "build", f"s3://omi-exports/{folder}", "--name", "n" * 60, "--from", "source", code=2)
    for one in (resigned, built):
        assert "more than 915" in one.err
        assert one.out == ""
    assert len(tool.sandbox.request_log) == 0


def test_an_impossible_upload_is_refused(tool) -> None:
    cases = {
        ("s3://omi-exports/x", "--method", "post"): (2, "no pre-signed POST"),
        ("s3://omi-exports/x", "--method", "patch"): (2, "no method 'patch'"),
        ("s3://omi-exports/x", "--content-type", "text/plain"): (2, "--method put"),
        ("s3://omi-exports/x", "--method", "put", "--content-type", "text/plain\nX: y"): (2, "content type"),
        ("s3://omi-exports/x", "--method", "put", "--expires", "604801"): (2, "--expires"),
        ("s3://omi-exports/x/", "--method", "put"): (2, "names no object"),
        ("s3://omi-exports/a/..", "--method", "put"): (2, "No URL can lead"),
        ("s3://omi-exports/x", "--method", "put", "--expires", "1.5s"): (2, "whole seconds"),
        (LINUX, "--method", "put"): (2, "names no object"),
        ("s3://no-such-bucket/x", "--method", "put"): (4, "NoSuchBucket"),
        ("s3://omi-exports/\udcff", "--method", "put"): (2, "can't name"),
    }
    ran = tool.together([lambda a=a, c=c: tool.url(*a, code=c) for a, (c, _) in cases.items()])
    for one, (_, message) in zip(ran, cases.values(), strict=True):
        assert message in one.err
        assert one.out == ""


# --- import: what is fetched, and what is told


def test_plain_http_to_another_machine_is_refused(tool) -> None:
    """It is neither read nor imported."""
    key = key_of(aged(tool, age=0))
    document = tool.manifest(key)
    url = document["Image"]["Snapshots"][0]["PreSignedUrl"]
    document["Image"]["Snapshots"][0]["PreSignedUrl"] = re.sub(r"//[^/]*/", "//oos.invalid/", url)
    tool.put("http.json", document)
    tool.forget()
    for source in ("http://oos.invalid/b/k?X-Amz-Signature=0", tool.sign("http.json")):
        ran = tool.import_(source, code=2)
        assert "--allow-http" in ran.err
        assert (ran.json["copies"], ran.json["error"]["code"]) == ([], "usage")
    assert tool.calls() == []
    insisted = tool.import_(tool.sign("http.json"), "--allow-http", "--retry", "0", code=5)
    assert "oos.invalid" in insisted.err
    assert tool.run("inspect", tool.sign("http.json")).out.count("http://oos.invalid") == 1


def test_licences_are_a_warning_before_any_api_call(tool) -> None:
    key = tool.exported("ami-00000003")
    for action in ("ReadAccounts", "ReadQuotas"):
        tool.sandbox.faults.add(Fault(FaultKind.DENIED, action, times=None))
    warned = tool.import_(tool.sign(key), code=12)
    assert "product types 0002 may bear licences" in warned.err
    assert "golden-windows" in warned.err.partition("Error")[0]
    assert "licences" not in tool.import_(tool.sign(key), "--accept-licences", code=12).err


def test_a_valid_manifest_beside_an_old_one_is_handed_out(tool) -> None:
    """No other one is made."""
    location = aged(tool)
    fresh = tool.run("resign", location, "--from", "source").out.strip()
    tool.forget()
    for more in ((), ("--no-resign",)):
        assert urlsplit(tool.url(location, *more).out.strip()).path.endswith(key_of(fresh))
    assert tool.writes() == []
    other = tool.manifest(key_of(fresh))
    other["Image"]["Name"] = "another image"
    tool.put(key_of(fresh), other)
    tool.forget()
    assert not urlsplit(tool.url(location).out.strip()).path.endswith(key_of(fresh))
    assert tool.count("PutObject") == 1


def test_only_a_refused_write_is_reported_as_one(tool) -> None:
    location = aged(tool)
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "ListObjects", account="source", times=None))
    refused = tool.url(location, code=12)
    assert "ListObjects" in refused.err


def test_a_hand_off_file_replaces_no_link(tool) -> None:
    """For a file that can't be written nothing is signed."""
    location, real, link = aged(tool), tool.home / "real.txt", tool.home / "link.txt"
    real.write_text("keep")
    link.symlink_to(real)
    tool.forget()
    for file in (link, tool.home / "no" / "such"):
        assert tool.url(location, "--handoff-file", str(file), code=2).out == ""
    assert tool.url("s3://omi-exports/x", "--method", "put", "--handoff", code=2).out == ""
    assert (link.is_symlink(), real.read_text(), tool.writes()) == (True, "keep", [])


def test_json_that_is_no_manifest_is_an_ordinary_object(tool) -> None:
    tool.put("compose.json", {"Image": "nginx", "Snapshots": 3})
    assert requests.get(tool.url("s3://omi-exports/compose.json").out.strip(), timeout=PATIENCE).status_code == 200


# --- strangers' manifests


def test_a_planted_manifest_leads_to_no_other_host(tool) -> None:
    key = key_of(aged(tool, age=0))
    forged = tool.manifest(key)
    url = forged["Image"]["Snapshots"][0]["PreSignedUrl"]
    path = urlsplit(url).path
    forged["Image"]["Snapshots"][0]["PreSignedUrl"] = (
        f"http://127.0.0.1:9{path}?AWSAccessKeyId=x&Signature=y&Expires=99999999999"
    )
    tool.put(f"{LINUX}/upload.bin", forged)
    tool.put(f"{LINUX}/upload.json", forged)
    assert urlsplit(tool.url(f"s3://omi-exports/{LINUX}/").out.strip()).path == f"/omi-exports/{key}"
    assert tool.copy("golden-linux").copy["manifest"] == f"s3://omi-exports/{key}"
    anew = tool.url(f"s3://omi-exports/{LINUX}/upload.json").out.strip()
    assert ".resigned-" in anew
    inside = requests.get(anew, timeout=PATIENCE).json()["Image"]["Snapshots"][0]["PreSignedUrl"]
    assert urlsplit(inside).netloc == urlsplit(tool.sandbox.oos_urls["eu-west-2"]).netloc


def test_a_manifest_that_points_outside_is_not_handed_out(tool) -> None:
    """Even if its URLs work."""
    key = key_of(aged(tool, age=0))
    tool.put("elsewhere/alive.json", tool.get(key))
    ran = tool.url("s3://omi-exports/elsewhere/alive.json", code=8)
    assert "Image.Snapshots[0].PreSignedUrl is outside the export" in ran.err
    forged = ("resign", "s3://omi-exports/elsewhere/alive.json", "--from", "source", "--allow-key-prefix")
    for whole_bucket in ("", "/", "//"):
        assert "the whole bucket" in tool.run(*forged, whole_bucket, code=2).err
    assert ".resigned-" in tool.run(*forged, LINUX).out


def test_only_a_manifests_url_is_checked_inside(tool) -> None:
    tool.put("private.txt", b"not for everybody")
    url = tool.sign("private.txt").partition("?")[0]
    for more in ((), ("--no-check",)):
        ran = tool.url(url, *more, code=2)
        assert "name it: s3://omi-exports/private.txt" in ran.err
        assert ran.out == ""


def test_a_manifest_too_large_to_be_read_is_not_written(tool) -> None:
    key = key_of(aged(tool))
    document = tool.manifest(key)
    document["Image"]["More"] = [[]] * 200_000
    tool.put(key, json.dumps(document, separators=(",", ":")).encode())
    anew = tool.run("resign", f"s3://omi-exports/{key}", "--from", "source").out
    assert len(tool.get(key_of(anew))) < 1024 * 1024
    url = document["Image"]["Snapshots"][0]["PreSignedUrl"]
    document["Image"]["Snapshots"][0]["PreSignedUrl"] = url.partition("?")[0]  # the new one will be longer
    document["Image"]["More"] = ""
    room = 1024 * 1024 - len(json.dumps(document, separators=(",", ":")))
    document["Image"]["More"] = "x" * room
    tool.put(key, json.dumps(document, separators=(",", ":")).encode())
    tool.forget()
    tool.run("resign", f"s3://omi-exports/{key}", "--from", "source", code=8)
    assert tool.writes() == []


def test_object_names_that_are_hashes_are_not_redacted(tool) -> None:
    tool.put(f"hex/{'ab' * 32}.qcow2.gz", make_disk("qcow2", GIB, "hex"))
    ran = tool.run("manifest", "build", "s3://omi-exports/hex", "--name", "hex", "--from", "source", "-o", "json")
    assert ran.json["volumes"][0]["key"] == f"hex/{'ab' * 32}.qcow2.gz"


def test_a_file_with_an_images_id_as_name_is_a_file(tool) -> None:
    key = key_of(aged(tool))
    file = tool.home / "ami-00000001.manifest.json"
    file.write_bytes(tool.get(key))
    done = children.run(
        [sys.executable, "-m", "omicopy", "inspect", file.name],
        cwd=tool.home,
        env=tool.env | {"PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert "golden-linux" in done.stdout
