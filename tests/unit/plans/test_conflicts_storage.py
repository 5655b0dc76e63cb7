"""Jobs of one source that name different keys for its bucket."""

from __future__ import annotations

import pytest

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.plans.model import parse_plan


def two_jobs(first: str, second: str, default: str = "") -> str:
    job = "{{name: {}, images: [{{id: ami-12345678}}], to: [{{profile: target}}]{}}}"
    jobs = ", ".join(job.format(name, more) for name, more in (("a", first), ("b", second)))
    return f"version: 1\ndefaults: {{from: source, bucket: b1b{default}}}\njobs: [{jobs}]\n"


def test_two_jobs_of_one_source_have_one_storage_key() -> None:
    own = ", storage: aws:own"
    for text in (two_jobs(own, own), two_jobs("", "", own), two_jobs("", own, own)):
        assert parse_plan(text, "plan.yaml", {}).storage == {"source": "aws:own"}
    assert parse_plan(two_jobs("", ""), "plan.yaml", {}).storage == {"source": None}
    elsewhere = parse_plan(two_jobs(own, ", from: other"), "plan.yaml", {})
    assert elsewhere.storage == {"source": "aws:own", "other": None}
    assert elsewhere.only(["b"]).storage == {"other": None}
    with pytest.raises(
        OmicopyError, match=r"is none here, but aws:own in jobs\[0\], for the same source source"
    ) as caught:
        parse_plan(two_jobs(own, ", storage: none"), "plan.yaml", {})
    assert caught.value.code is ErrorCode.USAGE
    with pytest.raises(OmicopyError, match="is its own key here, but aws:own in"):
        parse_plan(two_jobs(own, ""), "plan.yaml", {})
