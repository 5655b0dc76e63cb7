"""Boot settings as the API shows them."""

from __future__ import annotations

from dataclasses import replace

from omicopy.model.request import CopyRequest
from omicopy.model.result import CopyResult
from tests.support.builders import A_SOURCE, copy_request, source_image
from tests.support.virtual_cloud import Machine

UEFI, LEGACY = frozenset({"uefi"}), frozenset({"legacy"})
BOTH = UEFI | LEGACY
BY_UEFI = {"BootModes": ["uefi"], "TpmMandatory": True}
SOURCE_BY_UEFI = source_image(**BY_UEFI)


def by_uefi() -> CopyRequest:
    return replace(copy_request(), source=replace(A_SOURCE, image=SOURCE_BY_UEFI))


def run(machine: Machine) -> CopyResult:
    [result] = machine.run(by_uefi())
    return result
