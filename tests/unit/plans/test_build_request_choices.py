"""Choices that a program gives as texts."""

from __future__ import annotations

from typing import Any

import pytest

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.choices import DiskFormat, IfExists
from omicopy.plans.build_request import ExportOptions, TargetOptions


def test_a_text_counts_as_its_choice() -> None:
    """What decides compares with `is`: the text "fail" would else not fail where another image has the name."""
    if_exists: Any = "fail"
    disk_format: Any = "raw"
    assert TargetOptions(if_exists=if_exists).if_exists is IfExists.FAIL
    assert ExportOptions("omi-exports", disk_format=disk_format).disk_format is DiskFormat.RAW


def test_an_unknown_choice_is_refused() -> None:
    unknown: Any = "vhd"
    with pytest.raises(OmicopyError, match="if_exists: 'vhd' is not known") as caught:
        TargetOptions(if_exists=unknown)
    assert caught.value.code is ErrorCode.USAGE
    with pytest.raises(OmicopyError, match="disk_format: 'vhd' is not known"):
        ExportOptions("omi-exports", disk_format=unknown)
