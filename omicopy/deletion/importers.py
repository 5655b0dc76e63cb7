"""Finds copies that may be importing from an export now: in this machine's journal, checked against the targets."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from omicopy.cloud.clients import Clients
from omicopy.cloud.queries import filter_unless_long, read_images
from omicopy.errors import OmicopyError, attempt
from omicopy.model.choices import DEFAULT_FORMAT
from omicopy.model.export import ExportKey
from omicopy.model.image import Image, last_marker, renamed, source_marker
from omicopy.model.request import AccountRef
from omicopy.state.journal import Journal, OpenImage
from omicopy.state.locks import Locks

ImagesRead = Sequence[Image] | OmicopyError | None
"""The images with a copy's names in its account; None if this command has no profile of that account."""


@dataclass(frozen=True, slots=True)
class ActiveImports:
    """`accounts` are those that this command has profiles of. `grace`: how long reads may not show a new image."""

    clients: Clients
    journal: Journal
    locks: Locks
    accounts: Collection[AccountRef]
    grace: timedelta
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)

    def reasons_to_keep(self, profile: str, exports: Sequence[ExportKey]) -> dict[ExportKey, str]:
        """Returns the profile's exports that a copy may be importing from, each with the reason. Reads each target
        account once (R7).

        Raises only Interrupted: if a target can't be read, its exports are kept.
        """
        [source] = {account for account in self.accounts if account.profile == profile}
        by_marker: dict[str, list[ExportKey]] = defaultdict(list)
        for export in exports:
            by_marker[source_marker(source.region, export.image_id)].append(export)
        concerned = [
            (one, export)
            for one in self.journal.open_images()
            for export in by_marker.get(one.entry.get("marker", ""), ())
            if _may_import_from(one, source, export)
        ]
        shown = self._read_targets({id(one): one for one, _ in concerned}.values())
        reasons: dict[ExportKey, str] = {}
        for one, export in concerned:
            reason = self._reason(one, shown.get(_account(one)))
            if reason is not None:
                reasons.setdefault(export, reason)
        return reasons

    def _read_targets(self, creates: Iterable[OpenImage]) -> dict[tuple[str, str], Sequence[Image] | OmicopyError]:
        profiles = {(account_ref.account_id, account_ref.region): account_ref.profile for account_ref in self.accounts}
        names: dict[tuple[str, str], set[str]] = defaultdict(set)
        for one in creates:
            names[_account(one)] |= _names(one)
        return {account: self._read(profiles[account], account, names[account]) for account in names.keys() & profiles}

    def _read(self, profile: str, account: tuple[str, str], names: Iterable[str]) -> Sequence[Image] | OmicopyError:
        filters = {"AccountIds": [account[0]]} | filter_unless_long("ImageNames", names)
        return attempt(lambda: read_images(self.clients.session(profile), filters))

    def _reason(self, one: OpenImage, shown: ImagesRead) -> str | None:
        # A running process may create the image after the last read.
        if self.locks.is_held(one.entry):
            return f"another run on this machine works on {_copy(one)}, which imports from them"
        is_fresh = self.wall().timestamp() - one.since < self.grace.total_seconds()
        return why_kept(one, shown, is_fresh)


def why_kept(one: OpenImage, shown: ImagesRead, is_fresh: bool) -> str | None:
    """Returns why a create that is open in the journal, without a running process, still needs its export; None if it
    doesn't. Pure.

    `is_fresh`: it is so recent that reads may not show its image yet.
    """
    command = f"to settle it, run: {_command(one)}"
    if shown is None:
        return f"{_copy(one)} may import from them, and this command has no profile of that account; {command}"
    if isinstance(shown, OmicopyError):
        return f"it is unknown if {_copy(one)} imports from them: {shown.message}"
    made = [image for image in shown if _is_made_by(one, image)]
    for image in made:
        # An unknown state counts as importing: without its objects, the import would fail.
        if not image.is_available and not image.is_failed:
            return f"{image.image_id}, {_copy(one)}, imports from them: it is {image.state or 'in an unknown state'}"
    if one.image_id in {image.image_id for image in made}:
        return None
    return f"{_copy(one)} may have just started to import from them; {command}" if is_fresh else None


def _may_import_from(one: OpenImage, source: AccountRef, export: ExportKey) -> bool:
    """True if the copy may import from this export. Entries of earlier versions don't say which export they use."""
    place = (source.account_id, export.bucket, export.prefix)
    return not one.about or tuple(one.about.get(key) for key in ("account", "bucket", "prefix")) == place


def _is_made_by(one: OpenImage, image: Image) -> bool:
    is_there = image.account_id == one.entry.get("account") and image.name in _names(one)
    return is_there and last_marker(image.description) == one.entry.get("marker")


def _account(one: OpenImage) -> tuple[str, str]:
    return one.entry.get("account", ""), one.entry.get("region", "")


def _image_id(one: OpenImage) -> str:
    """Returns the source image's ID, the last word of the marker."""
    return one.entry.get("marker", "").rstrip("]").rpartition(" ")[2]


def _names(one: OpenImage) -> set[str]:
    name = one.entry.get("name", "")
    return {name, renamed(name, _image_id(one))}


def _copy(one: OpenImage) -> str:
    account, region = _account(one)
    return f"the copy {one.entry.get('name', '')!r} of {_image_id(one)} in account {account} ({region})"


def _command(one: OpenImage) -> str:
    """Returns the command that makes the copy, or finds it, and closes its journal entry."""
    about = one.about
    words = ["omicopy", "copy", _image_id(one), "--name", one.entry.get("name", "")]
    if not about:
        return f"{shlex.join(words)}, and the options of the first run"
    words += ["--from", about.get("from", ""), "--to", about.get("to", ""), "--bucket", about.get("bucket", "")]
    words += ["--storage", about["storage"]] if about.get("storage") else []
    words += ["--prefix", about["prefix"]] if about.get("prefix") else []
    # Options with their default are left out, to keep the command short.
    words += ["--format", about["format"]] if about.get("format", DEFAULT_FORMAT) != DEFAULT_FORMAT else []
    words += about.get("boot", "").split()
    return shlex.join(words)
