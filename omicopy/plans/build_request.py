"""Builds complete requests from the options of a command line or a plan. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.model.boot import Boot
from omicopy.model.choices import DiskFormat, IfExists
from omicopy.model.export import export_key
from omicopy.model.image import Image, check_image_name, check_name_template, render_name
from omicopy.model.image_settings import ImageSettings
from omicopy.model.request import AccountRef, Budgets, CopyRequest, SharedManifest, Source, Target
from omicopy.model.s3_location import check_bucket, check_prefix
from omicopy.model.text import check_description

_Choice = TypeVar("_Choice", bound=StrEnum)


def _member(choices: type[_Choice], argument: str, value: str) -> _Choice:
    """The member for a text, too: decisions compare with `is`. Raises USAGE for a value that is not in the list."""
    known = [choice.value for choice in choices]
    if value not in known:
        raise OmicopyError(ErrorCode.USAGE, f"{argument}: {value!r} is not known", f"Use {' or '.join(known)}.")
    return choices(value)


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Where images are exported to, and how. Raises USAGE for a bucket, a prefix or a format that can't be one."""

    bucket: str
    prefix: str = ""
    disk_format: DiskFormat | None = None
    re_export: bool = False
    create_bucket: bool = False

    def __post_init__(self) -> None:
        with named("bucket"):
            check_bucket(self.bucket)
        with named("prefix"):
            check_prefix(self.prefix)
        if self.disk_format is not None:
            object.__setattr__(self, "disk_format", _member(DiskFormat, "disk_format", self.disk_format))


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """What an image is to be in a target account. Raises USAGE for a description or an `if_exists` that can't be one.

    `name` None and `description` None keep the source's. The name of a copy is a template, that of an import is not.
    """

    name: str | None = None
    description: str | None = None
    if_exists: IfExists = IfExists.FAIL
    settings: ImageSettings = field(default_factory=ImageSettings)
    boot: Boot = field(default_factory=Boot)

    def __post_init__(self) -> None:
        object.__setattr__(self, "if_exists", _member(IfExists, "if_exists", self.if_exists))
        if self.description is not None:
            with named("description"):
                object.__setattr__(self, "description", check_description(self.description))

    def target(self, account: AccountRef, name: str, description: str) -> Target:
        """The target in that account; `description` is the source's."""
        text = description if self.description is None else self.description
        return Target(account, name, text, self.if_exists, self.settings, self.boot)


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """What copies are asked for. Raises USAGE for a name that is no template."""

    export: ExportOptions
    target: TargetOptions = field(default_factory=TargetOptions)
    min_validity: timedelta = timedelta(hours=6)
    cleanup: bool = False
    budgets: Budgets | None = None
    parallel: int | None = None
    job: str | None = None
    best_effort: bool = False

    def __post_init__(self) -> None:
        check_name_template(self.template)

    @property
    def template(self) -> str:
        return "{name}" if self.target.name is None else self.target.name


def export_request(account: AccountRef, image: Image, options: ExportOptions) -> CopyRequest:
    """Returns the request to export an image of that account."""
    source = _source(account, image, options)
    return CopyRequest(source, None, timedelta(0), options.re_export, create_bucket=options.create_bucket)


def copy_request(source: AccountRef, image: Image, target: AccountRef, options: CopyOptions) -> CopyRequest:
    """Returns the request to copy an image of `source` to `target`. Raises USAGE where the template makes no name."""
    name = render_name(options.template, image, source.region)
    return CopyRequest(
        _source(source, image, options.export),
        options.target.target(target, name, image.description),
        options.min_validity,
        options.export.re_export,
        options.budgets,
        options.parallel,
        options.export.create_bucket,
        options.cleanup,
        options.job,
        options.best_effort,
    )


def import_request(
    shared: SharedManifest, account: AccountRef, options: TargetOptions, min_validity: timedelta
) -> CopyRequest:
    """Returns the request to import a manifest. Raises USAGE where neither the options nor it have a valid name."""
    manifest = shared.manifest
    name = check_image_name(manifest.name or "" if options.name is None else options.name)
    return CopyRequest(shared, options.target(account, name, manifest.description or ""), min_validity)


def _source(account: AccountRef, image: Image, options: ExportOptions) -> Source:
    key = export_key(image.image_id, options.bucket, options.prefix)
    return Source(account, image, key, options.disk_format)
