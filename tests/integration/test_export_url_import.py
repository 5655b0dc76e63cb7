"""The halves of a copy: `export` says where the manifest lies, `url` signs it so that it works, `import` takes it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import requests

from omicopy import __version__
from omicopy.sandbox.model.behaviours import Behaviour, ManifestUrl, NameRule
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.storage.presign import presign, presign_v2
from tests.support.children import PATIENCE
from tests.support.tool import LINUX, THREE, Tool

WEEK = 604_800
MANIFEST = f"s3://omi-exports/{LINUX}/manifest"


def fetched(ran):
    """The JSON behind the only line on stdout, read as anybody would."""
    (url,) = ran.out.splitlines()
    answer = requests.get(url, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    for snapshot in answer.json()["Image"]["Snapshots"]:
        assert requests.get(snapshot["PreSignedUrl"], timeout=PATIENCE).status_code == 200
    return answer.json()


def life(url: str) -> int:
    return int(parse_qs(urlsplit(url).query)["X-Amz-Expires"][0])


# --- export


def test_an_export_prints_its_manifests_location(tool) -> None:
    """A second run prints the same."""
    first = tool.export()
    assert first.out == f"{MANIFEST}\n"
    tags = {"omicopy:source-name": "golden-linux", "omicopy:source-date": "2025-01-16T09:30:00Z"}
    assert dict(tool.tasks()[0].tags) == tags | {"omicopy:export": __version__}
    again = tool.on_other_machine().export(LINUX, "-o", "json")
    assert (again.copy["status"], again.copy["changed"]) == ("present", False)
    assert (again.copy["target"], again.copy["manifest"]) == (None, MANIFEST)
    assert tool.count("CreateImageExportTask") == 1


def test_no_wait_prints_the_task_or_the_manifest_if_complete(tool) -> None:
    tool.hold()
    first = tool.export(LINUX, "--no-wait")
    (task,) = tool.tasks()
    assert first.out == f"{task.task_id}\n"
    assert tool.export(LINUX, "--no-wait").out == f"{task.task_id}\n"
    tool.go()
    assert tool.export().out == f"{MANIFEST}\n"
    assert tool.export(LINUX, "--no-wait").out == f"{task.task_id}\n"
    assert tool.tasks() == [tool.source.tasks.get(task.task_id)]


def test_an_export_never_prints_the_manifest_of_a_damaged_one(tool) -> None:
    tool.exported()
    tool.delete(tool.keys(".gz")[0])
    tool.hold()
    ran = tool.export(LINUX, "--no-wait")
    assert ran.out == f"{tool.tasks()[-1].task_id}\n"
    again = tool.export(LINUX, "--no-wait", "-o", "json").copy
    assert (again["manifest"], again["export_task_id"]) == (None, tool.tasks()[-1].task_id)
    out_of_time = tool.export(LINUX, "--export-timeout", "0.1s", code=6)
    assert out_of_time.out == ""


def test_one_command_exports_two_images(tool) -> None:
    """If one fails, the other is exported."""
    ran = tool.export(LINUX, "shared-linux", THREE, code=4)
    assert ran.out.splitlines() == [MANIFEST, f"s3://omi-exports/{THREE}/manifest"]


# --- url


def test_a_url_is_alone_on_stdout_and_works_without_a_key(tool) -> None:
    tool.again(behaviour=Behaviour(manifest_url=ManifestUrl.SIGV4))
    key = tool.exported(THREE)
    (task,) = tool.tasks()
    for ran in tool.together([lambda s=s: tool.url(s) for s in (f"s3://omi-exports/{key}", task.task_id, THREE)]):
        assert len(fetched(ran)["Image"]["Snapshots"]) == 3
        assert life(ran.out.strip()) == WEEK
        assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in ran.out
        assert urlsplit(ran.out).path == f"/omi-exports/{key}"
        assert "Valid until" in ran.err
    assert tool.writes() == ["CreateImageExportTask"]


def test_a_url_in_json_has_its_expiries(tool) -> None:
    tool.again(embedded_url_age_seconds=86_400)
    tool.exported(THREE)
    ran = tool.url(THREE, "--expires", "6d", "-o", "json", "-q")
    manifest = tool.manifest(f"{THREE}/manifest")
    snapshots = ran.json["snapshots"]
    assert set(ran.json) == {"schema", "url", "manifest", "url_expires_at", "effective_expires_at", "snapshots"}
    assert (ran.json["schema"], ran.err) == ("omicopy/1", "")
    assert ran.json["manifest"] == f"s3://omi-exports/{THREE}/manifest"
    assert life(ran.json["url"]) == 6 * 86_400
    for parts, real in zip(snapshots, manifest["Image"]["Snapshots"], strict=True):
        assert (parts["device"], parts["size_bytes"]) == (real["Device"], real["Size"])
        assert parts["compressed_bytes"] == real["CompressedSize"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", parts["expires_at"])
    assert ran.json["effective_expires_at"] == min(s["expires_at"] for s in snapshots)
    ends = datetime.fromisoformat(ran.json["url_expires_at"]) - datetime.now(UTC)
    assert timedelta(days=5.9) < ends < timedelta(days=6)


def test_a_url_of_any_object_needs_no_manifest(tool) -> None:
    tool.put("some where/ünder & over+~.txt", b"content")
    ran = tool.url("s3://omi-exports/some where/ünder & over+~.txt", "--expires", "90")
    assert requests.get(ran.out.strip(), timeout=PATIENCE).content == b"content"
    assert life(ran.out.strip()) == 90
    described = tool.url("s3://omi-exports/some where/ünder & over+~.txt", "-o", "json")
    assert (described.json["manifest"], described.json["snapshots"]) == (None, [])


def test_without_a_check_a_url_is_signed_offline(tool) -> None:
    ran = tool.url("s3://omi-exports/not/there", "--no-check")
    assert requests.get(ran.out.strip(), timeout=PATIENCE).status_code == 404
    assert [one.action for one in tool.sandbox.request_log.requests()] == ["GetObject"]


def test_an_expiry_that_no_store_accepts_is_refused(tool) -> None:
    tool.put("thing", b"")
    given = {"604800": 0, "604801": 2, "7d1s": 2, "0": 2}
    source = "s3://omi-exports/thing"
    ran = tool.together(
        [lambda e=e, c=c: tool.url(source, "--no-check", f"--expires={e}", code=c) for e, c in given.items()]
    )
    assert [bool(one.out) for one in ran] == [code == 0 for code in given.values()]
    assert len(tool.sandbox.request_log) == 1


def test_url_re_signs_an_old_export_beside_its_manifest(tool) -> None:
    tool.again(embedded_url_age_seconds=WEEK - 3600)
    key = tool.exported()
    before = tool.get(key)
    as_it_is = tool.url(LINUX, "--min-validity", "30m")
    assert urlsplit(as_it_is.out).path.endswith(key)
    tool.forget()
    ran = tool.url(f"s3://omi-exports/{key}")
    fetched(ran)
    assert ".resigned-" in ran.out
    assert "new manifest" in ran.err
    assert tool.writes() == ["PutObject"]
    assert tool.get(key) == before
    fetched(tool.url(LINUX))
    assert tool.count("PutObject") == 1


def test_an_old_export_in_a_read_only_bucket_is_exit_10(tool) -> None:
    tool.again(embedded_url_age_seconds=WEEK + 60)
    tool.exported()
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "PutObject", account="source", times=None))
    ran = tool.url(LINUX, code=10)
    assert ran.out == ""
    assert "right to write" in ran.err
    assert tool.copy("golden-linux", code=10).copy["error"]["code"] == "expired"
    assert tool.copies() == []


def test_a_source_without_a_url_has_its_own_exit_code(tool) -> None:
    tool.hold()
    running = tool.start_export()
    cases = {
        "s3://omi-exports/not/there": 4,
        "s3://no-such-bucket/key": 4,
        "s3://other-exports/key": 12,
        running: 4,
        LINUX: 4,
        "ami-0000dead": 4,
    }
    ran = tool.together([lambda s=source, c=code: tool.url(s, code=c) for source, code in cases.items()])
    assert {one.out for one in ran} == {""}
    assert f"{running} is pending" in ran[3].err


def test_a_url_of_an_export_that_lost_an_object_is_refused(tool) -> None:
    key = tool.exported(THREE)
    tool.delete(tool.keys(".gz")[1])
    for source in (THREE, f"s3://omi-exports/{key}"):
        assert tool.url(source, code=8).out == ""


def test_a_forged_manifest_gets_no_other_object_signed(tool) -> None:
    tool.again(embedded_url_age_seconds=WEEK + 60)
    key = tool.exported()
    tool.put("secret/disk.qcow2.gz", b"not for everybody")
    document = tool.manifest(key)
    url = document["Image"]["Snapshots"][0]["PreSignedUrl"]
    document["Image"]["Snapshots"][0]["PreSignedUrl"] = re.sub(rf"{LINUX}/[^?]*", "secret/disk.qcow2.gz", url)
    tool.put(key, document)
    tool.forget()
    for source in (LINUX, f"s3://omi-exports/{key}"):
        assert tool.url(source, code=8).out == ""
    assert tool.writes() == []


# --- import


def test_an_import_reads_a_url_a_file_or_stdin(tool, tmp_path) -> None:
    """The image is made once."""
    url = tool.sign(tool.exported(THREE))
    file = tmp_path / "url.txt"
    file.write_text(f"  {url}\n")
    tool.forget()
    first = tool.import_("-", stdin=url + "\n")
    (copy,) = tool.copies()
    assert (first.copy["status"], first.copy["target"]["image_id"]) == ("copied", copy.image_id)
    assert (first.copy["source"], copy.name, copy.state) == (None, "golden-three", "available")
    assert re.fullmatch(r"The image golden-three \[omicopy manifest [0-9a-f]{12}\]", copy.description)
    assert dict(copy.tags).keys() == {"omicopy:copy", "omicopy:version", "omicopy:source-manifest"}
    assert len(copy.devices) == 3
    for source in (str(file), url):
        again = tool.on_other_machine().import_(source)
        assert (again.copy["status"], again.copy["changed"]) == ("present", False)
    assert tool.count("CreateImage") == 1
    assert {one.account for one in tool.sandbox.request_log.requests(service="api")} == {"target"}


def test_an_import_of_a_re_signed_export_is_the_same_copy(tool) -> None:
    tool.again(embedded_url_age_seconds=WEEK - 3600)
    key = tool.exported()
    made = tool.import_(tool.sign(key), "--name", "mine", "--description", "of theirs").copy["target"]
    assert tool.copies()[0].description.startswith("of theirs [omicopy manifest ")
    anew = tool.url(LINUX).out.strip()
    assert ".resigned-" in anew
    again = tool.import_(anew, "--name", "mine")
    assert (again.copy["status"], again.copy["target"]) == ("present", made)


def test_an_import_follows_if_exists_too(tool) -> None:
    url = tool.sign(tool.exported())
    tool.existing("golden-linux")
    assert tool.import_(url, code=4).copy["error"]["code"] == "name-conflict"
    renamed = tool.import_(url, "--if-exists", "rename").copy["target"]
    assert re.fullmatch(r"golden-linux-[0-9a-f]{12}", renamed["image_name"])
    assert tool.import_(url, "--dry-run").copy["target"] == renamed


def test_a_useless_url_is_refused_without_an_api_call(tool) -> None:
    key = tool.exported(THREE)
    tool.put("other.json", b'{"Version": 1}')
    gone = tool.manifest(key)
    gone["Image"]["Snapshots"][1]["PreSignedUrl"] = tool.sign("not/there")
    tool.put("gone.json", gone)
    dead = tool.manifest(key)
    dead["Image"]["Snapshots"][2]["PreSignedUrl"] += "0"
    tool.put("dead.json", dead)
    good = tool.sign(key)
    cases = {
        expired(tool, key): (10, "expired at"),
        expired(tool, key, sign=presign_v2): (10, "expired at"),
        good.replace("X-Amz-Signature=", "X-Amz-Signature=0"): (10, "refuses this URL"),
        tool.sign("other.json"): (8, "Image: is missing"),
        tool.sign("gone.json"): (8, "Image.Snapshots[1].PreSignedUrl: not/there is gone"),
        tool.sign("dead.json"): (10, "the store refuses the URL"),
        tool.sign("nothing"): (4, "404"),
        tool.sign(key, seconds=60): (10, "manifest URL expires at"),
        "/no/such/file": (2, "neither a URL nor a readable file"),
        "https://some where/": (2, "white space"),
    }
    tool.forget()
    ran = tool.together([lambda u=url, c=c: tool.import_(u, code=c) for url, (c, _) in cases.items()])
    for one, (_, text) in zip(ran, cases.values(), strict=True):
        assert text in one.err
        assert (one.json["copies"], one.json["error"]["exit_code"]) == ([], one.code)
    assert tool.calls() == []


def expired(tool: Tool, key: str, sign=presign) -> str:
    account = tool.sandbox.accounts["source"]
    signer = SigningKey(account.access_key, account.secret_key, account.region)
    url = f"{tool.sandbox.oos_urls['eu-west-2']}/omi-exports/{key}"
    return sign(signer, "GET", url, 60, datetime.now(UTC) - timedelta(minutes=5))


def test_an_import_with_a_lost_answer_has_one_effect(tool) -> None:
    tool.again(behaviour=Behaviour(names=NameRule.FREE))
    url = tool.sign(tool.exported())
    tool.sandbox.faults.add(Fault(FaultKind.LOST_ANSWER, "CreateImage"))
    assert tool.import_(url).copy["status"] == "copied"
    assert len(tool.copies()) == tool.count("CreateImage") == 1


def test_an_import_with_no_wait_is_continued_by_the_next_run(tool) -> None:
    url = tool.sign(tool.exported())
    tool.hold()
    running = tool.import_(url, "--no-wait").copy
    assert (running["status"], running["target"]["image_id"]) == ("running", tool.copies()[0].image_id)
    tool.go()
    assert tool.import_(url).copy["status"] == "present"
    assert tool.count("CreateImage") == 1


def test_a_url_cut_by_a_shell_lacks_its_signature(tool) -> None:
    tool.export()
    url = tool.url(LINUX).out.strip()
    ran = tool.import_(url.partition("&")[0], code=10)
    assert "has no signature" in ran.err
    assert "quotes" in ran.err
    assert tool.count("CreateImage") == 0


def test_min_validity_may_not_exceed_the_expiry(tool) -> None:
    tool.export()
    assert "--expires" in tool.url(LINUX, "--expires", "1h", "--min-validity", "2h", code=2).err
    assert tool.url(LINUX, "--expires", "1h").out.startswith("http")


def test_a_folder_means_the_only_export_in_it(tool) -> None:
    tool.export()
    tool.export(THREE, "--prefix", "nightly")
    assert urlsplit(tool.url(f"s3://omi-exports/{LINUX}/").out).path == f"/omi-exports/{LINUX}/manifest"
    assert "slash at its end" in tool.url(f"s3://omi-exports/{LINUX}", code=4).err
    assert "s3://omi-exports/nightly/ contains no manifest" in tool.url("s3://omi-exports/nightly/", code=4).err
