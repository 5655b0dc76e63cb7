"""What a user gives is checked as it is read: before anything is sent, and the option or argument is named."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

import pytest
from typer.main import get_command

from omicopy import api
from omicopy.cli.main import app
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.units import LONGEST
from tests.cli.test_options import options
from tests.support import children
from tests.support.tool import LINUX, PATIENCE, Ran

NO_DURATIONS = ["5x", "6M", "-1", "inf", "nan", "1e9", "٣m", "9" * 400 + "d", "", "99999999d", "1_0s"]
DURATIONS = [(command, option) for command, option in options() if option.metavar == "DURATION"]
FILES = {"--metrics-file", "--ping-url-file", "--report", "--handoff-file", "--record"}
CHOSEN = {"--method", "--content-type", "--architecture", "--product-type", "--variant"}
"""Of a closed list, or compared with a form that has no such letters."""
TEXTS = [
    (command, option)
    for command, option in options()
    if option.type_descriptor.annotation in (str, list[str]) and option.metavar != "DURATION"
    if not (FILES | CHOSEN).intersection(option.opts)
]
STRANGE = {
    "a\x07": "control character (U+0007)",
    "a\x1b[2J": "control character (U+001B)",
    "a\u200bb": "zero width space (U+200B)",
    "a\u00a0b": "no-break space (U+00A0)",
    "a\u202eb": "right-to-left override (U+202E)",
    "a\udcff": "bytes that are not UTF-8",
}
COPY = ["copy", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports"]


def long_name(option: Any) -> str:
    return next(word for word in option.opts if word.startswith("--"))


def refusal(command: str, *args: str) -> OmicopyError:
    """What a command says to these arguments before it begins."""
    words = command.split()
    found = get_command(app)
    for word in words:
        found = vars(found)["commands"][word]
    with pytest.raises(OmicopyError) as caught:
        found.make_context(words[-1], list(args))
    assert caught.value.code is ErrorCode.USAGE
    assert caught.value.hint
    return caught.value


def each(several: list[tuple[str, Any]]) -> list[Any]:
    names = [(command, long_name(option)) for command, option in several]
    return [pytest.param(*one, id=" ".join(one)) for one in names]


# ---- numbers


def test_every_duration_option_is_tested() -> None:
    assert {long_name(option) for _, option in DURATIONS} == {
        *("--expires", "--min-validity", "--export-timeout", "--import-timeout", "--deadline", "--lock-wait"),
        *("--poll-min", "--poll-max", "--grace", "--retry", "--http-timeout", "--keep-within"),
        *("--export-time", "--import-time", "--lag"),
    }


@pytest.mark.parametrize(("command", "option"), each(DURATIONS))
def test_a_bad_duration_is_refused_with_the_options_name(command: str, option: str) -> None:
    for text in NO_DURATIONS:
        assert refusal(command, option, text).message.startswith(f"{option}: ")


@pytest.mark.parametrize(("command", "option"), each(DURATIONS))
def test_a_bad_duration_in_a_variable_names_the_variable(
    command: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = "OMICOPY_" + option.removeprefix("--").replace("-", "_").upper()
    required = {"OMICOPY_IMAGE": "i", "OMICOPY_FROM": "f", "OMICOPY_TO": "t", "OMICOPY_BUCKET": "bucket"}
    for name, value in {**required, "OMICOPY_TASK": "image-export-1", "OMICOPY_NAME": "name", variable: "5x"}.items():
        monkeypatch.setenv(name, value)
    sources = {"url": ["s3://b/k"], "resign": ["s3://b/k"], "import": ["-"], "inspect": ["-"], "cors": ["s3://b"]}
    places = {"manifest build": ["s3://b/p"]}
    error = refusal(command, *(sources | places).get(command, []))
    assert error.message == f"{variable} ({option}): '5x' is not a duration"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--http-timeout", "25d"], "--http-timeout: '25d' is too long"),
        (["--http-timeout", "0.0000001s"], "--http-timeout: must be more than 0"),
        (["--export-timeout", "0"], "--export-timeout: must be more than 0"),
        (["--retry", "200y"], "--retry: '200y' is not a duration"),
        (["--deadline", "3000000d"], "--deadline: '3000000d' is too long"),
        (["--parallel", "0"], "'--parallel'"),
        (["--parallel", "1" * 30], "'--parallel'"),
        (["--parallel", "٣"], "'--parallel'"),
        (["--parallel", "nan"], "'--parallel'"),
        (["--min-validity", "7d"], "--min-validity: No URL can still be valid for 7d"),
    ],
)
def test_a_number_out_of_range_is_exit_2_with_its_option(tool: Any, words: list[str], message: str) -> None:
    ran = tool.run(*COPY, *words, code=2)
    assert message in ran.err
    assert len(tool.sandbox.request_log) == 0


def test_other_numbers_name_their_options_too(tool: Any) -> None:
    build = ["manifest", "build", "s3://omi-exports/p", "--from", "source", "--name", "golden", "--volume"]
    wrong = {
        "--shard: '3/3' is not a shard": ["run", "plan.yaml", "--shard", "3/3"],
        "--shard: '٣/4' is not a shard": ["run", "plan.yaml", "--shard", "٣/4"],
        "--volume: '/dev/sda1=x,size=9TB': '9TB' is not a disk size": [*build, "/dev/sda1=x,size=9TB"],
        "is not a number of IOPS": [*build, "/dev/sda1=x,type=io1,iops=1e3"],
        "--keep-last": ["prune", "--from", "source", "--to", "target", "--keep-last", "99999999999"],
        "--expires: A pre-signed URL can't be valid for 8d": ["url", LINUX, "--from", "source", "--expires", "8d"],
        "--expires: A pre-signed URL can't be valid for 0.5s": [
            "resign",
            LINUX,
            "--from",
            "source",
            "--expires",
            "0.5s",
        ],
    }
    for message, words in wrong.items():
        assert message in tool.run(*words, code=2).err
    assert len(tool.sandbox.request_log) == 0


def test_an_m_that_was_meant_as_months_deletes_nothing(tool: Any, tmp_path: Any) -> None:
    """`6M` was read as six minutes, and everything older went."""
    words = ["prune", "--from", "source", "--to", "target", "--yes", "--keep-within"]
    for text, why in {
        "6M": "months are not supported",
        "6m": "only days (d) and hours (h)",
        "180": "unit is missing",
    }.items():
        assert f"--keep-within: '{text}' is not a duration: " in (err := tool.run(*words, text, code=2).err)
        assert why in err
    plan = tmp_path / "plan.yaml"
    for text in ("6M", "6m", "180", "90s"):
        plan.write_text(
            "version: 1\njobs:\n- {name: a, from: source, bucket: omi-exports, images: [{name: golden-linux}],\n"
            f"   to: [{{profile: target}}], retention: {{keep_within: {text}}}}}\n"
        )
        err = tool.run("prune", str(plan), "--yes", code=2).err
        assert f"line 4, jobs[0].retention.keep_within: '{text}' is not a duration: " in err
    assert len(tool.sandbox.request_log) == 0


def test_a_refused_value_is_reported_as_json_with_o_json(tool: Any) -> None:
    ran = Ran(*tool.warm.run([*COPY, "--retry", "5x", "--log-format", "json"], tool.env, "", PATIENCE))
    parts = json.loads(ran.err)
    assert (ran.code, parts["level"], parts["code"]) == (2, "error", "usage")
    assert parts["message"] == "--retry: '5x' is not a duration"


# ---- texts


@pytest.mark.parametrize(("command", "option"), each(TEXTS))
def test_a_text_with_control_characters_is_refused(command: str, option: str) -> None:
    for text in STRANGE:
        given = f"k={text}" if option == "--tag" else f"/dev/sda1={text}" if option == "--volume" else text
        assert refusal(command, option, given).message.startswith(f"{option}: ")


@pytest.mark.parametrize("option", ["--description", "--tag", "--prefix"])
def test_the_refused_character_is_named(option: str) -> None:
    for text, message in STRANGE.items():
        assert message in refusal("copy", option, f"k={text}").message
    assert "no-break space" in refusal("copy", "ami-\u00a01").message


def test_bytes_that_are_no_utf_8_are_not_sent(tool: Any) -> None:
    """As a shell hands them over."""
    words = [sys.executable, "-m", "omicopy", *COPY]
    for option in (b"--description=\xff", b"--tag=k=\xff", b"--prefix=\xff"):
        ran = children.run([*words, option], tool.env)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert option.split(b"=")[0].decode() + ": " in ran.stderr
        assert "bytes that are not UTF-8" in ran.stderr
    assert len(tool.sandbox.request_log) == 0


def test_a_description_of_several_lines_becomes_one_line(tool: Any) -> None:
    copied = tool.copy(LINUX, "--description", "first\n  second\n").copy
    assert tool.target.images.get(copied["target"]["image_id"]).description.startswith("first second [omicopy ")


# ---- a caller of the library


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"min_validity": "5x"}, "min_validity: '5x' is not a duration"),
        ({"min_validity": timedelta(days=8)}, "min_validity: No URL can still be valid for 8d"),
        ({"min_validity": timedelta(days=-8)}, "min_validity: must not be negative"),
        ({"description": "a\x07"}, "description: contains a control character"),
        ({"prefix": "a\u200b"}, "prefix: contains a zero width space"),
        ({"tags": {"k": "a\udcff"}}, "the tag 'k': contains bytes that are not UTF-8"),
        ({"images": ["a\x07"]}, "an image's name: contains a control character"),
    ],
)
def test_an_argument_is_refused_with_its_name(tool: Any, monkeypatch: Any, given: dict[str, Any], message: str) -> None:
    for name, value in tool.env.items():
        monkeypatch.setenv(name, value)
    words: dict[str, Any] = {"images": [LINUX], "source": "source", "targets": ["target"], "bucket": "omi-exports"}
    with pytest.raises(OmicopyError, match=message) as caught:
        api.copy(**(words | given))
    assert caught.value.code is ErrorCode.USAGE
    assert tool.writes() == []


def test_a_too_long_expiry_is_refused_with_its_arguments_name() -> None:
    for expires in ("5x", timedelta(days=8), timedelta.max, "0"):
        with pytest.raises(OmicopyError, match=r"^expires: ") as caught:
            api.presign("s3://b/k", profile="nobody", expires=expires)
        assert caught.value.code is ErrorCode.USAGE


@pytest.mark.parametrize("name", ["export", "import_", "grace", "retry", "poll_max"])
def test_budgets_are_bounded_durations(name: str) -> None:
    for duration in (timedelta(seconds=-1), timedelta.max, LONGEST + timedelta(seconds=1)):
        with pytest.raises(OmicopyError, match=f"^{name}: "):
            api.Budgets(**{name: duration})


def test_options_and_modes_are_checked_when_they_are_made() -> None:
    with pytest.raises(OmicopyError, match=r"^lock_wait: "):
        api.RunOptions(lock_wait=timedelta(days=-1))
    with pytest.raises(OmicopyError, match=r"^deadline: "):
        api.RunMode(deadline=timedelta.max)
    with pytest.raises(OmicopyError, match=r"^parallel: "):
        api.RunMode(parallel=0)
