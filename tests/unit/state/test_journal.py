"""The journal: an entry is there from before a create is sent until the copy is done, and nothing about it may fail."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omicopy.errors import Interrupted
from omicopy.model.boot import Boot
from omicopy.model.events import Event, WarningMessage
from omicopy.model.request import CopyRequest, Target
from omicopy.state.journal import Journal, about_image, export_entry, image_entry
from tests.support import children
from tests.support.builders import ORIGIN, TARGET, copy_request, destination, import_request

EXPORT = export_entry(ORIGIN)
IMAGE = image_entry(copy_request(), destination())


@pytest.fixture
def message() -> list[Event]:
    return []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal"


@pytest.fixture
def journal(folder: Path, message: list[Event]) -> Journal:
    return Journal(folder, message.append)


def warnings(message: list[Event]) -> list[str]:
    return [event.message for event in message if isinstance(event, WarningMessage)]


def test_an_entry_is_open_until_it_is_closed(journal: Journal) -> None:
    assert journal.find(EXPORT) == (False, None)
    journal.open(EXPORT)
    assert journal.find(EXPORT) == (True, None)
    journal.answered(EXPORT, "image-export-12345678")
    assert journal.find(EXPORT) == (True, "image-export-12345678")
    journal.close(EXPORT)
    assert journal.find(EXPORT) == (False, None)


@pytest.mark.parametrize("form", ["qcow2", "raw"])
def test_an_entry_of_a_version_with_formats_is_found_and_closed(journal: Journal, form: str) -> None:
    earlier = {**EXPORT, "format": form}
    journal.answered(earlier, "image-export-12345678")
    another = Journal(journal._folder, lambda _: None)
    assert another.has_news(EXPORT)
    assert another.find(EXPORT) == (True, "image-export-12345678")
    assert not another.has_news(EXPORT)
    another.close(EXPORT)
    assert not journal.find(EXPORT)[0]
    assert list(journal._folder.iterdir()) == []


def test_opened_again_an_entry_forgets_the_older_answer(journal: Journal) -> None:
    journal.answered(EXPORT, "image-export-12345678")
    journal.open(EXPORT)
    assert journal.find(EXPORT) == (True, None)


def test_another_process_finds_the_entry(journal: Journal, folder: Path) -> None:
    journal.answered(IMAGE, "ami-12345678")
    code = (
        "import json, sys, pathlib; from omicopy.state.journal import Journal; "
        "print(Journal(pathlib.Path(sys.argv[1]), print).find(json.loads(sys.argv[2])))"
    )
    command = [sys.executable, "-c", code, str(folder), json.dumps(IMAGE)]
    assert children.run(command, check=True).stdout == "(True, 'ami-12345678')\n"


def test_closing_an_entry_that_is_not_open_does_nothing(journal: Journal, message: list[Event]) -> None:
    journal.close(EXPORT)
    assert message == []


@pytest.mark.parametrize("umask", [0, 0o777])
def test_only_its_user_may_read_an_entry(journal: Journal, folder: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        journal.open(EXPORT)
        journal.answered(EXPORT, "image-export-12345678")
    finally:
        os.umask(old)
    [file] = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700


LEFT_OPEN = {
    "export-dafd9a2d5592a709d0d8ad9c.json": """{
 "entry": {
  "kind": "export",
  "account": "111111111111",
  "region": "eu-west-2",
  "image": "ami-0000000a",
  "bucket": "omi-exports",
  "prefix": ""
 },
 "answered": "image-export-12345678",
 "about": {}
}""",
    "image-7f43e8d24ca0d59b6b65fe19.json": """{
 "entry": {
  "kind": "image",
  "account": "222222222222",
  "region": "us-east-2",
  "name": "golden",
  "marker": "[omicopy eu-west-2 ami-0000000a]"
 },
 "answered": null,
 "about": {
  "image": "ami-0000000a",
  "account": "111111111111",
  "region": "eu-west-2",
  "bucket": "omi-exports",
  "prefix": "",
  "from": "source",
  "to": "target"
 }
}""",
}
"""Two entries as version 0.1 wrote them, to the letter."""


def test_an_entry_that_an_older_version_left_open_is_found(journal: Journal, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, text in LEFT_OPEN.items():
        (folder / name).write_text(text)
    assert journal.has_news(EXPORT)
    assert journal.find(EXPORT) == (True, "image-export-12345678")
    assert journal.find(IMAGE) == (True, None)
    [found] = journal.open_images()
    assert (found.entry, found.about["bucket"]) == (IMAGE, "omi-exports")
    journal.close(EXPORT)
    journal.close(IMAGE)
    assert list(folder.iterdir()) == []


def test_an_older_version_finds_what_is_written_now(journal: Journal, folder: Path) -> None:
    request = copy_request()
    assert request.destination is not None
    journal.answered(EXPORT, "image-export-12345678")
    journal.open(IMAGE, about_image(request, request.destination))
    assert {file.name: file.read_text() for file in folder.iterdir()} == LEFT_OPEN


def test_a_planted_link_in_the_place_of_an_entry_is_not_followed(
    journal: Journal, folder: Path, tmp_path: Path, message: list[Event]
) -> None:
    """Neither read, which would take a stranger's word for an ID, nor written through."""
    victim = tmp_path / "victim"
    victim.write_text(json.dumps({"entry": EXPORT, "answered": "image-export-0badbad0"}))
    before = victim.read_text()
    journal.open(EXPORT)
    [file] = folder.iterdir()
    file.unlink()
    file.symlink_to(victim)
    assert journal.has_news(EXPORT)
    assert journal.find(EXPORT) == (True, None), "it is doubt"
    journal.answered(EXPORT, "image-export-12345678")
    assert "can't be read" in warnings(message)[0]
    journal.close(EXPORT)
    assert list(folder.iterdir()) == []
    assert victim.read_text() == before


