"""One requested copy, export or import: complete and checked before the loop sees it."""

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
    """One side of a copy: a profile, with the account and Region that it belongs to."""

    profile: str
    account_id: str
    region: str
    storage: str | None = None
    """The profile whose key is used for object storage, if not the account's own (`--storage`)."""

    def __str__(self) -> str:
        return f"{self.profile} (account {self.account_id}, {self.region})"

    def to_json(self) -> dict[str, str]:
        """The account as in the JSON output."""
        return {"profile": self.profile, "account_id": self.account_id, "region": self.region}

    @property
    def with_key(self) -> str:
        """For messages about what can't be seen: names the storage key if it is not the profile's own."""
        return f" with the key of {self.storage}" if self.storage else ""


@dataclass(frozen=True, slots=True)
class Source:
    """An image in the source account, and where its export goes."""

    account: AccountRef
    image: Image
    export: ExportKey
    format: DiskFormat | None = None
    """The requested disk format. None: any existing export serves, and a new one uses the default."""


@dataclass(frozen=True, slots=True)
class SharedManifest:
    """A manifest that someone else exported and shared as a URL."""

    url: PresignedUrl
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Target:
    """The image to create, and the account to create it in."""

    account: AccountRef
    name: str
    description: str
    if_exists: IfExists = IfExists.FAIL
    settings: ImageSettings = field(default_factory=ImageSettings)
    boot: Boot = field(default_factory=Boot)
    """What the user asked for; the source's settings apply to the rest."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """Time limits and intervals. All are durations (R5). When one runs out, nothing is lost."""

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
            raise OmicopyError(ErrorCode.USAGE, "The poll interval must be more than 0", "Try 5s.")


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """A copy (a Source and a `target`), an export (no `target`) or an import (a SharedManifest)."""

    source: Source | SharedManifest
    target: Target | None
    min_validity: timedelta
    """How long every URL must still be valid when the import begins."""
    re_export: bool = False
    """Start a new export even if a completed one is listed whose manifest is gone."""
    budgets: Budgets | None = None
    """The request's own, if they differ from those of the run."""
    parallel: int | None = None
    """How many exports and imports of its accounts may run at once."""
    create_bucket: bool = False
    """Export even if the bucket doesn't exist; the service then creates it."""
    cleanup: bool = False
    """Delete the exported objects when all copies made from them are complete."""
    job: str | None = None
    """The job of the plan that asks for it."""
    best_effort: bool = False
    """True if its failure doesn't change the exit code."""
    marker: str = field(init=False, compare=False)
    """What the copy's description says about its source. It decides which image is the same copy (DESIGN §1)."""
    name_suffix: str = field(init=False, compare=False)
    """The end of the name of a renamed copy."""
    names: tuple[str, ...] = field(init=False, compare=False)
    """The names that the copy may have: the requested one, or the renamed one. Empty for an export."""

    def __post_init__(self) -> None:
        """Computes once what every tick compares."""
        if isinstance(self.source, Source):
            name_suffix = self.source.image.image_id
            marker = source_marker(self.source.account.region, name_suffix)
        else:
            fingerprint = self.source.manifest.fingerprint()
            name_suffix, marker = fingerprint[:12], manifest_marker(fingerprint)
        name = self.target.name if self.target else None
        object.__setattr__(self, "marker", marker)
        object.__setattr__(self, "name_suffix", name_suffix)
        object.__setattr__(self, "names", (name, renamed(name, name_suffix)) if name else ())

    def own_images(self, images: Sequence[Image]) -> list[Image]:
        """The target account's own images with one of the copy's names, the most useful first."""
        if not images:
            return []
        account_id = self.target.account.account_id if self.target else None
        own = [image for image in images if image.account_id == account_id and image.name in self.names]
        return sorted(own, key=lambda image: (not image.is_available, image.is_failed, image.image_id))

    @property
    def source_boot(self) -> Boot:
        """The settings of the source image. A manifest doesn't contain them."""
        return self.source.image.boot if isinstance(self.source, Source) else Boot()

    @property
    def label(self) -> str:
        """The copy's name in messages."""
        if isinstance(self.source, Source):
            return self.source.image.name or self.source.image.image_id
        return self.target.name if self.target else "manifest"


@dataclass(frozen=True, slots=True)
class RejectedCopy:
    """A copy of a plan that can't be requested, and why.

    It may stand for several: all copies of an entry that matches no image, or of a job whose account can't be read.
    """

    job: str
    source: AccountRef
    """`account_id` is empty if unknown, here and in `target_account`."""
    error: OmicopyError
    image: Image | None = None
    target_account: AccountRef | None = None
    name: str | None = None
    best_effort: bool = False
    is_whole_job: bool = False
    """True if all copies of the job are rejected, whatever their images."""

    @property
    def target(self) -> Target | None:
        return Target(self.target_account, self.name or "", "") if self.target_account else None

    @property
    def label(self) -> str:
        """Its name in messages."""
        image = f"{self.image.name or self.image.image_id}" if self.image else f"job {self.job}"
        return f"{image} to {self.target_account.profile}" if self.target_account else image


def check_accounts(source: AccountRef, target: AccountRef) -> None:
    """Raises USAGE if both sides are the same account in the same Region."""
    if (source.account_id, source.region) == (target.account_id, target.region):
        message = f"{source.profile} and {target.profile} are the same account {source.account_id} in {source.region}"
        hint = "Name another account with --to. Within one account, CreateImage copies an image without an export."
        raise OmicopyError(ErrorCode.USAGE, message, hint)


def check_distinct(targets: Iterable[AccountRef], hint: str) -> None:
    """Raises USAGE, with this hint, when two targets are one account in one Region: each would make the copy."""
    seen: dict[tuple[str, str], AccountRef] = {}
    for target in targets:
        other = seen.setdefault((target.account_id, target.region), target)
        if other is not target:
            raise OmicopyError(ErrorCode.USAGE, f"{other} and {target.profile} are the same target", hint)
