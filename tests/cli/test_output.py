"""What is printed where (R10), for eyes, pipes and programs; and the environment that every option can come from."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import sys
import threading
from collections.abc import Callable
from functools import partial

import pytest
from rich.cells import cell_len

from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support import children
from tests.support.children import PATIENCE, Child, wait_until
from tests.support.tool import LINUX, THREE, Ran, Tool

COPY = ("copy", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m")
MOVEMENT = re.compile(r"\x1b\[(?:\d*A|\d*K)")


def at_a_terminal(
    tool: Tool,
    *args: str,
    stdout_too: bool = True,
    meanwhile: Callable[[Callable[[], str]], None] = lambda _: None,
    **env: str,
) -> tuple[Ran, str]:
    """Runs a command at a terminal (with `stdout_too` False only its stderr is one); how it ended, what was shown.
    `meanwhile` gets what tells what has been shown so far."""
    ours, theirs = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        try:
            while chunk := os.read(ours, 65536):
                shown.append(chunk)
        except OSError:  # the other end is closed
            return

    def screen_so_far() -> str:
        return b"".join(shown).decode(errors="ignore")

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    env = tool.env | {"TERM": "xterm-256color", "COLUMNS": "160"} | env
    terminal = {"stdin": theirs, "stderr": theirs} | ({"stdout": theirs} if stdout_too else {})
    process = Child([sys.executable, "-m", "omicopy", *args], env, **terminal)
    os.close(theirs)
    meanwhile(screen_so_far)
    out, _ = process.communicate()
    reader.join(PATIENCE)
    os.close(ours)
    screen = b"".join(shown).decode()
    tool.checked(Ran(process.returncode, out or "", screen), args, 0)
    return Ran(process.returncode, out or "", ""), screen


# --- in a pipe


def test_r10_in_a_pipe_a_copy_is_one_line_with_tabs(tool) -> None:
    """Messages go to stderr."""
    tool.hold()
    process = tool.start(*COPY)
    tool.await_request("CreateImageExportTask")
    tool.await_polls("ReadImageExportTasks")
    tool.advance(1)
    tool.await_request("CreateImage")
    tool.await_polls("ReadImages")
    tool.go()
    ran = tool.finish(process)
    (copy,) = tool.copies()
    assert ran.out == f"{copy.image_id}\tgolden-linux\tcopied\n"
    message = ran.err.splitlines()
    assert message[:2] == [
        "Copying golden-linux ami-00000001 of source (account 100000000001, eu-west-2)",
        "  to 'golden-linux' in target (account 200000000001, us-east-2)",
    ]
    *phases, last = [line.split(": ")[1].split(" (")[0] for line in message[2:]]
    assert phases == ["starting", "exporting", "creating", "importing", "tagging"]
    assert last.startswith("copied, ")
    assert "\x1b" not in ran.out + ran.err


def test_r10_source_and_target_are_printed_before_any_write(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.HANG, "CreateImageExportTask", times=None))
    process = tool.start(*COPY)
    tool.wait(lambda: tool.count("CreateImageExportTask") or tool.sandbox.request_log.count(fault="hang"))
    process.kill()
    _, err = process.communicate()
    assert err.startswith("Copying golden-linux ami-00000001 of source (account 100000000001, eu-west-2)\n  to ")


def test_r10_each_line_of_a_failure_too_has_three_parts(tool) -> None:
    ran = tool.run("copy", "shared-linux", *COPY[1:], code=4)
    assert [line.split("\t")[1:] for line in ran.out.splitlines()] == [
        ["shared-linux", "failed"],
        ["golden-linux", "copied"],
    ]
    assert ran.out.startswith("-\t")


@pytest.mark.parametrize("output", ["jsonl", "table"])
def test_r10_quiet_prints_only_errors_and_data(tool, output) -> None:
    ran = tool.run("copy", "shared-linux", *COPY[1:], "-q", "-o", output, code=4)
    assert re.fullmatch(r"Error: [^\n]*shared-linux[^\n]*\n  [^\n]*\n", ran.err)
    assert "copied" in ran.out


def test_r10_json_lines_end_with_the_object_of_json(tool) -> None:
    ran = tool.run("copy", THREE, *COPY[1:], "-o", "jsonl")
    *events, last = [json.loads(line) for line in ran.out.splitlines()]
    assert {event["event"] for event in events} == {"moved", "ended"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"]) for event in events)
    assert [entry["status"] for entry in last["copies"]] == ["copied", "copied"]
    ended = [event for event in events if event["event"] == "ended"]
    for event in ended:
        assert {key: value for key, value in event.items() if key not in ("time", "event")} in last["copies"]
    assert len(ended) == 2
    moved = [event for event in events if event["event"] == "moved" and event["copy"] == "golden-three"]
    assert moved[0]["phase"] == "starting"
    assert {"progress", "seconds", "detail", "to"} <= set(moved[0])
    again = tool.run(*COPY, "-o", "json")
    assert set(again.json) == set(last)
    assert set(again.json["copies"][0]) == set(last["copies"][0])


def test_r10_a_closed_pipe_is_no_traceback(tool) -> None:
    tool.copy("golden-linux")
    process = tool.start(*COPY)
    process.stdout.close()
    _, err = process.communicate()
    assert "Traceback" not in err
    assert "Exception ignored" not in err


@pytest.mark.parametrize(("closed", "code"), [("2>&-", 0), ("<&- 2>&-", 0), (">&-", 1), ("<&- >&- 2>&-", 1)])
def test_r10_a_closed_stream_fails_no_copy(tool, closed, code) -> None:
    command = f"exec {shlex.join([sys.executable, '-m', 'omicopy', *COPY])} {closed}"
    done = children.run(["sh", "-c", command], tool.env)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert [image.state for image in tool.copies()] == ["available"]


def test_r10_a_full_disk_is_reported_without_a_traceback(tool) -> None:
    tool.copy("golden-linux")
    command = f"exec {shlex.join([sys.executable, '-m', 'omicopy', *COPY])} > /dev/full"
    done = children.run(["sh", "-c", command], tool.env)
    assert done.returncode == 1
    assert "Error: The result could not be written to stdout: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


# --- at a terminal


def test_r10_a_terminal_gets_progress_and_a_table(tool) -> None:
    def percents(screen: str) -> set[int]:
        return {int(text) for text in re.findall(r"(\d+)%", screen)}

    def step_by_step(screen: Callable[[], str]) -> None:
        tool.await_request("CreateImageExportTask")
        for _ in range(2):
            known = percents(screen())
            tool.advance(0.3)
            wait_until(lambda known=known: percents(screen()) - known)
        tool.advance(0.3)
        wait_until(lambda: "importing" in screen())
        tool.go()

    tool.again(export_seconds=0.8)
    tool.hold()
    _, screen = at_a_terminal(tool, *COPY, meanwhile=step_by_step)
    (copy,) = tool.copies()
    assert MOVEMENT.search(screen)
    assert COLOUR.search(screen)
    assert len(percents(screen) - {0, 100}) >= 2
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen)
    header, row = [line.split() for line in plain.splitlines() if line.startswith(("Image ", "ami-"))]
    assert header == ["Image", "Name", "Account", "Region", "Status", "Seconds"]
    assert row[:5] == [copy.image_id, "golden-linux", "200000000001", "us-east-2", "copied"]


def test_a_narrow_terminal_cuts_no_percentage_and_no_time(tool) -> None:
    def moving(screen: str) -> list[str]:
        return [line for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen)) if "━" in line]

    def when_seen(screen: Callable[[], str]) -> None:
        wait_until(lambda: len(moving(screen())) > 3 and "%" in screen())
        tool.go()

    tool.hold()
    copy = (*COPY, "--prefix", "as/long/as/prefixes/can/be")
    _, screen = at_a_terminal(tool, *copy, meanwhile=when_seen, COLUMNS="80")
    lines = moving(screen)
    assert [line for line in lines if not re.search(r" ( {4}|[ \d]{3}%) \d:\d\d:\d\d *$", line)] == []
    assert any("…" in line for line in lines)


def test_a_table_fits_the_window_and_cuts_nothing(tool) -> None:
    """What a narrow window can't hold goes on below: no image ID and no name loses a character."""
    words = ("copy", LINUX, THREE, *COPY[2:], "--dry-run", "-q", "--name", "{name}-" + "y" * 80)
    narrow, wide = tool.together(partial(at_a_terminal, tool, *words, COLUMNS=columns) for columns in ("70", "160"))
    assert narrow[1].startswith("\x1b[1mImage")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", narrow[1]).splitlines()
    assert {cell_len(line) <= 70 for line in lines} == {True}
    assert "".join(lines).count("y") == 160
    assert "…" not in narrow[1] + wide[1]
    assert "-" + "y" * 80 + "  2000" in wide[1]


