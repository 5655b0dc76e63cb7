"""Permissions: every action of a copy has parameters to try it with."""

from __future__ import annotations

from omicopy.doctor.permissions import dry_run_parameters
from omicopy.doctor.required_rights import RIGHTS
from omicopy.model.request import AccountRef


def test_every_action_of_a_copy_can_be_tried() -> None:
    tried = dry_run_parameters(AccountRef("p", "1", "r"), "https://oos.example.com", "exports")
    wanted = {right.action for place, rights in RIGHTS["copy"].items() for right in rights if "API" in place.value}
    assert wanted - {"ReadAccounts"} == set(tried)
