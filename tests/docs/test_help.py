"""`omicopy help` shows the topics; every command's help ends with its exit codes."""

from __future__ import annotations

import re

import pytest

from omicopy import exit_codes
from omicopy.cli.commands.help_ import text_of, topics
from omicopy.errors import ErrorCode
from tests.docs import blocks, generate

TOPICS = [topic for topic in topics() if topic != "index"]


def test_index_lists_every_topic(tool) -> None:
    index = tool.run("help").out
    assert index == tool.run("help", "index").out
    assert sorted(re.findall(r"^- `([a-z-]+)`: ", index, re.M)) == TOPICS


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_plain_markdown_in_a_pipe(tool, topic: str) -> None:
    out = tool.run("help", topic).out
    assert out.startswith("# ")
    assert out == text_of(topic)
    assert not re.search(r"<!--|\]\([a-z-]+\.md\)|\x1b", out)


def test_help_of_a_command_is_its_own(tool) -> None:
    for name, _ in blocks.every_command():
        if name not in TOPICS:
            assert tool.run("help", *name.split()).out == tool.run(*name.split(), "--help").out


def test_an_unknown_topic_names_all_of_them(tool) -> None:
    ran = tool.run("help", "nonsense", code=2)
    assert ran.out == ""
    assert all(topic in ran.err for topic in TOPICS)


def test_links_between_topics_lead_somewhere() -> None:
    for page in generate.pages():
        text = page.read_text()
        for words, target in re.findall(r"\[([^\]]+)\]\((?!https?:)([^)#]+)[^)]*\)", text):
            assert (page.parent / target).exists(), (page.name, words, target)
        for topic in re.findall(r"`omicopy help ([a-z-]+)", text):
            assert topic in topics() or topic in exit_codes.COMMANDS, (page.name, topic)


def test_help_of_every_command_ends_with_its_exit_codes(tool) -> None:
    known = dict(blocks.every_command())
    assert known.keys() == exit_codes.COMMANDS.keys()
    for name in known:
        ending = tool.run(*name.split(), "--help").out.partition("Exit codes:\n")[2]
        codes = {int(code) for line in re.findall(r"^  (\d+(?:, \d+)*)  ", ending, re.M) for code in line.split(", ")}
        assert codes == exit_codes.codes_of(name)


def test_every_exit_code_of_an_error_has_a_meaning() -> None:
    assert {str(code.exit_code) for code in ErrorCode} <= exit_codes.MEANINGS.keys()