def test_a_table_without_colours_has_plain_headings(tool) -> None:
    _, screen = at_a_terminal(tool, *COPY, "--dry-run", "-q", NO_COLOR="1")
    assert "\x1b" not in screen
    assert screen.splitlines()[0].split() == ["Image", "Name", "Account", "Region", "Status", "Seconds"]


def test_many_copies_are_reported_in_plain_lines(tool) -> None:
    """When they are more than the terminal has lines."""
    copy = ("copy", LINUX, THREE, *COPY[2:])
    high, low = tool.together(partial(at_a_terminal, tool, *copy, "--dry-run", LINES=lines) for lines in ("3", "2"))
    assert "━" in high[1]
    assert "━" not in low[1]
    assert re.search(r"golden-linux: planned \(a new export\), \d+s", low[1])


def test_r10_no_color_is_honoured_at_a_terminal(tool) -> None:
    _, screen = at_a_terminal(tool, *COPY, NO_COLOR="1")
    assert "golden-linux" in screen
    assert not COLOUR.search(screen)


def test_r10_a_pipe_gets_only_data_when_stderr_is_a_terminal(tool) -> None:
    ran, screen = at_a_terminal(tool, *COPY, stdout_too=False)
    assert ran.row[1:] == ["golden-linux", "copied"]
    assert "golden-linux" in screen


