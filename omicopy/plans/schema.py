"""The keys of a plan file as pydantic models, which also give the JSON Schema for editors.

All values arrive as text (see `yaml_reader.py`). A model checks one entry; `model.py` checks what involves several.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, SkipJsonSchema
from pydantic_core import ErrorDetails, core_schema

from omicopy.model.choices import DiskFormat, IfExists
from omicopy.plans.values import (
    AccountId,
    Age,
    BootModes,
    Bucket,
    Count,
    Flag,
    ImageId,
    JobName,
    Line,
    Prefix,
    Regex,
    Span,
    Tags,
    Template,
    Text,
    Validity,
    Version,
    invalid,
    own_tags,
)
from omicopy.plans.yaml_reader import Path, PlanDocument, Problem

_WORDS = {"list_type": "must be a list", "dict_type": "must contain keys with values", "too_short": "is empty"}
Unset = SkipJsonSchema[None]
"""The default of a key that may be left out, which nobody can write."""


def _unset(description: str, **settings: Any) -> Any:
    return Field(default=None, description=description, **settings)


class Cleanup(StrEnum):
    """Whether the exported objects are deleted."""

    NEVER = "never"
    ON_SUCCESS = "on-success"


class _PlanModel(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class SelectorEntry(_PlanModel):
    """Selects images. All given keys must match."""

    model_config = ConfigDict(
        title="Images",
        json_schema_extra={"anyOf": [{"required": [key]} for key in ("id", "name", "name_regex", "tags")]},
    )

    id: ImageId | Unset = _unset("An image by its ID, in any state.")
    name: Text | Unset = _unset("The exact name. If several images have it, add `latest`.")
    name_regex: Regex | Unset = _unset(
        "A regular expression (Python's), searched anywhere in the name; ^ and $ match its ends."
    )
    tags: Annotated[Tags, Field(min_length=1)] | Unset = _unset("Tags that the image has, with exactly these values.")
    latest: Count | Unset = _unset("Only this many of the matching images, the newest by creation date.")

    @model_validator(mode="after")
    def _says_which(self) -> SelectorEntry:
        if not self.model_fields_set - {"latest"}:
            raise invalid("selects no images", "Give at least one of id, name, name_regex, tags.")
        return self


class TargetEntry(_PlanModel):
    """A target account, and the settings of the copies there."""

    model_config = ConfigDict(title="Target")

    profile: Text = Field(description="The target account: NAME, NAME@REGION or env:PREFIX.")
    name: Template = Field(default="{name}", description="The copy's name; fields: {name} {date} {region} {image_id}.")
    description: Line | Unset = _unset("The copy's description; default: the source's.")
    share_with: list[AccountId] = Field(
        default=[], description="IDs of the accounts that may launch the copy, in quotes."
    )
    tags: Annotated[Tags, AfterValidator(own_tags)] = Field(default={}, description="Tags in addition to the source's.")
    copy_tags: Flag = Field(default=True, description="Copy the source's tags.")
    boot_modes: BootModes | Unset = _unset("The copy's boot modes; default: the job's.")
    tpm: Flag | Unset = _unset("VMs of the copy must have a TPM; default: the job's setting.")
    best_effort: Flag = Field(default=False, description="A failure of this target doesn't change the exit code.")


class RetentionEntry(_PlanModel):
    """What `omicopy prune` keeps: of a job's copies in each target, and of its exports. Either key keeps a copy."""

    model_config = ConfigDict(title="Retention", json_schema_extra={"minProperties": 1})

    keep_last: Count | Unset = _unset("Keep this many, the newest by the source's creation date.")
    keep_within: Age | Unset = _unset("Keep those whose source was created within this time, in days and hours: 30d.")

    @model_validator(mode="after")
    def _keeps_something(self) -> RetentionEntry:
        if not self.model_fields_set:
            raise invalid("keeps nothing", "Give keep_last, keep_within or both.")
        return self


