"""The journal's files: private, whole, and no failure of theirs stops a run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from omicopy.errors import Interrupted
from omicopy.model.events import Event, WarningMessage
from omicopy.state.journal import Journal, about_image
from tests.support.builders import copy_request
from tests.support.journals import EXPORT, IMAGE


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
    assert request.target is not None
    journal.answered(EXPORT, "image-export-12345678")
    journal.open(IMAGE, about_image(request, request.target))
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
    assert "is damaged; it was renamed" in warnings(message)[0]
    assert Journal(folder, message.append).find(EXPORT) == (True, None), "the doubt outlives the run that found it"


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
def test_an_unwritable_state_folder_is_one_warning(tmp_path: Path, message: list[Event], under: str) -> None:
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
