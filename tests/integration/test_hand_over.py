"""Handing an export over: the hand-off text, how long its URL works, and what the other side imports."""

from __future__ import annotations

import json
import re
import shlex
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from omicopy.sandbox.model.behaviours import UrlVersion
from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support import children
from tests.support.children import PATIENCE
from tests.support.handing_over import THREE_MONTHS, WEEK, aged, in_days, object_key
from tests.support.tool import LINUX, THREE


def test_a_hand_off_text_is_enough_to_import_the_image(tool) -> None:
    location = aged(tool, THREE, age=THREE_MONTHS)
    text = tool.url(location, "--handoff").out  # an old export, handed over in one command
    receiver = tool.on_other_machine()
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
        receiver = tool.on_other_machine()
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
    key = object_key(aged(tool, age=0))
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


def test_no_resign_leaves_an_old_export_as_it_is(tool) -> None:
    location = aged(tool, THREE)
    ran = tool.url(location, "--no-resign", code=10)
    assert "Image.Snapshots[0].PreSignedUrl expires at" in ran.err
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
    tool.change_settings(access_keys_end=ends)
    ran = tool.url(location, "-o", "json")
    assert ran.json["effective_expires_at"][:19] == ends[:19]
    assert "first to expire: access key" in ran.err
    too_long = tool.url(location, "--min-validity", "3d", code=10)
    assert "access key expires at" in too_long.err
    assert "PutObject" not in tool.writes()
    tool.put("plain.txt", b"text")
    assert "access key" in tool.url("s3://omi-exports/plain.txt", "--min-validity", "4d", code=10).err
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "ReadAccessKeys", times=None))
    unknown = tool.url(location)
    assert "The expiration date of the access key" in unknown.err


@pytest.mark.parametrize("change", ["no end", "SigV2"])
def test_other_urls_inside_are_checked_by_their_expiry(tool, change) -> None:
    location = aged(tool, age=0, url_version=UrlVersion.SIGV2)
    key = object_key(location)
    if change == "SigV2":
        assert urlsplit(tool.url(location).out).path.endswith(key)
        return
    document = tool.manifest(key)
    url = document["Image"]["Snapshots"][0]["PreSignedUrl"]
    document["Image"]["Snapshots"][0]["PreSignedUrl"] = url.partition("?")[0]
    tool.put(key, document)
    assert "doesn't say when it expires" in tool.url(location, "--no-resign", code=10).err
    assert ".resigned-" in tool.url(location).out


def test_an_old_url_names_its_object(tool) -> None:
    key = object_key(aged(tool))
    old = tool.sign(key, 1)
    fresh = tool.url(old).out.strip()
    assert requests.get(fresh, timeout=PATIENCE).status_code == 200
    assert "isn't in the object storage of" in tool.run("url", old, "--from", "target", code=2).err


def test_plain_http_to_another_machine_is_refused(tool) -> None:
    """It is neither read nor imported."""
    key = object_key(aged(tool, age=0))
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
    assert "product types 0002 may require licences" in warned.err
    assert "golden-windows" in warned.err.partition("Error")[0]
    assert "licences" not in tool.import_(tool.sign(key), "--accept-licences", code=12).err


def test_a_valid_manifest_beside_an_old_one_is_handed_out(tool) -> None:
    """No other one is made."""
    location = aged(tool)
    fresh = tool.run("resign", location, "--from", "source").out.strip()
    tool.forget()
    for more in ((), ("--no-resign",)):
        assert urlsplit(tool.url(location, *more).out.strip()).path.endswith(object_key(fresh))
    assert tool.writes() == []
    other = tool.manifest(object_key(fresh))
    other["Image"]["Name"] = "another image"
    tool.put(object_key(fresh), other)
    tool.forget()
    assert not urlsplit(tool.url(location).out.strip()).path.endswith(object_key(fresh))
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