class DefaultsEntry(_PlanModel):
    """Settings of every job that doesn't set them itself."""

    model_config = ConfigDict(title="Defaults")

    source: Text | Unset = _unset("The source account: NAME, NAME@REGION or env:PREFIX.", alias="from")
    storage: Text | Unset = _unset(
        "Whose key opens the source's object storage: PROFILE, aws:NAME or none; default: its own."
    )
    bucket: Bucket | Unset = _unset("The source account's bucket for exports.")
    prefix: Prefix = Field(default="", description="The folder in the bucket.")
    format: DiskFormat | Unset = _unset("Disk format of the export; default: that of an existing export, else qcow2.")
    create_bucket: Flag = Field(
        default=False, description="Export even if the bucket doesn't exist; the service then creates it."
    )
    if_exists: IfExists = Field(
        default=IfExists.FAIL, description="What to do if another image in the target has the name."
    )
    boot_modes: BootModes | Unset = _unset("The copies' boot modes; default: the source's.")
    tpm: Flag | Unset = _unset("VMs of the copies must have a TPM; default: the source's setting.")
    cleanup: Cleanup = Field(
        default=Cleanup.NEVER,
        description="When to delete the exported objects: on-success means when every copy is complete.",
    )
    retention: RetentionEntry | Unset = _unset("What `omicopy prune` keeps; default: everything.")
    export_timeout: Span = Field(
        default=timedelta(hours=12), description="How long an export may take.", json_schema_extra={"default": "12h"}
    )
    import_timeout: Span = Field(
        default=timedelta(hours=6), description="How long an import may take.", json_schema_extra={"default": "6h"}
    )
    min_validity: Validity | Unset = _unset(
        "How long every URL must still be valid when the import begins; default: the import timeout."
    )
    parallel: Count = Field(default=4, description="How many exports and imports of an account may run at once.")


class JobEntry(DefaultsEntry):
    """Images of one account and their targets. It may contain any key of `defaults`, with precedence."""

    model_config = ConfigDict(title="Job")

    name: JobName = Field(description="The job's name; unique in the plan.")
    images: list[SelectorEntry] = Field(min_length=1, description="The images: all that any entry matches.")
    to: list[TargetEntry] = Field(min_length=1, description="The targets; one export serves them all.")


class PlanEntry(_PlanModel):
    """Which images should be in which accounts."""

    model_config = ConfigDict(title="A plan of omicopy run")

    version: Version = Field(description="The version of this format.")
    defaults: DefaultsEntry = Field(default_factory=DefaultsEntry, description="Defaults for every job.")
    jobs: list[JobEntry] = Field(min_length=1, description="The jobs; one run does them all.")


def read_plan_file(document: PlanDocument) -> PlanEntry:
    """The checked entries. Raises OmicopyError(USAGE)."""
    try:
        return PlanEntry.model_validate(document.value)
    except ValidationError as error:
        found = [each for each in error.errors(include_url=False) if each["type"] != "none_required"]
        document.require_no_problems(_problem(each, document.value) for each in found)
        raise


def allowed_keys(path: Path) -> list[str]:
    """The keys allowed in the mapping at `path`, in the order of the models."""
    model: Any = PlanEntry
    for step in path:
        if isinstance(step, str):
            fields = {info.alias or name: info for name, info in model.model_fields.items()}
            model = _model_in(fields[step].annotation)
    return [info.alias or name for name, info in model.model_fields.items()]


def _model_in(annotation: Any) -> Any:
    """The model that a field contains: directly, in a list, or as an alternative to None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)


def _problem(error: ErrorDetails, document: object) -> Problem:
    path, kind, context = _place(error["loc"], document), error["type"], error.get("ctx", {})
    if kind == "missing":
        return Problem(path, f"{error['loc'][-1]} is missing", _allowed(path))
    if kind == "extra_forbidden":
        return Problem(path, "unknown key", _allowed(path[:-1]))
    if kind == "model_type":
        return Problem(path, "must contain keys with values", _allowed(path))
    if kind == "enum":
        return Problem(path, f"must be {context['expected']}")
    return Problem(path, context.get("what") or _WORDS.get(kind, "can't be read"), context.get("hint", ""))


def _place(location: Iterable[str | int], value: Any) -> Path:
    """The path in the document. pydantic's location also contains the types that it tried."""
    path: list[str | int] = []
    for step in location:
        is_there = isinstance(value, dict) and step in value
        if is_there or (isinstance(value, list) and isinstance(step, int)):
            path.append(step)
            value = value[step]
    return tuple(path)


def _allowed(path: Path) -> str:
    return f"Allowed keys: {', '.join(allowed_keys(path))}."


class _ForEditors(GenerateJsonSchema):
    """Omits the default None, which stands for a missing key and can't be written."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def plan_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a plan as a user writes it."""
    schema = PlanEntry.model_json_schema(by_alias=True, schema_generator=_ForEditors)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}
