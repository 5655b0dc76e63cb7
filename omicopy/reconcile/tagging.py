"""Writes tags so that one refused tag doesn't prevent the others, least of all our own (R4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from omicopy._version import __version__
from omicopy.cloud.errors import Cause, ServiceError
from omicopy.deletion.images import Send
from omicopy.errors import ErrorCode
from omicopy.model.events import Listener, WarningMessage
from omicopy.model.image_settings import OWN_PREFIX, ImageSettings
from omicopy.model.own_tags import COPY_TAG, EXPORT_TAG, export_tags
from omicopy.model.request import CopyRequest
from omicopy.reconcile.copy_state import CopyState
from omicopy.reconcile.decide.decisions import TagAndShare
from omicopy.reconcile.postponed import Postponed


def tag_export(write: Send, listener: Listener, request: CopyRequest, task_id: str) -> None:
    """Tags an export as ours, so that it may be deleted later. Tried twice; without the tag it is simply kept.

    `write` sends an action once, and raises Postponed or the ServiceError of a definite refusal.
    """

    def refused(key: str, error: Exception) -> None:
        lacks = "could not be tagged as ours" if key == EXPORT_TAG else f"could not get the tag {key!r}"
        listener(WarningMessage(f"{task_id} is running, but {lacks} ({error})"))

    tags = export_tags(request, __version__)
    try:
        try:
            _write_tags(write, task_id, tags, refused)
        except Postponed:
            _write_tags(write, task_id, tags, refused)
    except (ServiceError, Postponed) as error:
        refused(EXPORT_TAG, error)


def tag_copy(write: Send, listener: Listener, copy_state: CopyState, step: TagAndShare) -> None:
    """Writes the missing tags of a copy. A refused tag is reported, and the copy counts as finished without it.

    Our own tags come first, in a call of their own: even if the others fail, the copy is known to be ours. Raises what
    `write` raises if the copy can't be tagged at all, or not as ours.
    """
    image, image_id = copy_state.image, step.image.image_id
    ours = {key: value for key, value in step.tags.items() if key.startswith(OWN_PREFIX)}
    rest = {key: value for key, value in step.tags.items() if key not in ours}

    def refused(key: str, error: ServiceError) -> None:
        if key == COPY_TAG:
            raise error
        image.refused_tags |= {key}
        listener(WarningMessage(_missing_tag_warning(copy_state.request, image_id, key, error)))

    def noted(action: str, parameters: Mapping[str, Any]) -> None:
        write(action, parameters)
        image.changed = True

    _write_tags(noted, image_id, ours, refused)
    _write_tags(noted, image_id, rest, refused, may_tag=True)


def _write_tags(
    write: Send,
    resource_id: str,
    tags: Mapping[str, str],
    refused: Callable[[str, ServiceError], None],
    may_tag: bool = False,
) -> None:
    """Writes all tags in one call; if the service refuses them, one by one.

    `may_tag`: an earlier call proved that we may tag the resource, so a denial concerns single tags. Raises what
    `write` raises, and a refusal that no single tag can cause.
    """
    if not tags:
        return
    try:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        write("CreateTags", {"ResourceIds": [resource_id], "Tags": pairs})
        return
    except ServiceError as error:
        if not _may_be_one_tag(error, may_tag):
            raise
        refusal = error
    for key, value in tags.items():
        if len(tags) == 1:
            refused(key, refusal)
        else:
            _write_tags(write, resource_id, {key: value}, refused, may_tag)


def _may_be_one_tag(error: ServiceError, may_tag: bool) -> bool:
    if error.cause is not Cause.REFUSED or error.code is ErrorCode.NOT_FOUND:  # the thing itself is gone
        return False
    if error.code is ErrorCode.DENIED:
        return may_tag and error.answer is not None and error.answer.status != 401
    return True


def _missing_tag_warning(request: CopyRequest, image_id: str, key: str, error: ServiceError) -> str:
    """The warning that a copy lacks one of its tags."""
    settings = request.target.settings if request.target else ImageSettings()
    if key.startswith(OWN_PREFIX):
        hint = "It is one of omicopy's own tags, and nothing depends on it."
    elif key in settings.tags:
        hint = "Change it in the plan's tags." if request.job else "Change it with --tag."
    else:
        without = "copy_tags: false in the plan" if request.job else "--no-copy-tags"
        hint = f"It is a tag of the source image. Use {without} to copy none of them."
    return f"{image_id} is complete, but without the tag {key!r} ({error}). {hint}"
