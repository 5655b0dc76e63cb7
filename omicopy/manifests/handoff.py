"""Writes the hand-off text, for a mail or a ticket: all that the other account's owner needs for the import."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from datetime import datetime

from omicopy.model.boot import Boot, non_default
from omicopy.model.choices import BootMode
from omicopy.model.image import is_image_name
from omicopy.model.manifest import Manifest
from omicopy.model.units import format_size
from omicopy.model.urls.presigned_url import PresignedUrl

FREE_PRODUCT_TYPE = "0001"
"""Linux, and other systems without a paid licence."""
_ARCHITECTURE = re.compile(r"[A-Za-z0-9_]{1,16}")
_DEVICE = re.compile(r"/dev/[a-z0-9]{1,16}")
_PRODUCT_TYPE = re.compile(r"[0-9]{4}")
_SHOWN = 40
"""Volumes to list."""


def licensed_types(manifest: Manifest) -> tuple[str, ...]:
    """Returns the product types that may need a licence, which the importing account has to pay for or own."""
    return tuple(kind for kind in manifest.product_types if kind != FREE_PRODUCT_TYPE)


def summary(manifest: Manifest) -> str:
    """Returns one line: `golden-linux (x86_64), 1 volume, 10 GiB`."""
    count, total = len(manifest.snapshots), sum(snapshot.size_bytes for snapshot in manifest.snapshots)
    architecture = f" ({manifest.architecture})" if manifest.architecture else ""
    volumes = "1 volume" if count == 1 else f"{count} volumes"
    return f"{manifest.name or 'an image without a name'}{architecture}, {volumes}, {format_size(total)}"


def handoff_text(url: PresignedUrl, manifest: Manifest, ends: datetime | None, boot: Boot) -> str:
    """Returns the text: the image, the deadline, the URL, and the commands for the other side.

    `ends` is the effective expiry. `boot` is the source image's boot setup, if known. The text is a secret, as it
    contains the URL.
    """
    # The manifest may come from elsewhere: of its text, only a valid image name gets into a command. A name that
    # starts with "-" would be read as an option.
    own_name = manifest.name if is_image_name(manifest.name or "") else None
    name = own_name if own_name and not own_name.startswith("-") else "IMAGE_NAME"
    quoted, link = shlex.quote(name), shlex.quote(url.url)
    options, octl, osc_cli = _boot_options(boot)
    return "\n".join(
        [
            "An OUTSCALE machine image (OMI) to import into your account",
            "",
            f"Image:     {summary(_plain(manifest, own_name))}",
            *(f"           {line}" for line in _volumes(manifest)),
            *_licences(manifest),
            f"Boot:      {_boot(boot)}",
            f"Import by: {_deadline(ends)}",
            "",
            "Everyone who has the URL below can copy the image: keep this text secret, like a password.",
            "",
            url.url,
            "",
            "With omicopy, which shows the image first and waits until it is available. Save this text as handoff.txt:",
            "",
            "omicopy import handoff.txt --to YOUR_PROFILE" + ("" if own_name else f" --name {name}") + options,
            "",
            "Or with one of OUTSCALE's own tools:",
            "",
            f"octl iaas api CreateImage --ImageName {quoted} --FileLocation {link}{octl}",
            "",
            f"osc-cli api CreateImage --profile YOUR_PROFILE --ImageName {quoted} --FileLocation {link}{osc_cli}",
            "",
        ]
    )


def _plain(manifest: Manifest, name: str | None) -> Manifest:
    """Returns the manifest without free text: it may come from elsewhere, and could contain instructions."""
    architecture = manifest.architecture if _ARCHITECTURE.fullmatch(manifest.architecture or "") else None
    return replace(manifest, name=name, architecture=architecture)


def _volumes(manifest: Manifest) -> list[str]:
    lines = []
    for snapshot in manifest.snapshots[:_SHOWN]:
        count = snapshot.compressed_bytes
        compressed = "" if count is None else f", {format_size(count)} to transfer"
        device = snapshot.device if _DEVICE.fullmatch(snapshot.device or "") else "a volume"
        lines.append(f"{device}: {format_size(snapshot.size_bytes)}{compressed}")
    more = len(manifest.snapshots) - _SHOWN
    return [*lines, f"and {more} more"] if more > 0 else lines


def _licences(manifest: Manifest) -> list[str]:
    licensed = [kind for kind in licensed_types(manifest) if _PRODUCT_TYPE.fullmatch(kind)]
    return (
        [f"Licences:  product types {', '.join(licensed)}; your account must own or pay for them"] if licensed else []
    )


def _boot(boot: Boot) -> str:
    if boot == Boot():
        return "unknown, manifests don't contain it; ask the owner about uefi (--boot-mode uefi) and TPM (--tpm)"
    return f"{boot}; manifests don't contain it" + (", the commands below do" if any(_boot_options(boot)) else "")


def _boot_options(boot: Boot) -> tuple[str, str, str]:
    """Returns the options of omicopy, octl and osc-cli that set this boot setup; empty for the default."""
    asked = non_default(boot)
    modes = [mode.value for mode in BootMode if mode in (asked.modes or ())]
    octl = osc_cli = ""
    if modes:
        octl += f" --BootModes {','.join(modes)}"
        osc_cli += f" --BootModes {shlex.quote(json.dumps(modes))}"
    if asked.tpm:
        octl += " --TpmMandatory"
        osc_cli += " --TpmMandatory True"
    return "".join(f" {word}" for word in asked.options()), octl, osc_cli


def _deadline(ends: datetime | None) -> str:
    """Returns when the import has to be finished: the service reads through the URLs all the time."""
    if ends is None:
        return "as soon as possible; it is unknown when the URLs expire"
    return f"{ends:%Y-%m-%d %H:%M:%S} UTC; the import must be finished by then"
