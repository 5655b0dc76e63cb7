"""What may stand in a plan, key by key: the forms that are checked, and that the JSON Schema for editors is made from.

All values arrive as text (see `plan_yaml.py`). Forms are about one entry; what spans several is for `plan.py`.
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

_WORDS = {
    "list_type": "takes a list",
    "dict_type": "takes keys with values",
    "too_short": "is empty",
}


class Cleanup(StrEnum):
    """Whether the exported objects are deleted."""

    NEVER = "never"
    ON_SUCCESS = "on-success"


class _PlanModel(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class SelectorEntry(_PlanModel):
    """Which images are meant. Of the keys that are given all must hold."""

    model_config = ConfigDict(
        title="Images",
        json_schema_extra={"anyOf": [{"required": [key]} for key in ("id", "name", "name_regex", "tags")]},
    )

    id: ImageId | SkipJsonSchema[None] = Field(default=None, description="An image by its ID, whatever state it is in.")
    name: Text | SkipJsonSchema[None] = Field(
        default=None, description="The exact name. Two images of it need `latest`."
    )
    name_regex: Regex | SkipJsonSchema[None] = Field(
        default=None, description="A regular expression (Python's), found anywhere in the name: ^ and $ hold its ends."
    )
    tags: Annotated[Tags, Field(min_length=1)] | SkipJsonSchema[None] = Field(
        default=None, description="Tags that the image bears, with exactly these values."
    )
    latest: Count | SkipJsonSchema[None] = Field(
        default=None, description="Of those that fit, only so many with the latest creation dates."
    )

    @model_validator(mode="after")
    def _says_which(self) -> SelectorEntry:
        if not self.model_fields_set - {"latest"}:
            raise invalid("does not say which images", "Give at least one of id, name, name_regex, tags.")
        return self


class TargetEntry(_PlanModel):
    """Where the images go, and what their copies get there."""

    model_config = ConfigDict(title="Target")

    profile: Text = Field(description="The target account: NAME, NAME@REGION or env:PREFIX.")
    name: Template = Field(
        default="{name}", description="What a copy is called; fields: {name} {date} {region} {image_id}."
    )
    description: Line | SkipJsonSchema[None] = Field(
        default=None, description="The copy's description; else the source's own."
    )
    share_with: list[AccountId] = Field(
        default=[], description="IDs of the accounts that may launch the copy, in quotes."
    )
    tags: Annotated[Tags, AfterValidator(own_tags)] = Field(default={}, description="Tags beside the source's own.")
    copy_tags: Flag = Field(default=True, description="Whether the source's own tags go along.")
    boot_modes: BootModes | SkipJsonSchema[None] = Field(
        default=None, description="The copy's boot modes; else as the job says."
    )
    tpm: Flag | SkipJsonSchema[None] = Field(
        default=None, description="Whether VMs of the copy must have a TPM; else as the job says."
    )
    best_effort: Flag = Field(default=False, description="Whether its failure leaves the exit code as it is.")


class RetentionEntry(_PlanModel):
    """What `omicopy prune` keeps of a job's copies in each target and of its exports; what either key keeps is kept."""

    model_config = ConfigDict(title="Retention", json_schema_extra={"minProperties": 1})

    keep_last: Count | SkipJsonSchema[None] = Field(
        default=None, description="So many, the latest by the source's creation date."
    )
    keep_within: Age | SkipJsonSchema[None] = Field(
        default=None, description="Those whose source was created within this time, in days and hours: 30d."
    )

    @model_validator(mode="after")
    def _keeps_something(self) -> RetentionEntry:
        if not self.model_fields_set:
            raise invalid("keeps nothing", "Give keep_last, keep_within or both.")
        return self


