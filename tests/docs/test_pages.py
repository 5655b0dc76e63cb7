"""README.md and the topics are short, and what they name exists."""

from __future__ import annotations

import re

import pytest

from omicopy.plans.model import parse_plan
from tests.docs import blocks, generate

PAGES = {page.name: page.read_text() for page in generate.pages()}


def test_readme_is_at_most_200_lines_and_12_kb() -> None:
    assert PAGES["README.md"].count("\n") <= 200
    assert len(PAGES["README.md"].encode()) <= 12_000


@pytest.mark.parametrize("page", sorted(PAGES))
def test_no_page_is_longer_than_400_lines(page: str) -> None:
    assert PAGES[page].count("\n") <= 400


def test_shell_lines_fit_into_a_terminal_of_80_columns() -> None:
    """A longer line is wrapped on the screen, and no longer what a reader can paste."""
    lines = [line for text in PAGES.values() for block in _SHELL.findall(text) for line in block.splitlines()]
    assert [line for line in lines if len(line) > 78 and not line.startswith("python3 -m venv")] == []


def test_every_plan_is_one() -> None:
    a_plan = re.compile(r"^```yaml\n(version: 1\n.*?)^```", re.MULTILINE | re.DOTALL)
    plans = [plan for text in PAGES.values() for plan in a_plan.findall(text)]
    assert plans
    for plan in plans:
        assert parse_plan(plan, "plan.yaml", {}).jobs


def test_every_command_and_option_that_is_named_exists() -> None:
    found = dict(blocks.every_command())
    commands = {name.split()[0] for name in found}
    params = [param for command in found.values() for param in command.params]
    options = {name for param in params for name in (*param.opts, *param.secondary_opts)} | COMMON
    for page, text in PAGES.items():
        quoted = [*_SHELL.findall(text.replace("\\\n", "")), *re.findall(r"`([^`\n]+)`", text)]
        typed = [line for part in quoted for line in part.splitlines()]
        named = {found[1] for line in typed if (found := re.match(r"omicopy ([a-z]+)\b", line))}
        assert named <= commands, page
        shown = {option for line in typed if line.startswith(("omicopy ", "--")) for option in _OPTION.findall(line)}
        assert shown - options == set(), page


_SHELL = re.compile(r"```(?:sh|shell|console)\n(.*?)```", re.DOTALL)
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMON = {"--version", "--help", "--install-completion", "--show-completion"}


def test_every_path_that_is_named_exists() -> None:
    for page, text in PAGES.items():
        for path in re.findall(r"`((?:omicopy|tests|examples)/[^` *1]*)`", text):
            assert (generate.ROOT / path).exists(), (page, path)
