"""Tags on images, snapshots and export tasks: CreateTags, DeleteTags, ReadTags."""

from __future__ import annotations

from dataclasses import dataclass, replace

from omicopy.sandbox.api.actions.call import Answer, ApiCall, Request
from omicopy.sandbox.api.actions.lists import Filter, one_of, read_page
from omicopy.sandbox.api.errors import ApiError, ApiErrorKind
from omicopy.sandbox.model.region_state import ImageExportTask, Omi, RegionState, Snapshot, Tags, VersionedTable

LONGEST = 255
Resource = Omi | Snapshot | ImageExportTask


@dataclass(frozen=True, slots=True)
class ResourceTag:
    """One tag of one resource, as ReadTags lists it."""

    resource_id: str
    resource_type: str
    key: str
    value: str


def create_tags(call: ApiCall, request: Request) -> Answer:
    """Adds or replaces tags. Raises ApiError, and changes nothing, if one of the resources does not exist."""
    for tag in request["Tags"]:
        if not 1 <= len(tag["Key"]) <= LONGEST:
            raise ApiError(ApiErrorKind.BAD_TAG_KEY, f"A key has between 1 and {LONGEST} characters.")
        if tag["Key"] in call.settings.refused_tag_keys:
            raise ApiError(ApiErrorKind.BAD_TAG_KEY, f"The key '{tag['Key']}' is reserved.")
        if len(tag["Value"]) > LONGEST:
            raise ApiError(ApiErrorKind.BAD_TAG_VALUE, f"A value has at most {LONGEST} characters.")
    added = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
    with call.region.lock:
        for resource_id in _all_owned(call, request):
            _set_tags(call.region, resource_id, tuple((dict(_tags(call.region, resource_id)) | added).items()))
    return {}


def delete_tags(call: ApiCall, request: Request) -> Answer:
    """Removes tags with those keys; if a value is given, only tags with that value."""
    removed = {(tag["Key"], tag["Value"]) for tag in request["Tags"]}
    any_value = {key for key, value in removed if value == ""}
    with call.region.lock:
        for resource_id in _all_owned(call, request):
            tags = _tags(call.region, resource_id)
            kept = tuple(tag for tag in tags if tag not in removed and tag[0] not in any_value)
            _set_tags(call.region, resource_id, kept)
    return {}


def read_tags(call: ApiCall, request: Request) -> Answer:
    """Returns the tags of all resources of the caller."""
    filters: dict[str, Filter[ResourceTag]] = {
        "Keys": one_of(lambda tag: tag.key),
        "Values": one_of(lambda tag: tag.value),
        "ResourceIds": one_of(lambda tag: tag.resource_id),
        "ResourceTypes": one_of(lambda tag: tag.resource_type),
    }
    shown, rest = read_page(call, request, _listed(call), filters, str)
    return {"Tags": [_shape(tag) for tag in shown], **rest}


def _listed(call: ApiCall) -> list[ResourceTag]:
    own, moment, region = call.account.account_id, call.moment, call.region
    resources: tuple[tuple[str, str, Resource], ...] = (
        *((image.image_id, "image", image) for image in region.images.all(moment)),
        *((snapshot.snapshot_id, "snapshot", snapshot) for snapshot in region.snapshots.all(moment)),
        *((task.task_id, "task", task) for task in region.tasks.all(moment)),
    )
    return [
        ResourceTag(resource_id, kind, key, value)
        for resource_id, kind, resource in resources
        if resource.account_id == own
        for key, value in resource.tags
    ]


def _shape(tag: ResourceTag) -> dict[str, str]:
    shape = {"ResourceId": tag.resource_id, "ResourceType": tag.resource_type}
    return shape | {"Key": tag.key, "Value": tag.value}


def _table(
    region: RegionState, resource_id: str
) -> VersionedTable[Omi] | VersionedTable[Snapshot] | VersionedTable[ImageExportTask]:
    if resource_id.startswith("ami-"):
        return region.images
    return region.snapshots if resource_id.startswith("snap-") else region.tasks


def _all_owned(call: ApiCall, request: Request) -> list[str]:
    for resource_id in request["ResourceIds"]:
        resource = _table(call.region, resource_id).get(resource_id)
        if resource is None or resource.account_id != call.account.account_id:
            raise ApiError(ApiErrorKind.NO_SUCH_RESOURCE, f"The ResourceId '{resource_id}' doesn't exist.")
    return list(request["ResourceIds"])


def _tags(region: RegionState, resource_id: str) -> Tags:
    resource = _table(region, resource_id).get(resource_id)
    return resource.tags if resource else ()


def _set_tags(region: RegionState, resource_id: str, tags: Tags) -> None:
    table = _table(region, resource_id)
    resource = table.get(resource_id)
    if resource is not None:
        table.put(resource_id, replace(resource, tags=tags))  # type: ignore[arg-type]
