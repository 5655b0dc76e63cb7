"""The examples for cron and systemd do what they say."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.support import children
from tests.support.example_files import (
    CRON,
    HOPELESS,
    PROGRAM,
    SCRIPTS,
    SERVICE,
    SMALL,
    TIMER,
    parsed,
    prunes,
    shell,
    text,
)
from tests.support.tool import Tool


def cron_lines() -> list[tuple[list[str], str]]:
    """When, and what `sh` gets: to run the plan, and to prune."""
    lines = [line for line in text(CRON).splitlines() if line and not line.startswith("#")]
    assert [line.partition("=")[0] for line in lines[:2]] == ["SHELL", "MAILTO"]
    entries = [line.split(maxsplit=5) for line in lines[2:]]
    assert not [command for *_, command in entries if "%" in command], "the end of the line, for cron"
    return [(when, command) for *when, command in entries]


def test_the_cron_lines_have_a_time_and_a_command() -> None:
    (to_run, run), (to_prune, prune) = cron_lines()
    highest = (59, 23, 31, 12, 7)
    for when in (to_run, to_prune):
        assert len(when) == 5
        assert all(field == "*" or int(field) <= most for field, most in zip(when, highest, strict=True))
    assert int(to_run[1]) < int(to_prune[1])
    words, pruning = (shlex.split(command.partition(">>")[0]) for command in (run, prune))
    assert words[0] == pruning[0]
    assert words[0].endswith("/omicopy")
    assert parsed(words[1:])["log_format"].value == "json"
    assert prunes(pruning[1:])
    assert parsed(words[1:])["plan"] == parsed(pruning[1:])["plan"]


def test_cron_writes_logs_and_sends_mail_only_on_failure(tool) -> None:
    program = tool.home / ".local" / "bin" / "omicopy"
    program.parent.mkdir(parents=True)
    program.symlink_to(Path(SCRIPTS) / "omicopy")
    folder = tool.home / "omicopy"
    folder.mkdir()
    (_, run), (_, prune) = cron_lines()
    (folder / "plan.yaml").write_text(text(SMALL) + "    retention: {keep_last: 1}\n")
    for command in (run, prune):
        good = shell(tool, ["/bin/sh", "-c", command])
        assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    ran, pruned = (
        [json.loads(line) for line in (folder / log).read_text().splitlines()] for log in ("run.log", "prune.log")
    )
    assert [each["status"] for each in ran[-1]["copies"]] == ["copied"]
    assert {(each["kind"], each["action"]) for each in pruned[-1]["pruned"]} == {("image", "keep"), ("export", "keep")}
    program.unlink()
    for command, code, mail in ((run, 11, ""), (run, 4, "omicopy run ended with exit code 4;"), (prune, 0, "")):
        assert mailed(tool, program, command, code).startswith(mail)
        assert bool(mailed(tool, program, command, code)) == bool(mail)
    assert mailed(tool, program, prune, 12).startswith("omicopy prune ended with exit code 12;")


def mailed(tool: Tool, program: Path, command: str, code: int) -> str:
    """What cron would send when the program ends so."""
    program.write_text(f"#!/bin/sh\nexit {code}\n")
    program.chmod(0o755)
    return shell(tool, ["/bin/sh", "-c", command]).stdout


def unit(example: str) -> configparser.RawConfigParser:
    """A unit file; of a key that is there several times, the last one."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    parser.read_string(text(example).replace("\\\n", " "))
    return parser


def service_script() -> str:
    """What systemd hands to `sh`: its own `$$` is one `$`."""
    shell, option, script = shlex.split(unit(SERVICE)["Service"]["ExecStart"])
    assert (shell, option) == ("/bin/sh", "-c")
    assert not re.search(r"(?<!\$)\$(?!\$)", script.replace("$$", "")), "a variable of systemd"
    return script.replace("$$", "$")


@pytest.mark.parametrize(
    ("run", "prune", "service"),
    [(0, 0, 0), (3, 0, 3), (11, 0, 11), (0, 12, 12), (11, 5, 5), (3, 12, 3), (143, 1, 143)],
)
def test_the_service_prunes_after_each_run(tmp_path: Path, run: int, prune: int, service: int) -> None:
    """It ends as the run did, else as prune did."""
    stub = tmp_path / "omicopy"
    stub.write_text(f"#!/bin/sh\necho $1 >>{tmp_path}/calls\n[ $1 = run ] && exit {run}\nexit {prune}\n")
    stub.chmod(0o755)
    ended = children.run(["/bin/sh", "-c", service_script().replace(PROGRAM, str(stub))])
    assert ended.returncode == service
    assert (tmp_path / "calls").read_text().split() == ["run", "prune"]


def test_the_service_runs_a_plan_and_handles_the_exit_codes() -> None:
    service = unit(SERVICE)["Service"]
    run, prune = re.findall(rf"{PROGRAM} ([^;|]+)", service_script())
    asked = parsed(run.split())
    assert asked["log_format"].value == "json"
    assert prunes(prune.split())
    assert parsed(prune.split())["plan"] == asked["plan"]
    assert (asked["metrics_file"], asked["ping_url_file"]) == ("%S/omicopy/metrics/omicopy.prom", "%d/ping-url")
    assert service["Type"] == "oneshot"
    assert service["SuccessExitStatus"] == "11"
    assert [int(code) for code in service["RestartPreventExitStatus"].split()] == HOPELESS
    assert service["StateDirectory"].split()[0] == "omicopy"
    assert "LoadCredential=profiles.json:/etc/omicopy/profiles.json\n" in text(SERVICE)
    assert "Environment=OSC_CONFIG_FILE=%d/profiles.json\n" in text(SERVICE)
    assert "Environment=XDG_STATE_HOME=%S\n" in text(SERVICE)


def test_the_timer_runs_after_a_night_without_power() -> None:
    timer = unit(TIMER)
    assert timer["Timer"]["Persistent"] == "true"
    assert timer["Timer"]["OnCalendar"]
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert Path(TIMER).stem == Path(SERVICE).stem, "the service that it starts"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_itself_finds_nothing_wrong_with_its_units(tmp_path: Path) -> None:
    for example in (SERVICE, TIMER):
        content = text(example).replace(PROGRAM, sys.executable)
        (tmp_path / Path(example).name).write_text(content)
    units = [str(tmp_path / Path(example).name) for example in (SERVICE, TIMER)]
    verified = children.run(["systemd-analyze", "verify", *units])
    about_ours = [line for line in (verified.stdout + verified.stderr).splitlines() if "omicopy" in line]
    assert about_ours == []
