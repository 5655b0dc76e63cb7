"""Boot settings in a plan."""

from __future__ import annotations

import pytest

from omicopy.errors import OmicopyError
from omicopy.model.boot import Boot
from omicopy.plans.model import parse_plan
from tests.support.boot_settings import BOTH, UEFI


def test_a_plan_sets_boot_modes_for_all_jobs_a_job_or_a_target() -> None:
    jobs = """
      - {name: as-source, from: a, bucket: abc, images: [{name: x}], to: [{profile: b}]}
      - name: mixed
        from: a
        bucket: abc
        tpm: false
        images: [{name: x}]
        to: [{profile: b}, {profile: c, boot_modes: [uefi, legacy], tpm: true}]
"""
    plain = parse_plan(f"version: 1\njobs:{jobs}", "plan.yaml", {})
    assert [target.boot for job in plain.jobs for target in job.targets] == [
        Boot(),
        Boot(None, False),
        Boot(BOTH, True),
    ]
    all_of_them = parse_plan(f"version: 1\ndefaults: {{boot_modes: [uefi]}}\njobs:{jobs}", "plan.yaml", {})
    assert [target.boot for job in all_of_them.jobs for target in job.targets] == [
        Boot(UEFI),
        Boot(UEFI, False),
        Boot(BOTH, True),
    ]
    for wrong, message in (("[]", "is empty"), ("[bios]", "'legacy' or 'uefi'"), ("uefi", "must be a list")):
        with pytest.raises(OmicopyError, match=message):
            parse_plan(f"version: 1\ndefaults: {{boot_modes: {wrong}}}\njobs:{jobs}", "plan.yaml", {})
