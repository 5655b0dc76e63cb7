"""Deleting exported objects: those of our own exports that nobody needs any more, and nothing else (R4)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omicopy.cloud.clients import Clients
from omicopy.cloud.http.time_limit import TimeLimit
from omicopy.cloud.profiles.profile import resolve_profile
from omicopy.deletion.cleaner import CleanupOptions
from omicopy.deletion.exports import clean_up
from omicopy.model.export import export_key
from omicopy.model.own_tags import CLEANED_TAG, URL_EXPIRY_TAG
from omicopy.model.request import AccountRef, CopyRequest, Source
from omicopy.sandbox.model.behaviours import Behaviour, ManifestKey, ManifestUrl, ShownPrefix
from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support.builders import source_image
from tests.support.tool import LINUX, THREE, Tool


def clients_of(tool: Tool, profile: str = "source") -> Clients:
    account = resolve_profile(profile, {"OSC_CONFIG_FILE": str(tool.sandbox.profiles)}, Path("/nowhere"))
    return Clients({profile: account}, TimeLimit(60), retry=timedelta(minutes=2))


def request_for(tool: Tool, image_id: str = LINUX, prefix: str = "") -> CopyRequest:
    account = tool.sandbox.accounts["source"]
    account_ref = AccountRef("source", account.account_id, account.region)
    key = export_key(image_id, "omi-exports", prefix)
    return CopyRequest(Source(account_ref, source_image(image_id), key), None, timedelta(0), cleanup=True)


def clean(tool: Tool, *requests: CopyRequest, after: timedelta = timedelta(0)) -> list[str]:
    """What a clean-up tells."""
    parts: list[str] = []
    clean_up(clients_of(tool), requests or [request_for(tool)], parts.append, CleanupOptions(datetime.now(UTC) + after))
    return parts


def tag(tool: Tool, key: str, index: int = 0) -> str | None:
    return dict(tool.tasks()[index].tags).get(key)


def test_r4_snapshots_are_deleted_first_and_the_manifest_last(tool) -> None:
    """Nothing else is deleted."""
    tool.export(THREE, "--prefix", "nightly")
    folder = f"nightly/{THREE}/"
    manifest = tool.get(f"{folder}manifest")
    others = [f"{folder}notes.json", f"{folder}snap-of-somebody.qcow2.gz", f"nightly/{LINUX}/x.qcow2.gz", "nightly/a"]
    for key in others:
        tool.put(key, b"{}")
    tool.put(f"{folder}backup/manifest.json", manifest.replace(folder.encode(), f"{folder}backup/".encode()))
    assert len(tool.keys(".gz")) == 5
    tool.forget()
    (parts,) = clean(tool, request_for(tool, THREE, "nightly"))
    assert parts == f"Not deleted in s3://omi-exports/{folder}: 1 disk (2 B) that no manifest names"
    assert sorted(tool.keys("")) == sorted([*others, f"{folder}backup/manifest.json"])
    assert tool.writes() == ["CreateTags", *["DeleteObject"] * 4]
    deleted = [request.key or "" for request in tool.sandbox.request_log.requests("DeleteObject")]
    assert [key.endswith(".gz") for key in deleted] == [True, True, True, False]
    assert datetime.fromisoformat(tag(tool, CLEANED_TAG) or "").tzinfo is not None


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(manifest_key=ManifestKey.NO_SUFFIX, manifest_url=ManifestUrl.NEVER, prefix=ShownPrefix.NO_END),
        Behaviour(manifest_key=ManifestKey.NAMED_AFTER_TASK, prefix=ShownPrefix.AS_ASKED),
    ],
)
def test_all_our_manifests_of_an_export_are_deleted(tool, behaviour) -> None:
    """Under every name that the service gives them, and those that were re-signed."""
    tool.again(behaviour=behaviour)
    tool.export(LINUX, "--prefix", "/a/")
    tool.run("resign", LINUX, "--from", "source")
    assert len(tool.keys("")) == 3
    assert clean(tool, request_for(tool, prefix="a")) == []
    assert tool.keys("") == []
    gone = tool.url(LINUX, code=4)
    assert "were deleted" in gone.err


def test_r4_an_export_of_somebody_else_is_kept(tool) -> None:
    """Ours in the same folder is kept, too."""
    tool.exported(THREE)
    tool.export()
    foreign = tool.exported()
    before = tool.keys("")
    three, linux = clean(tool, request_for(tool, THREE), request_for(tool))
    assert "was not started by omicopy" in three
    assert "was not started by omicopy" in linux
    assert foreign in tool.keys("") == before
    assert tool.count("DeleteObject") == 0
    assert tag(tool, CLEANED_TAG, 1) is None


def test_a_handed_out_export_is_kept_until_its_url_expires(tool) -> None:
    tool.export()
    assert tag(tool, URL_EXPIRY_TAG) is None
    url = tool.url(LINUX, "--expires", "3d", "-o", "json").json
    until = url["effective_expires_at"]
    assert tag(tool, URL_EXPIRY_TAG) == until
    tool.url(LINUX, "--expires", "2d", "--handoff")  # promises less: what is there stays
    tool.url(f"s3://omi-exports/{LINUX}/", "--expires", "4d", "--no-check")
    assert tag(tool, URL_EXPIRY_TAG) == until
    (parts,) = clean(tool)
    assert f"a URL of it was handed out that works until {until}" in parts
    assert len(tool.keys("")) == 2
    assert clean(tool, after=timedelta(days=3, seconds=5)) == []
    assert tool.keys("") == []


def test_a_url_signed_during_the_grace_keeps_its_objects(tool) -> None:
    tool.export()
    parts: list[str] = []

    def wait_for_grace() -> None:
        assert tag(tool, CLEANED_TAG)
        assert "being deleted" in tool.url(f"s3://omi-exports/{LINUX}/manifest", code=10).err

    clean_up(clients_of(tool), [request_for(tool)], parts.append, CleanupOptions(datetime.now(UTC), wait_for_grace))
    (left,) = parts
    assert "a URL of it was handed out" in left
    assert len(tool.keys("")) == 2


def test_a_url_is_printed_if_its_expiry_cannot_be_recorded(tool) -> None:
    tool.export()
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "CreateTags", times=None))
    ran = tool.url(LINUX)
    assert "Warning: The expiry of the URL of s3://omi-exports/" in ran.err
    assert ran.out.startswith("http")


def test_a_clean_up_with_nothing_to_delete_is_silent(tool) -> None:
    tool.put(f"{LINUX}/of-somebody.gz", b"x")
    assert clean(tool) == []
    tool.export()
    for key in tool.manifests():
        tool.delete(key)
    (parts,) = clean(tool)
    assert "no manifest there names them" in parts
    for key in tool.keys(""):
        tool.delete(key)
    assert clean(tool) == []
    assert tag(tool, CLEANED_TAG) is None


def test_a_manifest_replaced_after_the_decision_is_kept(tool) -> None:
    """Its disks are kept, too."""
    tool.export()
    key = f"{LINUX}/manifest"
    another = tool.manifest(key) | {"Note": "of a second export"}
    request, parts = request_for(tool), []
    options = CleanupOptions(datetime.now(UTC), wait_for_grace=lambda: tool.put(key, another))
    (cleaned,) = clean_up(clients_of(tool), [request], parts.append, options)
    assert (cleaned.deleted, len(tool.keys(""))) == (0, 2)
    assert f"s3://omi-exports/{key} was replaced meanwhile" in parts[0]


def test_of_two_clean_ups_at_once_the_slower_reports_nothing(tool) -> None:
    tool.export()
    parts: list[str] = []
    options = CleanupOptions(datetime.now(UTC), wait_for_grace=lambda: parts.extend(clean(tool)))
    (cleaned,) = clean_up(clients_of(tool), [request_for(tool)], parts.append, options)
    assert (parts, cleaned.error, tool.keys("")) == ([], None, [])


def test_nothing_is_deleted_while_another_export_writes_there(tool) -> None:
    tool.export()
    tool.hold()
    running = tool.start_export(DiskImageFormat="raw")
    (parts,) = clean(tool)
    assert f"{running}, which is p" in parts
    assert len(tool.keys("")) == 2


def test_an_interrupted_clean_up_is_finished_by_the_next_run(tool) -> None:
    """A delete whose answer was lost is sent again."""
    tool.export(THREE)
    denied = tool.sandbox.faults.add(Fault(FaultKind.DENIED, "DeleteObject", after=1, times=1))
    (parts,) = clean(tool, request_for(tool, THREE))
    assert "could not all be deleted: DeleteObject" in parts
    assert tool.sandbox.faults.times_applied(denied) == 1
    assert len(tool.keys(".gz")) == 2
    first = tag(tool, CLEANED_TAG)
    for action in ("ReadImageExportTasks", "ListObjects", "DeleteObject"):
        tool.sandbox.faults.add(Fault(FaultKind.LOST_ANSWER, action))
    assert clean(tool, request_for(tool, THREE)) == []
    assert (tool.keys(""), tag(tool, CLEANED_TAG)) == ([], first)
    tool.forget()
    assert clean(tool, request_for(tool, THREE)) == []
    assert tool.writes() == []
    tool.copy(THREE)
    assert len(tool.tasks()) == 2


def test_a_forged_manifest_deletes_nothing_outside_its_folder(tool) -> None:
    tool.export()
    key = f"{LINUX}/manifest"
    document = tool.manifest(key)
    tool.put("treasure.qcow2.gz", b"x")
    document["Image"]["Snapshots"][0]["PreSignedUrl"] = tool.sign("treasure.qcow2.gz")
    tool.put(key, document)
    (parts,) = clean(tool)
    assert "outside" in parts
    assert tool.count("DeleteObject") == 0
    tool.put(key, json.dumps(document)[:-9].encode())
    (parts,) = clean(tool)
    assert tool.count("DeleteObject") == 0
    assert tag(tool, CLEANED_TAG) is None


@pytest.mark.parametrize("action", ["ReadImageExportTasks", "ListObjects", "GetObject", "CreateTags"])
def test_r3_a_failed_deletion_is_reported_and_fails_no_copy(tool, action) -> None:
    tool.export()
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, action, times=None))
    (parts,) = clean(tool)
    assert parts.startswith(f"The exported objects in s3://omi-exports/{LINUX}/ could not all be deleted: {action}")
    tool.sandbox.faults.clear()
    assert len(tool.keys("")) == 2
