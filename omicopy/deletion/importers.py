"""Which copies may be importing from an export right now: from this machine's journal, checked against the targets."""

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
"""The images under a copy's names in its account; None where this command knows no profile of that account."""


@dataclass(frozen=True, slots=True)
class ActiveImports:
    """`accounts` are the accounts that this command knows. `grace`: how long a create may not be visible to a read."""

    clients: Clients
    journal: Journal
    locks: Locks
    accounts: Collection[AccountRef]
    grace: timedelta
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)

    def reasons_to_keep(self, profile: str, exports: Sequence[ExportKey]) -> dict[ExportKey, str]:
        """Those of a profile's exports that a copy may be made from just now, and which. Reads each target account
        once (R7).

        Raises nothing but Interrupted: what can't be found out keeps an export, too.
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
        if self.locks.is_held(one.entry):
            return f"another run on this machine is at {_copy(one)}, which imports from them"
        is_fresh = self.wall().timestamp() - one.since < self.grace.total_seconds()
        return why_kept(one, shown, is_fresh)


def why_kept(one: OpenImage, shown: ImagesRead, is_fresh: bool) -> str | None:
    """Why an open create, which no run is at, keeps what it imports from; None where it does not. Pure.

    `is_fresh`: it was written down so short a time ago that no read may show what it made.
    """
    command = f"settle it with: {_command(one)}"
    if shown is None:
        return f"{_copy(one)} may import from them, and this command knows no profile of that account; {command}"
    if isinstance(shown, OmicopyError):
        return f"whether {_copy(one)} imports from them is not known: {shown.message}"
    made = [image for image in shown if _is_made_by(one, image)]
    for image in made:
        if not image.is_available and not image.is_failed:
            return f"{image.image_id}, {_copy(one)}, imports from them: it is {image.state or 'in an unknown state'}"
    if one.image_id in {image.image_id for image in made}:
        return None
    return f"{_copy(one)} may have begun to import from them a moment ago; {command}" if is_fresh else None


def _may_import_from(one: OpenImage, source: AccountRef, export: ExportKey) -> bool:
    """Whether it may be made from that export of its image: an entry of an earlier version does not say from which."""
    place = (source.account_id, export.bucket, export.prefix)
    return not one.about or tuple(one.about.get(key) for key in ("account", "bucket", "prefix")) == place


def _is_made_by(one: OpenImage, image: Image) -> bool:
    is_there = image.account_id == one.entry.get("account") and image.name in _names(one)
    return is_there and last_marker(image.description) == one.entry.get("marker")


def _account(one: OpenImage) -> tuple[str, str]:
    return one.entry.get("account", ""), one.entry.get("region", "")


def _image_id(one: OpenImage) -> str:
    """Of the source image; the marker ends with it."""
    return one.entry.get("marker", "").rstrip("]").rpartition(" ")[2]


def _names(one: OpenImage) -> set[str]:
    name = one.entry.get("name", "")
    return {name, renamed(name, _image_id(one))}


def _copy(one: OpenImage) -> str:
    account, region = _account(one)
    return f"the copy {one.entry.get('name', '')!r} of {_image_id(one)} in account {account} ({region})"


def _command(one: OpenImage) -> str:
    """What makes the copy, or finds it made, and closes its entry."""
    about = one.about
    words = ["omicopy", "copy", _image_id(one), "--name", one.entry.get("name", "")]
    if not about:
        return f"{shlex.join(words)}, and the options that it was begun with"
    words += ["--from", about.get("from", ""), "--to", about.get("to", ""), "--bucket", about.get("bucket", "")]
    words += ["--storage", about["storage"]] if about.get("storage") else []
    words += ["--prefix", about["prefix"]] if about.get("prefix") else []
    words += ["--format", about["format"]] if about.get("format", DEFAULT_FORMAT) != DEFAULT_FORMAT else []
    words += about.get("boot", "").split()
    return shlex.join(words)
