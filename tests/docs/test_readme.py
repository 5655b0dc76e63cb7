"""README.md and the topics tell what is: their plans are plans, their commands exist."""

from __future__ import annotations

import re

from omicopy.plans.model import parse_plan
from tests.docs import blocks, generate

PAGES = {page.name: page.read_text() for page in generate.pages()}


def test_every_plan_is_one() -> None:
    plans = [
        plan for text in PAGES.values() for plan in re.findall(r"^```yaml\n(version: 1\n.*?)^```", text, re.M | re.S)
    ]
    assert plans
    for plan in plans:
        assert parse_plan(plan, "plan.yaml", {}).jobs


def test_every_command_that_is_named_exists() -> None:
    offered = {name.split()[0] for name, _ in blocks.every_command()}
    for page, text in PAGES.items():
        named = set(re.findall(r"^omicopy ([a-z]+)", text, re.M)) | set(re.findall(r"`omicopy ([a-z]+)", text))
        assert named <= offered, page
