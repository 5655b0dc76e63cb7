"""Closed lists that a user chooses from. Apart from the models, so that the command line can name them at no cost."""

from __future__ import annotations

from enum import StrEnum


class IfExists(StrEnum):
    """What to do when another image holds the name in the target account."""

    FAIL = "fail"
    SKIP = "skip"
    RENAME = "rename"


class BootMode(StrEnum):
    """How a VM's firmware starts an image."""

    LEGACY = "legacy"
    UEFI = "uefi"


class DiskFormat(StrEnum):
    """The format of the disks that an export writes."""

    QCOW2 = "qcow2"
    RAW = "raw"


DEFAULT_FORMAT = DiskFormat.QCOW2
"""Of a new export, where none is asked for."""
