"""What the user wants: one copy of one image, or one half of it. Complete and checked before the loop sees it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta

from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.model.boot import Boot
from omicopy.model.choices import DiskFormat, IfExists
from omicopy.model.export import ExportKey
from omicopy.model.image import Image, manifest_marker, renamed, source_marker
from omicopy.model.image_settings import ImageSettings
from omicopy.model.manifest import Manifest
from omicopy.model.units import ANY_DURATION
from omicopy.model.urls.presigned_url import PresignedUrl


@dataclass(frozen=True, slots=True)
class AccountRef:
    """One side of a copy: a profile and the account and Region that it turned out to be."""

    profile: str
    account_id: str
    region: str
    storage: str | None = None
    """Whose key opens its object storage, where that is not the profile's own (`--storage`)."""

    def __str__(self) -> str:
        return f"{self.profile} (account {self.account_id}, {self.region})"

    def to_json(self) -> dict[str, str]:
        """As it stands in JSON."""
        return {"profile": self.profile, "account_id": self.account_id, "region": self.region}

    @property
    def with_key(self) -> str:
        """For a message that says what can't be seen: with whose key, where that is not the profile's own."""
        return f" with the key of {self.storage}" if self.storage else ""


@dataclass(frozen=True, slots=True)
class Source:
    """An image in the source account, and the export that carries it out."""

    account: AccountRef
    image: Image
    export: ExportKey
    format: DiskFormat | None = None
    """The disk format that was asked for. None: any export that is there serves, and a new one is in the default."""


@dataclass(frozen=True, slots=True)
class SharedManifest:
    """A manifest that somebody else exported and handed over as a URL."""

    url: PresignedUrl
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Target:
    account: AccountRef
    name: str
    description: str
    if_exists: IfExists = IfExists.FAIL
    settings: ImageSettings = field(default_factory=ImageSettings)
    boot: Boot = field(default_factory=Boot)
    """What was asked for; else the source's counts."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """How long each thing may take. Budgets are durations (R5); running out of one loses nothing."""

    export: timedelta = timedelta(hours=12)
    import_: timedelta = timedelta(hours=6)
    grace: timedelta = timedelta(seconds=60)
    retry: timedelta = timedelta(minutes=5)
    poll_min: timedelta = timedelta(seconds=5)
    poll_max: timedelta = timedelta(seconds=60)

    def __post_init__(self) -> None:
        for each in fields(self):
            with named(each.name):
                ANY_DURATION.read(getattr(self, each.name))
        if not timedelta(0) < self.poll_min <= self.poll_max:
            raise OmicopyError(ErrorCode.USAGE, "A pause between two looks must be more than 0", "Try 5s.")


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """A copy (an Origin and a `destination`), an export (no `destination`) or an import (a HandedManifest)."""

    source: Source | SharedManifest
    destination: Target | None
    min_validity: timedelta
    """For how long every URL must still work when the import begins."""
    re_export: bool = False
    """Start a new export although a completed one is listed whose manifest is gone."""
    budgets: Budgets | None = None
    """Its own, where they differ from those of the run."""
    parallel: int | None = None
    """How many exports and imports of its accounts may be under way at once."""
    create_bucket: bool = False
    """Export also to a bucket that is not there, which the service then makes."""
    cleanup: bool = False
    """Delete the exported objects once every copy that they feed is there."""
    job: str | None = None
    """The job of a plan that asks for it."""
    best_effort: bool = False
    """Whether its failure leaves the exit code as it is."""
    marker: str = field(init=False, compare=False)
    """What the copy's description says of its source (DESIGN §1: which copy is the same copy)."""
    name_suffix: str = field(init=False, compare=False)
    """What a renamed copy carries at the end of its name."""
    names: tuple[str, ...] = field(init=False, compare=False)
    """What a copy may be called: as asked, or else renamed. An export makes none."""

    def __post_init__(self) -> None:
        """Puts together once what every look compares."""
        if isinstance(self.source, Source):
            name_suffix = self.source.image.image_id
            marker = source_marker(self.source.account.region, name_suffix)
        else:
            fingerprint = self.source.manifest.fingerprint()
            name_suffix, marker = fingerprint[:12], manifest_marker(fingerprint)
        name = self.destination.name if self.destination else None
        object.__setattr__(self, "marker", marker)
        object.__setattr__(self, "name_suffix", name_suffix)
        object.__setattr__(self, "names", (name, renamed(name, name_suffix)) if name else ())

    def own_images(self, images: Sequence[Image]) -> list[Image]:
        """The target account's own images under one of the copy's names, the most useful first."""
        if not images:
            return []
        account_id = self.destination.account.account_id if self.destination else None
        own = [image for image in images if image.account_id == account_id and image.name in self.names]
        return sorted(own, key=lambda image: (not image.is_available, image.is_failed, image.image_id))

    @property
    def source_boot(self) -> Boot:
        """As the source image says; a manifest does not."""
        return self.source.image.boot if isinstance(self.source, Source) else Boot()

    @property
    def label(self) -> str:
        """How messages call this copy."""
        if isinstance(self.source, Source):
            return self.source.image.name or self.source.image.image_id
        return self.destination.name if self.destination else "manifest"


@dataclass(frozen=True, slots=True)
class RejectedCopy:
    """A copy of a plan that can't be asked for, or all those of an entry that finds no image or of a job that can't
    read its account; and why."""

    job: str
    source: AccountRef
    """Its account is the empty text where nobody knows it; so is the target's."""
    error: OmicopyError
    image: Image | None = None
    target: AccountRef | None = None
    name: str | None = None
    best_effort: bool = False
    is_whole_job: bool = False
    """Whether it keeps all the copies of its job from being asked for, whatever their images are."""

    @property
    def destination(self) -> Target | None:
        return Target(self.target, self.name or "", "") if self.target else None

    @property
    def label(self) -> str:
        """How messages call it."""
        image = f"{self.image.name or self.image.image_id}" if self.image else f"job {self.job}"
        return f"{image} to {self.target.profile}" if self.target else image


def check_accounts(source: AccountRef, target: AccountRef) -> None:
    """Raises USAGE when both sides are the same account in the same Region: nothing would be copied across anything."""
    if (source.account_id, source.region) == (target.account_id, target.region):
        raise OmicopyError(
            ErrorCode.USAGE,
            f"{source.profile} and {target.profile} are the same account {source.account_id} in {source.region}",
            "Name another account with --to; within one account an image needs no export: CreateImage copies it.",
        )


def check_distinct(targets: Iterable[AccountRef], hint: str) -> None:
    """Raises USAGE, with this hint, when two targets are one account in one Region: each would make the copy."""
    seen: dict[tuple[str, str], AccountRef] = {}
    for target in targets:
        other = seen.setdefault((target.account_id, target.region), target)
        if other is not target:
            raise OmicopyError(ErrorCode.USAGE, f"{other} and {target.profile} are the same target", hint)
