"""What a service, a bucket or a file says is never a line of ours: no line feed of theirs begins one, on no stream."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from omicopy.cli import console
from omicopy.cli.forms import LogFormat
from omicopy.cloud.errors import Answer, refused
from omicopy.errors import ErrorCode, OmicopyError, printable
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.region_state import TaskState
from tests.support.hostile import JSON, Reply, hostile
from tests.support.tool import LINUX, Ran, Tool

BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x1b[2K\x1b[1G", "\x1b[1A\r"]
HOSTILE = "bad" + "".join(f"{each}Error: forged {number}" for number, each in enumerate(BREAKS)) + "\u202eeht\u2066"
COPY = ("--from", "source", "--to", "target", "--bucket", "omi-exports")


def assert_nothing_is_forged(ran: Ran) -> None:
    """Every line is one of ours, by any program's notion of a line."""
    for stream in (ran.out, ran.err):
        assert not [line for line in stream.splitlines() if line.lstrip().startswith("Error: forged")], stream
        assert not {*"\x1b\r\x0b\x0c\x1c\x85\u2028\u2029\u202e\u2066"} & {*stream}


@pytest.fixture
def plain_console() -> Iterator[None]:
    yield
    console.configure(LogFormat.TEXT, 0)
    logging.getLogger().handlers = []
    logging.getLogger("omicopy").setLevel(logging.NOTSET)


# --- where text enters a message