def test_a_link_in_the_place_of_the_folder_is_not_followed(
    journal: Journal, folder: Path, tmp_path: Path, message: list[Event]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    Journal(elsewhere, message.append).open(IMAGE)
    elsewhere.chmod(0o755)
    [theirs] = elsewhere.iterdir()
    folder.parent.mkdir()
    folder.symlink_to(elsewhere)
    journal.open(EXPORT)
    assert "symbolic link" in warnings(message)[0]
    assert journal.find(IMAGE) == (True, None), "it is doubt"
    journal.close(IMAGE)
    assert list(journal.open_images()) == []
    assert list(elsewhere.iterdir()) == [theirs]
    assert elsewhere.stat().st_mode & 0o777 == 0o755


def test_r8_an_entry_holds_names_and_no_url(journal: Journal, folder: Path) -> None:
    request = import_request()
    assert request.destination is not None
    journal.answered(image_entry(request, request.destination), "ami-12345678")
    [file] = folder.iterdir()
    assert "http" not in file.read_text()
    assert "0a0b0c0d" not in file.read_text()


def _other(request: CopyRequest, **changed: str) -> dict[str, str]:
    account = replace(TARGET, **{key: value for key, value in changed.items() if key != "name"})
    return image_entry(request, Target(account, changed.get("name", "golden"), ""))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(_other(copy_request(), name="another"), id="another name"),
        pytest.param(_other(copy_request(), account_id="333333333333"), id="another account"),
        pytest.param(_other(copy_request(), region="eu-west-9"), id="another Region"),
        pytest.param(_other(import_request()), id="another source"),
        pytest.param(EXPORT, id="an export"),
    ],
)
def test_every_other_copy_has_an_entry_of_its_own(journal: Journal, other: dict[str, str]) -> None:
    journal.answered(IMAGE, "ami-12345678")
    assert journal.find(other) == (False, None)
    journal.close(other)
    assert journal.find(IMAGE) == (True, "ami-12345678")


def test_profile_name_and_description_are_no_part_of_an_entry(journal: Journal) -> None:
    journal.open(IMAGE)
    renamed = _other(copy_request(), profile="another name for it")
    assert journal.find(renamed) == (True, None)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"{}", b'{"answered": 7}', b'{"answered": {}}', b"\xff\xfe", b"[" * 100_000],
    ids=lambda content: repr(content[:18]),
)
def test_an_unreadable_entry_is_doubt_and_is_renamed(
    journal: Journal, folder: Path, message: list[Event], content: bytes
) -> None:
    journal.open(EXPORT)
    [file] = folder.iterdir()
    file.write_bytes(content)
    assert journal.find(EXPORT) == (True, None)
    assert file.with_suffix(".corrupt").read_bytes() == content
    assert "set aside" in warnings(message)[0]
    assert Journal(folder, message.append).find(EXPORT) == (True, None), "the doubt outlives the run that found it"


def test_only_entries_of_other_runs_are_reported_as_new(journal: Journal, folder: Path) -> None:
    other = Journal(folder, [].append)
    assert not journal.has_news(EXPORT)
    other.open(EXPORT)
    assert journal.has_news(EXPORT)
    journal.find(EXPORT)
    assert not journal.has_news(EXPORT)
    other.open(EXPORT)  # in the same words
    assert journal.has_news(EXPORT)
    journal.answered(EXPORT, "image-export-12345678")
    assert not journal.has_news(EXPORT)
    other.close(EXPORT)
    assert journal.has_news(EXPORT)
    journal.close(EXPORT)
    assert not journal.has_news(EXPORT)