def test_r10_a_url_is_alone_on_stdout_at_a_terminal(tool) -> None:
    tool.exported()
    ran, screen = at_a_terminal(tool, "url", LINUX, "--from", "source", stdout_too=False)
    assert ran.out.startswith("http://")
    assert len(ran.out.splitlines()) == 1
    assert "Valid until" in screen


# --- what comes from elsewhere


def test_text_from_the_service_moves_no_cursor(tool) -> None:
    tool.source.change_image("ami-00000005", state_message="\x1b[2J\x1b]0;title\x07 bad \r news")
    ran = tool.run("copy", "failed-image", *COPY[2:], code=4)
    assert "bad" in ran.err
    assert not {"\x1b", "\x07", "\r"} & set(ran.err + ran.out)


@pytest.mark.parametrize("form", ["text", "json"])
def test_r8_verbose_logs_show_every_request_and_no_secret(tool, form) -> None:
    ran = tool.run(*COPY, "-vv", "--log-format", form)
    assert "CreateImage in target (us-east-2): answered" in ran.err
    assert "PreSignedUrl" not in ran.err or "REDACTED" in ran.err
    assert "botocore.auth" in ran.err
    assert not re.search(r"[0-9a-f]{64}", ran.err), "a signature, perhaps"


# --- the environment


def test_every_option_has_an_environment_variable(tool) -> None:
    env = {
        "OMICOPY_IMAGE": f"golden-linux {THREE}",
        "OMICOPY_FROM": "source",
        "OMICOPY_TO": "target target-other",
        "OMICOPY_BUCKET": "omi-exports",
        "OMICOPY_PREFIX": "from/env",
        "OMICOPY_NAME": "{image_id}",
        "OMICOPY_DESCRIPTION": "by twin",
        "OMICOPY_FORMAT": "raw",
        "OMICOPY_OUTPUT": "json",
        "OMICOPY_QUIET": "1",
    }
    ran = tool.run("copy", **env)
    assert ran.err == ""
    ways = {(entry["source"]["image_id"], entry["target"]["profile"]) for entry in ran.json["copies"]}
    assert ways == {(image, to) for image in (LINUX, THREE) for to in ("target", "target-other")}
    assert {task.image_format for task in tool.tasks()} == {"raw"}
    assert {image.name for image in tool.copies()} == {LINUX, THREE}
    assert all(image.description.startswith("by twin [omicopy") for image in tool.copies("target-other"))
    assert all(key.startswith("from/env/") for key in tool.keys(""))


@pytest.mark.parametrize(
    ("name", "value", "sign"),
    [
        ("DRY_RUN", "1", '"planned"'),
        ("NO_WAIT", "true", '"running"'),
        ("EXPORT_TIMEOUT", "0.01s", '"out-of-time"'),
        ("GRACE", "never", "not a duration"),
        ("RE_EXPORT", "1", '"copied"'),
    ],
)
def test_a_variable_does_what_its_option_does(tool, name, value, sign) -> None:
    if name == "RE_EXPORT":
        tool.delete(tool.exported())
    else:
        tool.hold()
    ran = tool.copy("golden-linux", code=None, **{f"OMICOPY_{name}": value})
    assert sign in ran.out + ran.err


def test_variables_have_the_long_names_of_options(tool) -> None:
    for command in ("copy", "export", "url", "import"):
        helped = tool.run(command, "--help").out
        flat = re.sub(r"\s+", "", helped)
        for option in set(re.findall(r"(?<!\S)--([a-z-]+)", helped)) - {"help", "no-copy-tags", "no-tpm"}:
            assert f"OMICOPY_{option.upper().replace('-', '_')}" in flat, f"{command} --{option}"


def test_one_environment_holds_two_accounts(tool) -> None:
    env = {}
    for prefix, profile in (("SRC", "source"), ("DST", "target")):
        account = tool.sandbox.accounts[profile]
        env |= {f"{prefix}_ACCESS_KEY": account.access_key, f"{prefix}_SECRET_KEY": account.secret_key}
        env |= {f"{prefix}_REGION": account.region}
        env |= {f"{prefix}_ENDPOINT_API": tool.sandbox.api_urls[account.region] + "/api/v1"}
        env |= {f"{prefix}_ENDPOINT_OOS": tool.sandbox.oos_urls[account.region]}
    words = ["copy", LINUX, "--from", "env:SRC", "--to", "env:DST", "--bucket", "omi-exports", "-o", "json"]
    ran = tool.run(*words, **env, OSC_CONFIG_FILE="/nowhere", OSC_PROFILE="nobody", OSC_ACCESS_KEY="N" * 20)
    assert (ran.copy["status"], ran.copy["source"]["profile"]) == ("copied", "env:SRC")