class DefaultsEntry(_PlanModel):
    """What holds for every job that does not say otherwise."""

    model_config = ConfigDict(title="Defaults")

    source: Text | SkipJsonSchema[None] = Field(
        default=None, alias="from", description="The source account: NAME, NAME@REGION or env:PREFIX."
    )
    storage: Text | SkipJsonSchema[None] = Field(
        default=None,
        description="Whose key opens the source's object storage, else its own: PROFILE, aws:NAME, or none.",
    )
    bucket: Bucket | SkipJsonSchema[None] = Field(default=None, description="The source account's bucket for exports.")
    prefix: Prefix = Field(default="", description="Where in the bucket.")
    format: DiskFormat | SkipJsonSchema[None] = Field(
        default=None, description="The format of the exported disks; else that of an export that is there, else qcow2."
    )
    create_bucket: Flag = Field(
        default=False, description="Whether to export also to a bucket that is not there: the service makes it."
    )
    if_exists: IfExists = Field(
        default=IfExists.FAIL, description="What to do when another image holds the name in a target."
    )
    boot_modes: BootModes | SkipJsonSchema[None] = Field(
        default=None, description="The copies' boot modes; else the source's own."
    )
    tpm: Flag | SkipJsonSchema[None] = Field(
        default=None, description="Whether VMs of the copies must have a TPM; else as of the source."
    )
    cleanup: Cleanup = Field(
        default=Cleanup.NEVER, description="Whether to delete the exported objects once every copy is there."
    )
    retention: RetentionEntry | SkipJsonSchema[None] = Field(
        default=None, description="What `omicopy prune` keeps; else all."
    )
    export_timeout: Span = Field(
        default=timedelta(hours=12), description="How long an export may take.", json_schema_extra={"default": "12h"}
    )
    import_timeout: Span = Field(
        default=timedelta(hours=6), description="How long an import may take.", json_schema_extra={"default": "6h"}
    )
    min_validity: Validity | SkipJsonSchema[None] = Field(
        default=None, description="For how long every URL must still work; else the import timeout."
    )
    parallel: Count = Field(
        default=4, description="How many exports and imports of an account may be under way at once."
    )


class JobEntry(DefaultsEntry):
    """Some images of one account, and where they should be. Any key of `defaults` may stand here too, and wins."""

    model_config = ConfigDict(title="Job")

    name: JobName = Field(description="What the job is called; unique in the plan.")
    images: list[SelectorEntry] = Field(min_length=1, description="Which images; what the entries find adds up.")
    to: list[TargetEntry] = Field(min_length=1, description="The targets; one export feeds them all.")


class PlanEntry(_PlanModel):
    """What should be where."""

    model_config = ConfigDict(title="A plan of omicopy run")

    version: Version = Field(description="The version of this format.")
    defaults: DefaultsEntry = Field(default_factory=DefaultsEntry, description="What holds for every job.")
    jobs: list[JobEntry] = Field(min_length=1, description="All of them run in one go.")


def read_plan_file(document: PlanDocument) -> PlanEntry:
    """The checked entries. Raises OmicopyError(USAGE)."""
    try:
        return PlanEntry.model_validate(document.value)
    except ValidationError as error:
        found = [each for each in error.errors(include_url=False) if each["type"] != "none_required"]
        document.demand(_problem(each, document.value) for each in found)
        raise


def allowed_keys(path: Path) -> list[str]:
    """What may stand in the mapping at this place, in the order of the models."""
    model: Any = PlanEntry
    for step in path:
        if isinstance(step, str):
            fields = {info.alias or name: info for name, info in model.model_fields.items()}
            model = _model_in(fields[step].annotation)
    return [info.alias or name for name, info in model.model_fields.items()]


def _model_in(annotation: Any) -> Any:
    """The model that a field holds, alone, in a list or beside None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)


def _problem(error: ErrorDetails, document: object) -> Problem:
    path, kind, context = _place(error["loc"], document), error["type"], error.get("ctx", {})
    if kind == "missing":
        return Problem(path, f"{error['loc'][-1]} is missing", _allowed(path))
    if kind == "extra_forbidden":
        return Problem(path, "no such key", _allowed(path[:-1]))
    if kind == "model_type":
        return Problem(path, "takes keys with values", _allowed(path))
    if kind == "enum":
        return Problem(path, f"must be {context['expected']}")
    return Problem(path, context.get("what") or _WORDS.get(kind, "can't be read"), context.get("hint", ""))


def _place(location: Iterable[str | int], value: Any) -> Path:
    """Where it is in the document: pydantic also names the forms that it tried on the way."""
    path: list[str | int] = []
    for step in location:
        is_there = isinstance(value, dict) and step in value
        if is_there or (isinstance(value, list) and isinstance(step, int)):
            path.append(step)
            value = value[step]
    return tuple(path)


def _allowed(path: Path) -> str:
    return f"Allowed there: {', '.join(allowed_keys(path))}."


class _ForEditors(GenerateJsonSchema):
    """None stands for a key that is not given: nothing that could be written."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def plan_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a plan as a human writes it."""
    schema = PlanEntry.model_json_schema(by_alias=True, schema_generator=_ForEditors)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}
