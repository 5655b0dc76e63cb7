"""Tags on images, snapshots and export tasks: CreateTags, DeleteTags, ReadTags."""

from __future__ import annotations

from dataclasses import dataclass, replace

from omicopy.sandbox.api.actions.call import Action, Answer, Call, Request
from omicopy.sandbox.api.actions.lists import Filter, arrange, one_of, page, select
from omicopy.sandbox.api.errors import ApiError, No
from omicopy.sandbox.model.region_state import ExportTask, Image, Snapshot, Table, Tags, World

LONGEST = 255


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag of one thing, as ReadTags lists it."""

    resource_id: str
    resource_type: str
    key: str
    value: str


def create_tags(call: Call, request: Request) -> Answer:
    """Adds tags; a key that is there already gets the new value. All things must exist, or nothing happens."""
    for tag in request["Tags"]:
        if not 1 <= len(tag["Key"]) <= LONGEST:
            raise ApiError(No.BAD_TAG_KEY, f"A key has between 1 and {LONGEST} characters.")
        if tag["Key"] in call.settings.refused_tag_keys:
            raise ApiError(No.BAD_TAG_KEY, f"The key '{tag['Key']}' is reserved.")
        if len(tag["Value"]) > LONGEST:
            raise ApiError(No.BAD_TAG_VALUE, f"A value has at most {LONGEST} characters.")
    added = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
    with call.world.lock:
        for resource_id in _all_owned(call, request):
            _retag(call.world, resource_id, tuple((dict(_tags(call.world, resource_id)) | added).items()))
    return {}


def delete_tags(call: Call, request: Request) -> Answer:
    """Removes tags of those keys; where a value is given, only if it is exactly that."""
    removed = {(tag["Key"], tag["Value"]) for tag in request["Tags"]}
    whatever = {key for key, value in removed if value == ""}
    with call.world.lock:
        for resource_id in _all_owned(call, request):
            tags = _tags(call.world, resource_id)
            kept = tuple(tag for tag in tags if tag not in removed and tag[0] not in whatever)
            _retag(call.world, resource_id, kept)
    return {}


def read_tags(call: Call, request: Request) -> Answer:
    """The tags of everything that the caller owns."""
    filters: dict[str, Filter[Tag]] = {
        "Keys": one_of(lambda tag: tag.key),
        "Values": one_of(lambda tag: tag.value),
        "ResourceIds": one_of(lambda tag: tag.resource_id),
        "ResourceTypes": one_of(lambda tag: tag.resource_type),
    }
    found = arrange(select(_listed(call), request, filters), call.settings.variant.order, lambda tag: str(tag))
    shown, rest = page(found, request)
    return {"Tags": [_shape(tag) for tag in shown], **rest}


def _listed(call: Call) -> list[Tag]:
    own, moment, world = call.account.account_id, call.moment, call.world
    images = [(image.image_id, "image", image.account_id, image.tags) for image in world.images.all(moment)]
    snapshots = [(one.snapshot_id, "snapshot", one.account_id, one.tags) for one in world.snapshots.all(moment)]
    tasks = [(task.task_id, "task", task.account_id, task.tags) for task in world.tasks.all(moment)]
    things = images + snapshots + tasks
    return [Tag(id_, kind, key, value) for id_, kind, owner, tags in things if owner == own for key, value in tags]


def _shape(tag: Tag) -> dict[str, str]:
    shape = {"ResourceId": tag.resource_id, "ResourceType": tag.resource_type}
    return shape | {"Key": tag.key, "Value": tag.value}


def _table(world: World, resource_id: str) -> Table[Image] | Table[Snapshot] | Table[ExportTask]:
    if resource_id.startswith("ami-"):
        return world.images
    return world.snapshots if resource_id.startswith("snap-") else world.tasks


def _all_owned(call: Call, request: Request) -> list[str]:
    for resource_id in request["ResourceIds"]:
        thing = _table(call.world, resource_id).get(resource_id)
        if thing is None or thing.account_id != call.account.account_id:
            raise ApiError(No.NO_SUCH_RESOURCE, f"The ResourceId '{resource_id}' doesn't exist.")
    return list(request["ResourceIds"])


def _tags(world: World, resource_id: str) -> Tags:
    thing = _table(world, resource_id).get(resource_id)
    return thing.tags if thing else ()


def _retag(world: World, resource_id: str, tags: Tags) -> None:
    table = _table(world, resource_id)
    thing = table.get(resource_id)
    if thing is not None:
        table.put(resource_id, replace(thing, tags=tags))  # type: ignore[arg-type]


ACTIONS: dict[str, Action] = {"CreateTags": create_tags, "DeleteTags": delete_tags, "ReadTags": read_tags}
