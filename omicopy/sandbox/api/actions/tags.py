"""Tags on images, snapshots and export tasks: CreateTags, DeleteTags, ReadTags."""

from __future__ import annotations

from dataclasses import dataclass, replace

from omicopy.sandbox.api.actions.call import Action, Answer, ApiCall, Request
from omicopy.sandbox.api.actions.lists import Filter, arrange, one_of, page, select
from omicopy.sandbox.api.errors import ApiError, ApiErrorKind
from omicopy.sandbox.model.region_state import ImageExportTask, Omi, RegionState, Snapshot, Tags, VersionedTable

LONGEST = 255


@dataclass(frozen=True, slots=True)
class ResourceTag:
    """One tag of one thing, as ReadTags lists it."""

    resource_id: str
    resource_type: str
    key: str
    value: str


def create_tags(call: ApiCall, request: Request) -> Answer:
    """Adds tags; a key that is there already gets the new value. All things must exist, or nothing happens."""
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
            _retag(call.region, resource_id, tuple((dict(_tags(call.region, resource_id)) | added).items()))
    return {}


def delete_tags(call: ApiCall, request: Request) -> Answer:
    """Removes tags of those keys; where a value is given, only if it is exactly that."""
    removed = {(tag["Key"], tag["Value"]) for tag in request["Tags"]}
    whatever = {key for key, value in removed if value == ""}
    with call.region.lock:
        for resource_id in _all_owned(call, request):
            tags = _tags(call.region, resource_id)
            kept = tuple(tag for tag in tags if tag not in removed and tag[0] not in whatever)
            _retag(call.region, resource_id, kept)
    return {}


def read_tags(call: ApiCall, request: Request) -> Answer:
    """The tags of everything that the caller owns."""
    filters: dict[str, Filter[ResourceTag]] = {
        "Keys": one_of(lambda tag: tag.key),
        "Values": one_of(lambda tag: tag.value),
        "ResourceIds": one_of(lambda tag: tag.resource_id),
        "ResourceTypes": one_of(lambda tag: tag.resource_type),
    }
    found = arrange(select(_listed(call), request, filters), call.settings.behaviour.order, lambda tag: str(tag))
    shown, rest = page(found, request)
    return {"Tags": [_shape(tag) for tag in shown], **rest}


def _listed(call: ApiCall) -> list[ResourceTag]:
    own, moment, region = call.account.account_id, call.moment, call.region
    images = [(image.image_id, "image", image.account_id, image.tags) for image in region.images.all(moment)]
    snapshots = [(one.snapshot_id, "snapshot", one.account_id, one.tags) for one in region.snapshots.all(moment)]
    tasks = [(task.task_id, "task", task.account_id, task.tags) for task in region.tasks.all(moment)]
    things = images + snapshots + tasks
    return [
        ResourceTag(id_, kind, key, value) for id_, kind, owner, tags in things if owner == own for key, value in tags
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
        thing = _table(call.region, resource_id).get(resource_id)
        if thing is None or thing.account_id != call.account.account_id:
            raise ApiError(ApiErrorKind.NO_SUCH_RESOURCE, f"The ResourceId '{resource_id}' doesn't exist.")
    return list(request["ResourceIds"])


def _tags(region: RegionState, resource_id: str) -> Tags:
    thing = _table(region, resource_id).get(resource_id)
    return thing.tags if thing else ()


def _retag(region: RegionState, resource_id: str, tags: Tags) -> None:
    table = _table(region, resource_id)
    thing = table.get(resource_id)
    if thing is not None:
        table.put(resource_id, replace(thing, tags=tags))  # type: ignore[arg-type]


ACTIONS: dict[str, Action] = {"CreateTags": create_tags, "DeleteTags": delete_tags, "ReadTags": read_tags}