def test_an_interrupted_write_leaves_the_old_entry(
    journal: Journal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No temporary file is left."""

    def interrupted(_: int) -> None:
        raise Interrupted(15)

    journal.open(EXPORT)
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(Interrupted):
        journal.answered(EXPORT, "image-export-12345678")
    assert journal.find(EXPORT) == (True, None)
    assert len(list(folder.iterdir())) == 1


def test_an_entry_without_read_permission_is_doubt(journal: Journal, folder: Path, message: list[Event]) -> None:
    journal.open(EXPORT)
    [file] = folder.iterdir()
    file.unlink()
    file.mkdir()  # root may read everything else
    assert journal.find(EXPORT) == (True, None)
    assert "can't be read" in warnings(message)[0]


@pytest.mark.parametrize("under", ["a file", "/dev/null", "/proc/nothing"])
def test_a_state_folder_that_can_t_be_written_is_one_warning(tmp_path: Path, message: list[Event], under: str) -> None:
    (tmp_path / "a file").write_text("")
    journal = Journal(tmp_path / under / "journal", message.append)
    journal.open(EXPORT)
    journal.answered(EXPORT, "image-export-12345678")
    journal.open(IMAGE)
    journal.close(EXPORT)
    assert journal.find(EXPORT) == (False, None)
    assert len(warnings(message)) == 1
    assert "can't be written" in warnings(message)[0]


def test_a_full_disk_leaves_the_old_entry_and_no_temporary_file(
    journal: Journal, folder: Path, message: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    journal.open(EXPORT)
    monkeypatch.setattr(os, "fsync", full)
    journal.answered(EXPORT, "image-export-12345678")
    assert journal.find(EXPORT) == (True, None)
    assert len(list(folder.iterdir())) == 1
    assert "No space left" in warnings(message)[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3))
def test_any_text_may_stand_in_an_entry(tmp_path: Path, entry: dict[str, str]) -> None:
    journal = Journal(tmp_path, lambda _: None)
    entry = {**entry, "kind": "image"}
    journal.answered(entry, "ami-12345678")
    assert journal.find(dict(reversed(entry.items()))) == (True, "ami-12345678")
    journal.close(entry)


def test_an_entry_keeps_its_subject_when_it_is_answered(journal: Journal, folder: Path) -> None:
    request = copy_request()
    assert request.destination is not None
    about = about_image(request, request.destination)
    journal.open(IMAGE, about)
    Journal(folder, [].append).answered(IMAGE, "ami-12345678")
    [found] = journal.open_images()
    assert (found.entry, found.image_id, found.about) == (IMAGE, "ami-12345678", about)
    assert (about["bucket"], about["prefix"], about["from"], about["to"]) == ("omi-exports", "", "source", "target")
    assert journal.find(IMAGE) == (True, "ami-12345678"), "what it is about identifies nothing"


def test_an_entry_holds_the_requested_boot_modes() -> None:
    request = copy_request()
    assert request.destination is not None
    asked = replace(request.destination, boot=Boot(frozenset({"uefi"}), False))
    assert about_image(request, asked)["boot"] == "--boot-mode uefi --no-tpm"


def test_an_entry_holds_the_profile_of_the_buckets_key() -> None:
    account = replace(ORIGIN.account, storage="aws:own")
    request = replace(copy_request(), source=replace(ORIGIN, account=account))
    assert request.destination is not None
    assert about_image(request, request.destination)["storage"] == "aws:own"


def test_an_entry_of_an_earlier_version_is_read(journal: Journal, folder: Path) -> None:
    """Fields that cannot be read are skipped."""
    journal.open(EXPORT)
    journal.open(IMAGE)
    [file] = folder.glob("image-*")
    file.write_text(json.dumps({"entry": IMAGE, "answered": None}))
    for number, content in enumerate([b"", b"[]", b'{"entry": 7, "answered": null}', b'{"entry": {}, "about": 7}']):
        (folder / f"image-{number}.json").write_bytes(content)
    [found] = journal.open_images()
    assert (found.entry, found.image_id, found.about) == (IMAGE, None, {})


def test_r8_an_imports_entry_holds_no_url() -> None:
    request = import_request()
    assert request.destination is not None
    assert about_image(request, request.destination) == {}
