"""The schema of plans, for editors: it accepts what the reader accepts."""

from __future__ import annotations

import warnings

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from omicopy.plans.model import plan_schema
from tests.support.plan_texts import EXAMPLE, SMALL, with_job, with_target


def schema_message(text: str) -> bool:
    return Draft202012Validator(plan_schema()).is_valid(YAML(typ="safe", pure=True).load(text))


def test_the_schema_is_valid_and_accepts_correct_plans() -> None:
    with warnings.catch_warnings(action="error"):
        schema = plan_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    environment = with_job("parallel: ${N}").replace("name: golden", "id: '${ID}'").replace("omi-exports", "${B}")
    for text in (EXAMPLE, SMALL, environment, with_job("export_timeout: 90"), with_target("tags: {a: 1}")):
        assert schema_message(text), text


def test_every_key_is_described() -> None:
    models = [plan_schema(), *plan_schema()["$defs"].values()]
    described = [entry for model in models for entry in model.get("properties", {}).values()]
    assert len(described) > 35
    assert [entry for entry in described if not entry.get("description")] == []


@pytest.mark.parametrize(
    "text",
    [
        with_job("parallels: 3"),
        with_job("parallel: 0"),
        with_job("prefix:"),
        with_job("cleanup: yes"),
        with_job("retention: {}"),
        with_target("share_wth: []"),
        with_target("share_with: [333333333333]"),
        with_target("best_effort: maybe"),
        SMALL.replace("version: 1", "version: 2"),
        SMALL.replace("{name: golden}", "{latest: 1}"),
        SMALL.replace("[{profile: target}]", "[]"),
        SMALL.replace("name: small", "name: a b"),
    ],
)
def test_the_schema_refuses_mistakes(text: str) -> None:
    assert not schema_message(text)
