"""The generated parts of the documentation are those that the code, or a run, gives."""

from __future__ import annotations

from functools import cache

import pytest

from omicopy.sandbox.main import Sandbox
from tests.docs import blocks, examples, generate

MADE = cache(blocks.made_from_code)
PAGES = {page.name: page.read_text() for page in generate.pages()}
FOUND = {(page, name): content for page, text in PAGES.items() for name, content in generate.parts(text).items()}
BY_HAND = {"bench"}
"""Parts that another program writes (tests/bench/run.py)."""


@pytest.mark.parametrize(
    ("page", "name"), [pytest.param(*key, id=" ".join(key)) for key in sorted(FOUND) if key[1] in MADE()]
)
def test_a_part_is_what_the_code_says(page: str, name: str) -> None:
    assert FOUND[page, name] == MADE()[name], "run: python -m tests.docs.generate"


def test_every_part_stands_somewhere() -> None:
    known = {*MADE(), *(f"json {name}" for name in examples.COMMANDS), *BY_HAND}
    assert {name for _, name in FOUND} == known


def test_json_examples_have_the_shape_of_a_real_run(sandbox: Sandbox) -> None:
    shown = {name.removeprefix("json "): content for (_, name), content in FOUND.items() if name.startswith("json ")}
    for name, value in examples.run_all(sandbox).items():
        assert examples.shape(value) == examples.shape(examples.shown_in(shown[name])), name
        assert f"`omicopy {examples.COMMANDS[name]}`" in shown[name]


def test_benchmarks_say_met_of_what_keeps_its_bound() -> None:
    (content,) = [content for (_, name), content in FOUND.items() if name == "bench"]
    _, _, *lines = content.strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len(rows) > 20
    for _, _, _, ratio, bound, verdict in rows:
        kept = bound and float(ratio) <= float(bound.removeprefix("≤ "))
        assert verdict == ("met" if kept else "NOT met" if bound else "")
