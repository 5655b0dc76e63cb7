"""The one writer of whole files: journal, metrics, reports and hand-offs."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from omicopy.state.atomic_file import check_place, write_whole


@pytest.mark.parametrize("umask", [0, 0o777])
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_mode_is_as_asked_with_any_umask_and_old_mode(tmp_path: Path, umask: int, mode: int) -> None:
    file = tmp_path / "file"
    file.write_text("old and longer")
    file.chmod(0o666)
    old = os.umask(umask)
    try:
        write_whole(file, "é", mode)
    finally:
        os.umask(old)
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == ("é".encode(), mode)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("fails", ["fsync", "fchmod"])
def test_a_failed_write_leaves_the_old_content_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "file"
    file.write_text("old")
    monkeypatch.setattr(os, fails, fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, "new", 0o600)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_text_without_utf_8_and_an_impossible_name_are_os_errors(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="surrogates"):
        write_whole(tmp_path / "file", "\udcff", 0o600)
    with pytest.raises(OSError, match="null"):
        write_whole(tmp_path / "a\0b", "", 0o600)
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_never_written_through(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("theirs")
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("link", "dangling"):
        with pytest.raises(OSError, match="symbolic link"):
            write_whole(str(tmp_path / name), "ours", 0o600)
    assert (tmp_path / "victim").read_text() == "theirs"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("place", "why"),
    [("", "not a regular file"), ("no/such", "No such file"), ("file/below", "No such file")],
)
def test_a_file_that_cannot_be_made_is_reported_with_why(tmp_path: Path, place: str, why: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=why):
        check_place(f"{tmp_path}/{place}")
