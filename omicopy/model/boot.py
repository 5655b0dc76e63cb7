"""How an image boots: what is known or requested, the parameters of a create, and the differences. Pure.

A manifest contains neither boot modes nor the TPM setting, and no call changes them on an image (DOMAIN.md §2). So the
call that creates a copy has to set them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.choices import BootMode

BOOT_MODES, TPM_MANDATORY = "BootModes", "TpmMandatory"
"""The parameters of `CreateImage`, and the fields of an image."""


@dataclass(frozen=True, slots=True)
class Boot:
    """Boot modes and TPM setting of an image. None means unknown, or not requested."""

    modes: frozenset[str] | None = None
    tpm: bool | None = None
    """True if VMs of the image must have a TPM."""

    def __str__(self) -> str:
        """`uefi, TPM mandatory`; empty if nothing is known."""
        tpm = {True: ["TPM mandatory"], False: ["TPM not mandatory"], None: []}[self.tpm]
        return ", ".join([*([format_modes(self.modes)] if self.modes else []), *tpm])

    def options(self) -> list[str]:
        """The command line options that request these settings."""
        modes = [word for mode in sorted(self.modes or ()) for word in ("--boot-mode", mode)]
        return modes + {True: ["--tpm"], False: ["--no-tpm"], None: []}[self.tpm]

    def or_else(self, other: Boot) -> Boot:
        """These settings, with those of `other` where they are None."""
        return Boot(other.modes if self.modes is None else self.modes, other.tpm if self.tpm is None else self.tpm)


_DEFAULT = Boot(frozenset({BootMode.LEGACY.value}), False)
"""What a new image has if the request sets nothing."""


def non_default(boot: Boot) -> Boot:
    """Only the settings that differ from the default, and so have to be requested."""
    return Boot(None if boot.modes == _DEFAULT.modes else boot.modes, None if boot.tpm == _DEFAULT.tpm else boot.tpm)


def boot_parameters(asked: Boot, source: Boot) -> Mapping[str, Sequence[str] | bool]:
    """The parameters of `CreateImage`: those that the user asked for, else those of the source."""
    # A source setting that equals the default isn't sent: the new image gets it anyway, and some services may refuse
    # these parameters together with a manifest. What the user asks for is always sent.
    wanted = asked.or_else(non_default(source))
    parameters: dict[str, Sequence[str] | bool] = {}
    if wanted.modes is not None:
        parameters[BOOT_MODES] = sorted(wanted.modes)
    if wanted.tpm is not None:
        parameters[TPM_MANDATORY] = wanted.tpm
    return parameters


def boot_differences(wanted: Boot, copy: Boot) -> list[str]:
    """The differences in words, the copy's value first. An unknown value is no difference."""
    found = []
    if wanted.modes and copy.modes and wanted.modes != copy.modes:
        found.append(f"boot modes {format_modes(copy.modes)} instead of {format_modes(wanted.modes)}")
    if None not in (wanted.tpm, copy.tpm) and wanted.tpm != copy.tpm:
        found.append(
            "TPM not mandatory instead of mandatory" if wanted.tpm else "TPM mandatory instead of not mandatory"
        )
    return found


def check_boot(modes: Sequence[str] | None, tpm: bool | None) -> Boot:
    """The settings that the user asks for. Raises USAGE for an unknown boot mode."""
    known = [mode.value for mode in BootMode]
    for mode in modes or ():
        if mode not in known:
            raise OmicopyError(ErrorCode.USAGE, f"{mode!r} is not a boot mode", f"Use {' or '.join(known)}.")
    return Boot(frozenset(map(str, modes)) if modes else None, tpm)


def format_modes(modes: frozenset[str]) -> str:
    return ", ".join(sorted(modes))
