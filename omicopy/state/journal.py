"""Every create, written down before it is sent: what may be in doubt after this process was killed.

One small file an entry under `$XDG_STATE_HOME/omicopy/journal/`. Its name and its format are those of every version,
so that what an older one left open is found. The cloud stays the only truth: an entry only says what to look for before
something is created again. It holds no secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from omicopy.model.choices import DiskFormat
from omicopy.model.events import Listener, WarningMessage
from omicopy.model.export import ExportKey
from omicopy.model.request import AccountRef, CopyRequest, Source, Target
from omicopy.state.atomic_file import write_whole
from omicopy.state.private import delete_private, make_private, read_private

_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class OpenImage:
    """The open create of an image: what identifies it, the ID that it was answered, and when that was written down."""

    entry: Mapping[str, str]
    image_id: str | None
    since: float
    """Seconds of the epoch."""
    about: Mapping[str, str] = field(default_factory=dict)
    """What `about_image` says; empty in an entry of an earlier version, and of an import."""


class Journal:
    """The open entries of this machine's runs. One that can't be kept is a warning, never a failure."""

    def __init__(self, folder: Path, listener: Listener) -> None:
        self._folder = folder
        self._listener = listener
        self._warned = False
        self._left: dict[str, tuple[int, int] | None] = {}
        """How each entry's file was when this run last read or wrote it."""

    def open(self, entry: Mapping[str, str], about: Mapping[str, str] | None = None) -> None:
        """Before a create is sent: it may happen from now on. `about` is for others to read, and identifies nothing."""
        self._write(entry, None, about)

    def answered(self, entry: Mapping[str, str], resource_id: str) -> None:
        """Writes down the ID of what the create made."""
        self._write(entry, resource_id, None)

    def close(self, entry: Mapping[str, str]) -> None:
        """Deletes the entry: what was to be created is there and complete, or it is certain that nothing was."""
        for path in self._paths(entry):
            with contextlib.suppress(OSError):
                delete_private(path)
            self._left[path.name] = None

    def has_news(self, entry: Mapping[str, str]) -> bool:
        """True if another run wrote this entry since this one last read or wrote it, even with the same content."""
        return any(_stamp(path) != self._left.get(path.name) for path in self._paths(entry))

    def find(self, entry: Mapping[str, str], mend: bool = True) -> tuple[bool, str | None]:
        """Whether an earlier run left this entry open, and the ID that it was answered, if any.

        A file that can't be read is set aside, unless `mend` is False. It counts as open, also for later runs.
        """
        found = [self._find(entry, path, mend) for path in self._paths(entry)]
        return max(found, key=lambda one: (one[0], one[1] is not None))

    def _find(self, entry: Mapping[str, str], path: Path, mend: bool) -> tuple[bool, str | None]:
        self._left[path.name] = _stamp(path)
        try:
            content = json.loads(read_private(path))
            resource_id = content["answered"]
            if not (resource_id is None or isinstance(resource_id, str)):
                raise ValueError("answered is no text")
        except (FileNotFoundError, NotADirectoryError):
            return False, None
        except OSError as error:
            why = f"({path}: {error.strerror})"
            self._warn(f"The journal can't be read {why}; an earlier run may have created something")
            return True, None
        except (ValueError, KeyError, TypeError, RecursionError):
            if mend:
                self._set_aside(path)
                self.open(entry)
            return True, None
        return True, resource_id

    def open_images(self) -> Iterator[OpenImage]:
        """Yields the open creates of images that can be read: copies that may still be in progress."""
        for path in sorted(self._folder.glob("image-*.json")):
            with contextlib.suppress(*_UNREADABLE):
                content, since = json.loads(read_private(path)), path.stat().st_mtime
                answered = content["answered"]
                about = {key: str(value) for key, value in content.get("about", {}).items()}
                entry = {key: str(value) for key, value in content["entry"].items()}
                yield OpenImage(entry, answered if isinstance(answered, str) else None, since, about)

    def _set_aside(self, path: Path) -> None:
        aside = path.with_suffix(".corrupt")
        with contextlib.suppress(OSError):
            path.replace(aside)
        self._listener(WarningMessage(f"The journal entry {path} can't be read and was set aside as {aside.name}"))

    def _write(self, entry: Mapping[str, str], resource_id: str | None, about: Mapping[str, str] | None) -> None:
        """`about` None leaves what is said there of it."""
        path = self._path(entry)
        content = {"entry": dict(entry), "answered": resource_id}
        content |= {"about": dict(_about(path) if about is None else about)}
        try:
            make_private(path.parent)
            write_whole(path, json.dumps(content, indent=1), 0o600)
            self._left[path.name] = _stamp(path)
        except OSError as error:
            self._warn(
                f"The journal can't be written ({path.parent}: {error.strerror}); "
                "if this run is killed now, the next one may repeat its last create"
            )

    def _paths(self, entry: Mapping[str, str]) -> list[Path]:
        """Where it may have been written down: earlier versions told exports of two formats apart."""
        earlier = [{**entry, "format": form} for form in DiskFormat] if entry["kind"] == "export" else []
        return [self._path(each) for each in (entry, *earlier)]

    def _path(self, entry: Mapping[str, str]) -> Path:
        identity = json.dumps(dict(entry), sort_keys=True)
        return self._folder / f"{entry['kind']}-{hashlib.sha256(identity.encode()).hexdigest()[:24]}.json"

    def _warn(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            self._listener(WarningMessage(message))


def _about(path: Path) -> Mapping[str, str]:
    try:
        return {key: str(value) for key, value in json.loads(read_private(path))["about"].items()}
    except _UNREADABLE:
        return {}


def _stamp(path: Path) -> tuple[int, int] | None:
    """What each writing of a file changes; None where there is none."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return -1, -1
    return status.st_ino, status.st_mtime_ns


def export_entry(source: Source) -> dict[str, str]:
    """What identifies the start of an export."""
    return entry_of_export(source.account, source.export)


def entry_of_export(owner: AccountRef, export: ExportKey) -> dict[str, str]:
    """The same where the image itself is not at hand."""
    return {
        "kind": "export",
        "account": owner.account_id,
        "region": owner.region,
        "image": export.image_id,
        "bucket": export.bucket,
        "prefix": export.prefix,
    }


def image_entry(request: CopyRequest, target: Target) -> dict[str, str]:
    """What identifies the creation of a copy: its marker, the target account and its name."""
    return {
        "kind": "image",
        "account": target.account.account_id,
        "region": target.account.region,
        "name": target.name,
        "marker": request.marker,
    }


def about_image(request: CopyRequest, target: Target) -> dict[str, str]:
    """What tells people, and a clean-up, which copy that is and what it is made from. No secret, and no URL."""
    if not isinstance(request.source, Source):
        return {}
    export, account, form = request.source.export, request.source.account, request.source.format
    boot = " ".join(target.boot.options())
    return {
        "image": export.image_id,
        "account": account.account_id,
        "region": account.region,
        "bucket": export.bucket,
        "prefix": export.prefix,
        **({"format": str(form)} if form else {}),
        "from": account.profile,
        "to": target.account.profile,
        **({"storage": account.storage} if account.storage else {}),
        **({"boot": boot} if boot else {}),
    }