def test_an_error_is_one_line_with_any_quoted_text() -> None:
    answer = Answer(400, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    for error in (OmicopyError(ErrorCode.FAILED, HOSTILE, HOSTILE), refused("CreateImage", HOSTILE, answer)):
        assert len(error.message.splitlines()) == 1
        assert len(error.hint.splitlines()) <= 1
        assert str(error) == error.message


def test_an_error_of_several_lines_is_printed_line_by_line() -> None:
    error = OmicopyError(ErrorCode.USAGE, "a", "b", [HOSTILE, "c"], [HOSTILE])
    assert error.message.split("\n") == ["a", printable(HOSTILE), "c"]
    assert error.hint.split("\n") == ["b", printable(HOSTILE)]
    assert (len(error.message.splitlines()), len(error.hint.splitlines())) == (3, 2)


@pytest.mark.parametrize("form", LogFormat)
@pytest.mark.usefixtures("plain_console")
def test_every_printer_keeps_a_message_on_one_line(form: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    console.configure(form, 1)
    console.info(HOSTILE, HOSTILE, detail=HOSTILE)
    console.warn(HOSTILE)
    console.print_unredacted(HOSTILE)
    console.print_error(OmicopyError(ErrorCode.FAILED, HOSTILE, HOSTILE), about=HOSTILE + "more")
    logging.getLogger("omicopy.request").warning("%s", HOSTILE)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logging.getLogger("of.a.library").warning("failed", exc_info=True)
    message = capsys.readouterr().err
    assert_nothing_is_forged(Ran(0, "", message))
    if form is LogFormat.JSON:
        assert len([json.loads(line) for line in message.splitlines()]) == 6


# --- from a service


@pytest.mark.parametrize("how", [(), ("-v",), ("-vv",), ("-v", "--log-format", "json")], ids=" ".join)
def test_the_details_of_a_refusal_forge_nothing(tool: Tool, how: tuple[str, ...]) -> None:
    errors = [{"Code": HOSTILE, "Type": HOSTILE, "Details": HOSTILE}]
    body = json.dumps({"Errors": errors, "ResponseContext": {"RequestId": HOSTILE}}).encode()
    with hostile(Reply(400, JSON, body)) as server:
        env = tool.profiles(source={"endpoints": {"api": server.url, "oos": server.url}})
        child = tool.start("copy", LINUX, *COPY, *how, **env)
        out, err = child.communicate()
    assert (child.returncode, "forged" in err) == (1, True)
    assert_nothing_is_forged(Ran(1, out, err))
    if "json" in how:
        assert [json.loads(line)["level"] for line in err.splitlines()][-1] == "error"


@pytest.mark.parametrize("how", [(), ("-o", "json"), ("-o", "jsonl"), ("-v",)], ids=" ".join)
def test_a_state_comment_forges_nothing(tool: Tool, how: tuple[str, ...]) -> None:
    tool.source.change_image("ami-00000005", state_message=HOSTILE)
    ran = tool.run("copy", "failed-image", *COPY, *how, code=4)
    assert "forged" in ran.err
    assert_nothing_is_forged(ran)


def test_the_comment_of_a_task_forges_nothing(tool: Tool) -> None:
    tool.hold()
    child = tool.start("copy", LINUX, *COPY)
    tool.await_request("CreateImageExportTask")
    tool.source.change_task(tool.tasks()[-1].task_id, state=TaskState.FAILED, comment=HOSTILE, ended=1.0)
    tool.go()
    ran = tool.finish(child)
    assert (ran.code, "forged" in ran.err) == (7, True)
    assert_nothing_is_forged(ran)
    assert_nothing_is_forged(tool.run("status", "--from", "source"))


def test_names_and_tags_forge_nothing(tool: Tool) -> None:
    tool.source.change_image(LINUX, name=HOSTILE, description=HOSTILE, tags=((HOSTILE, HOSTILE),))
    for words in (("copy", LINUX, *COPY, "--name", "golden"), ("copy", LINUX, *COPY, "--dry-run"), ("export", LINUX)):
        more = ("--from", "source", "--bucket", "omi-exports") if words[0] == "export" else ()
        assert_nothing_is_forged(tool.run(*words, *more, code=None))
    image = tool.existing("resident-2")
    tool.target.images.put(image.image_id, replace(image, name=HOSTILE, description="[omicopy eu-west-2 ami-00000001]"))
    tool.target.forget_history()
    for form in ("table", "json", "jsonl"):
        assert_nothing_is_forged(tool.run("status", "--from", "source", "--to", "target", "-o", form, code=None))


def test_a_throttle_messages_request_id_forges_nothing(tool: Tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "CreateTags", times=None))
    tool.source.change_image(LINUX, name=HOSTILE)
    assert_nothing_is_forged(tool.run("copy", LINUX, *COPY, "--name", "golden", "--cleanup", code=None))


# --- from a bucket


@pytest.mark.parametrize("how", [(), ("-o", "json"), ("-q",)], ids=" ".join)
def test_a_manifest_forges_nothing(tool: Tool, how: tuple[str, ...]) -> None:
    document = tool.manifest(tool.exported())
    image = document["Image"]
    for name in ("Name", "Description", "Architecture"):
        image[name] = HOSTILE
    image["ProductTypes"] = [HOSTILE]
    image["Snapshots"][0]["DeviceName"] = HOSTILE
    tool.put("hostile.json", document)
    url = tool.sign("hostile.json")
    for words in (("inspect", url), ("import", url, "--to", "target"), ("inspect", "hostile.txt")):
        assert_nothing_is_forged(tool.run(*words, *how, code=None))


def test_a_key_forges_nothing(tool: Tool) -> None:
    tool.put("loose/a\nError: forged.qcow2", b"QFI\xfb" + bytes(100))
    tool.put("loose/b\x85Error: forged.json", b"{}")
    words = ("manifest", "build", "s3://omi-exports/loose", "--from", "source", "--name", "golden")
    assert_nothing_is_forged(tool.run(*words, code=None))
    assert_nothing_is_forged(tool.run("inspect", "s3://omi-exports/loose/", "--from", "source", code=None))
    location = "s3://omi-exports/loose/a\nError: forged.qcow2"
    assert_nothing_is_forged(tool.run("url", location, "--from", "source", "--show-command", code=None))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_log_line_is_json_in_every_encoding_of_stderr(tool, encoding: str) -> None:
    words = ("inspect", "/nowhere/café 😀", "--log-format", "json")
    child = tool.start(*words, PYTHONIOENCODING=encoding, PYTHONUTF8="1")
    _, err = child.communicate()
    assert child.returncode == 2
    assert "/nowhere/café 😀" in json.loads(err.splitlines()[-1])["message"]
