"""Records every create request before it is sent, so that a run after a crash knows which ones are in doubt.

One small file per entry, under `$XDG_STATE_HOME/omicopy/journal/`. File names and format are the same in every version,
so each version finds the open entries of older ones. Only the cloud says what exists: an entry says what to search for
before it is created again. Entries contain no secrets.
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
    """An open create of an image: its identity, the ID in the response if there was one, and the time of the entry."""

    entry: Mapping[str, str]
    image_id: str | None
    since: float
    """Seconds of the epoch."""
    about: Mapping[str, str] = field(default_factory=dict)
    """What `about_image` returned; empty in entries of earlier versions and of imports."""


class Journal:
    """The open entries of this machine's runs. An entry that can't be written is a warning, never a failure."""

    def __init__(self, folder: Path, listener: Listener) -> None:
        self._folder = folder
        self._listener = listener
        self._warned = False
        self._left: dict[str, tuple[int, int] | None] = {}
        """The stamp of each entry's file when this run last read or wrote it."""

    def open(self, entry: Mapping[str, str], about: Mapping[str, str] | None = None) -> None:
        """Opens an entry; call it before the create is sent. `about` is information, not part of the identity."""
        self._write(entry, None, about)

    def answered(self, entry: Mapping[str, str], resource_id: str) -> None:
        """Adds the ID of what the create has made."""
        self._write(entry, resource_id, None)

    def close(self, entry: Mapping[str, str]) -> None:
        """Deletes the entry: the resource is complete, or certainly was not created."""
        for path in self._paths(entry):
            with contextlib.suppress(OSError):
                delete_private(path)
            self._left[path.name] = None

    def has_news(self, entry: Mapping[str, str]) -> bool:
        """True if another run wrote this entry since this run last read or wrote it, even with the same content."""
        return any(_stamp(path) != self._left.get(path.name) for path in self._paths(entry))

    def find(self, entry: Mapping[str, str], repair: bool = True) -> tuple[bool, str | None]:
        """Returns True if an earlier run left this entry open, and the ID from the response, if there was one.

        A damaged entry is renamed, unless `repair` is False, and a new one opened: the create is still in doubt.
        """
        found = [self._find(entry, path, repair) for path in self._paths(entry)]
        return max(found, key=lambda one: (one[0], one[1] is not None))

    def _find(self, entry: Mapping[str, str], path: Path, repair: bool) -> tuple[bool, str | None]:
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
            if repair:
                self._set_aside(path)
                self.open(entry)
            return True, None
        return True, resource_id

    def open_images(self) -> Iterator[OpenImage]:
        """Yields all readable open creates of images: copies that this machine's runs may have in progress."""
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
        self._listener(WarningMessage(f"The journal entry {path} is damaged; it was renamed to {aside.name}"))

    def _write(self, entry: Mapping[str, str], resource_id: str | None, about: Mapping[str, str] | None) -> None:
        """Writes the entry. With `about` None, what the file says about it is kept. A failure is only a warning."""
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
        """Returns the files that may contain the entry: earlier versions had one entry per format of an export."""
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
    """Returns a value that changes with each write of the file, None if it does not exist."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return -1, -1
    return status.st_ino, status.st_mtime_ns


def export_entry(source: Source) -> dict[str, str]:
    """Returns the identity of an export's start."""
    return entry_of_export(source.account, source.export)


def entry_of_export(owner: AccountRef, export: ExportKey) -> dict[str, str]:
    """Returns the same from an account and a key, without the image."""
    return {
        "kind": "export",
        "account": owner.account_id,
        "region": owner.region,
        "image": export.image_id,
        "bucket": export.bucket,
        "prefix": export.prefix,
    }


def image_entry(request: CopyRequest, target: Target) -> dict[str, str]:
    """Returns the identity of a copy's creation: its marker, the target account and its name."""
    return {
        "kind": "image",
        "account": target.account.account_id,
        "region": target.account.region,
        "name": target.name,
        "marker": request.marker,
    }


def about_image(request: CopyRequest, target: Target) -> dict[str, str]:
    """Returns what a clean-up needs to know about the copy and its export; empty without a source image.

    Contains no secret and no URL.
    """
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
