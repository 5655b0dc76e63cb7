"""Quotas: which one counts what."""

from __future__ import annotations

import pytest

from omicopy.doctor.quotas import Counted, Quota, tightest


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("image_export_limit Exports Limit Maximum number of simultaneous exports", {Counted.EXPORTS}),
        ("image_copy_limit Image Copy Limit Maximum number of in-progress image copies", {Counted.COPIES}),
        ("snapshot_copy_limit Snapshot Copy Limit Maximum number of in-progress snapshot copies", set()),
        ("snapshot_limit Snapshots", {Counted.SNAPSHOTS}),
        ("snapshot_export_limit Snapshot exports", set()),
        ("lb_limit Load Balancer Limit", set()),
    ],
)
def test_a_quota_is_found_by_its_description(text: str, counted: set[Counted]) -> None:
    quota = Quota("x", text, 1, 0)
    assert {what for what in Counted if quota.counts(what)} == counted


def test_a_quotas_name_counts_before_its_description() -> None:
    named, worded = Quota("image_export_limit", "image_export_limit", 9, 1), Quota("own", "own exports", 3, 1)
    assert tightest([worded, named], Counted.EXPORTS) is named
    assert tightest([worded], Counted.EXPORTS) is worded
    assert tightest([worded], Counted.VOLUME_GIB) is None
