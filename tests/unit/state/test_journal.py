"""The journal: an entry is there from before a create is sent until the copy is done."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from omicopy.model.boot import Boot
from omicopy.model.events import Event
from omicopy.model.request import CopyRequest, Target
from omicopy.state.journal import Journal, about_image, image_entry
from tests.support.builders import A_SOURCE, TARGET, copy_request, import_request
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


def test_closing_an_entry_that_is_not_open_does_nothing(journal: Journal, message: list[Event]) -> None:
    journal.close(EXPORT)
    assert message == []


def test_r8_an_entry_holds_names_and_no_url(journal: Journal, folder: Path) -> None:
    request = import_request()
    assert request.target is not None
    journal.answered(image_entry(request, request.target), "ami-12345678")
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
    assert request.target is not None
    about = about_image(request, request.target)
    journal.open(IMAGE, about)
    Journal(folder, [].append).answered(IMAGE, "ami-12345678")
    [found] = journal.open_images()
    assert (found.entry, found.image_id, found.about) == (IMAGE, "ami-12345678", about)
    assert (about["bucket"], about["prefix"], about["from"], about["to"]) == ("omi-exports", "", "source", "target")
    assert journal.find(IMAGE) == (True, "ami-12345678"), "what it is about identifies nothing"


def test_an_entry_holds_the_requested_boot_modes() -> None:
    request = copy_request()
    assert request.target is not None
    asked = replace(request.target, boot=Boot(frozenset({"uefi"}), False))
    assert about_image(request, asked)["boot"] == "--boot-mode uefi --no-tpm"


def test_an_entry_holds_the_profile_of_the_buckets_key() -> None:
    account = replace(A_SOURCE.account, storage="aws:own")
    request = replace(copy_request(), source=replace(A_SOURCE, account=account))
    assert request.target is not None
    assert about_image(request, request.target)["storage"] == "aws:own"


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
    assert request.target is not None
    assert about_image(request, request.target) == {}
