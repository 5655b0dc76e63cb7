"""How an image boots: what is known of it or wanted, what a create asks for, and what differs. Pure.

Boot modes and the TPM are in no manifest, and nothing changes them on an image (DOMAIN.md §2): whoever creates a copy
has to ask for them.
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
    """None: not known, or not asked for."""

    modes: frozenset[str] | None = None
    tpm: bool | None = None
    """Whether VMs of the image must have a TPM."""

    def __str__(self) -> str:
        """`uefi, TPM mandatory`; empty where nothing is known."""
        tpm = {True: ["TPM mandatory"], False: ["TPM not mandatory"], None: []}[self.tpm]
        return ", ".join([*([format_modes(self.modes)] if self.modes else []), *tpm])

    def options(self) -> list[str]:
        """The words of a command line that ask for it."""
        modes = [word for mode in sorted(self.modes or ()) for word in ("--boot-mode", mode)]
        return modes + {True: ["--tpm"], False: ["--no-tpm"], None: []}[self.tpm]

    def or_else(self, other: Boot) -> Boot:
        """With what `other` says where this says nothing."""
        return Boot(
            other.modes if self.modes is None else self.modes,
            other.tpm if self.tpm is None else self.tpm,
        )


_DEFAULT = Boot(frozenset({BootMode.LEGACY.value}), False)
"""What the service makes of a manifest when nobody asks for anything."""


def non_default(boot: Boot) -> Boot:
    """What of it has to be asked for, because a new image would else be different."""
    return Boot(
        None if boot.modes == _DEFAULT.modes else boot.modes,
        None if boot.tpm == _DEFAULT.tpm else boot.tpm,
    )


def boot_parameters(asked: Boot, source: Boot) -> Mapping[str, Sequence[str] | bool]:
    """The parameters for `CreateImage`: what the user asked for, else what the source has.

    What the source has in common with every image is not sent: it would be an image's without a word, and who knows
    whether a service that does not take these parameters beside a manifest says so by name. A user's word is sent.
    """
    wanted = asked.or_else(non_default(source))
    parameters: dict[str, Sequence[str] | bool] = {}
    if wanted.modes is not None:
        parameters[BOOT_MODES] = sorted(wanted.modes)
    if wanted.tpm is not None:
        parameters[TPM_MANDATORY] = wanted.tpm
    return parameters


def boot_differences(wanted: Boot, copy: Boot) -> list[str]:
    """In words, the copy's side first. What one side does not say is no difference."""
    found = []
    if wanted.modes and copy.modes and wanted.modes != copy.modes:
        found.append(f"boot modes {format_modes(copy.modes)} instead of {format_modes(wanted.modes)}")
    if None not in (wanted.tpm, copy.tpm) and wanted.tpm != copy.tpm:
        found.append("a TPM is not mandatory" if wanted.tpm else "a TPM is mandatory, and should not be")
    return found


def check_boot(modes: Sequence[str] | None, tpm: bool | None) -> Boot:
    """What a user asks for. Raises USAGE for what is no boot mode."""
    known = [mode.value for mode in BootMode]
    for mode in modes or ():
        if mode not in known:
            raise OmicopyError(ErrorCode.USAGE, f"{mode!r} is no boot mode", f"The boot modes are {', '.join(known)}.")
    return Boot(frozenset(map(str, modes)) if modes else None, tpm)


def format_modes(modes: frozenset[str]) -> str:
    return ", ".join(sorted(modes))
