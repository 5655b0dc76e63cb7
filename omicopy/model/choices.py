"""Closed lists that the user chooses from. In a file of their own, so that the CLI imports them cheaply."""

from __future__ import annotations

from enum import StrEnum


class IfExists(StrEnum):
    """What to do if another image has the name in the target account."""

    FAIL = "fail"
    SKIP = "skip"
    RENAME = "rename"


class BootMode(StrEnum):
    """How a VM's firmware starts an image."""

    LEGACY = "legacy"
    UEFI = "uefi"


class DiskFormat(StrEnum):
    """Format of the disks that an export writes."""

    QCOW2 = "qcow2"
    RAW = "raw"


DEFAULT_FORMAT = DiskFormat.QCOW2
"""For a new export, if the user asks for none."""
