"""The behaviours together have every value, and export and import work under each."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from omicopy.sandbox.model.behaviours import Behaviour, dimensions
from tests.sandbox.user import FAST


def test_every_value_is_in_some_behaviour() -> None:
    for name, values in dimensions().items():
        assert {getattr(behaviour, name) for behaviour in Behaviour.every()} == set(values), name


def test_behaviours_have_unique_names() -> None:
    names = [behaviour.name for behaviour in Behaviour.every()]
    assert len(set(names)) == len(names) <= 6
    assert [Behaviour.named(name) for name in names] == list(Behaviour.every())


def test_a_seed_always_gives_the_same_behaviour() -> None:
    assert Behaviour.from_seed(7) == Behaviour.named("seed-7")
    assert len({json.dumps([str(v) for v in vars_of(Behaviour.from_seed(seed))]) for seed in range(20)}) > 15


def vars_of(behaviour: Behaviour) -> list[object]:
    return [getattr(behaviour, name) for name in dimensions()]


@pytest.mark.parametrize(
    "behaviour", [*Behaviour.every(), Behaviour.from_seed(1), Behaviour.from_seed(2)], ids=lambda one: one.name
)
def test_export_and_import_under_every_behaviour(user, behaviour) -> None:
    user.sandbox.reset(replace(FAST, behaviour=behaviour, ended_task_seconds=3600))
    task = user.export("ami-00000002", OsuPrefix="/a/b/")
    assert task["State"] == "completed"
    copy = user.import_(user.sign(user.manifest_key(task)))
    assert (copy["State"], len(copy["BlockDeviceMappings"])) == ("available", 3)
