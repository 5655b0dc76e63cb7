"""Messages and logs: one handler, one filter; what a library logs passes it, too (R8)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from omicopy.cli import console
from omicopy.cli.forms import LogFormat
from omicopy.cloud import secrets
from omicopy.errors import ErrorCode, OmicopyError

KEY = 'SECRET"KEYÉ'
URL = "https://oos.example/bucket/key?X-Amz-Signature=0123456789abcdef&X-Amz-Date=20260101T000000Z"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test's settings and secrets end with it."""
    monkeypatch.setattr(secrets, "_values", set())
    root = logging.getLogger()
    before = (root.handlers, root.level)
    yield
    console.configure(LogFormat.TEXT, 0)
    root.handlers, root.level = before


class Unprintable:
    def __str__(self) -> str:
        raise AttributeError(KEY)


@pytest.mark.parametrize("form", LogFormat)
def test_r8_no_secret_gets_through_the_filter(form: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    console.configure(form, 2)
    secrets.register_secret(KEY)
    error = OmicopyError(ErrorCode.DENIED, f"{KEY} {URL}", KEY)
    console.info(KEY, URL, detail=KEY, other=[KEY])
    console.warn(f"{KEY} {URL}")
    console.print_error(error, about=KEY)
    library = logging.getLogger("of.a.library")
    library.debug("%s sends %s, signed %s", KEY, URL, "ab" * 32)
    try:
        raise RuntimeError(f"{KEY} {URL}") from error
    except RuntimeError:
        console.print_traceback("Failed")
        library.exception(KEY)
    written = capsys.readouterr().err
    assert written.count("RuntimeError") == 4, "a line of source and a last line each"
    assert [word for word in (KEY, json.dumps(KEY)[1:-1], "0123456789abcdef", "ab" * 32) if word in written] == []


@pytest.mark.parametrize("form", LogFormat)
def test_a_log_record_that_cannot_be_formatted_is_named(form: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    console.configure(form, 1)
    library = logging.getLogger("of.a.library")
    library.warning("%s", Unprintable())
    library.warning("%d", "no number")
    library.warning("")
    lines = capsys.readouterr().err.splitlines()
    assert ["can't be shown" in line for line in lines] == [True, True, False]
    assert all("of.a.library" in line for line in lines)


def test_only_verbose_shows_logs(capsys: pytest.CaptureFixture[str]) -> None:
    library, requests = logging.getLogger("of.a.library"), logging.getLogger("omicopy.request")
    for verbosity, shown in ((0, []), (1, ["w", "r"]), (2, ["d", "w", "r"])):
        console.configure(LogFormat.TEXT, verbosity)
        library.debug("d")
        library.warning("w")
        requests.debug("r")
        assert [line[-1] for line in capsys.readouterr().err.splitlines()] == shown
        assert console.is_plain() is (verbosity > 0)


def test_text_has_words_for_levels_and_json_has_fields(capsys: pytest.CaptureFixture[str]) -> None:
    error = OmicopyError(ErrorCode.DENIED, "a", "hint", ["b"], ["c"])
    texts = []
    for form in LogFormat:
        console.configure(form, 0)
        console.info("one", "two", event="moved", task=None, copy="ami-12345678")
        console.warn("beware")
        console.print_error(error, about="it")
        console.print_unredacted(URL)
        texts.append(capsys.readouterr().err)
    assert texts[0] == f"one\ntwo\nWarning: beware\nError: it: a\nb\n  hint\n  c\n{URL}\n"
    lines = [json.loads(line) for line in texts[1].splitlines()]
    assert all(line.pop("time").endswith("Z") for line in lines)
    assert lines == [
        {"level": "info", "event": "moved", "message": "one\ntwo", "copy": "ami-12345678"},
        {"level": "warning", "event": "warned", "message": "beware"},
        {"level": "error", "event": "failed", "message": "it: a\nb", "code": "denied", "hint": "hint\nc"},
        {"level": "info", "event": "shown", "message": URL},
    ]
