"""Rules for one copy: from what is known to its next step. Pure; reasons backwards from the goal.

The target account comes first, here; then the export and the source image, in `decide_export`. Nothing is created that
isn't known to be absent. `omicopy help architecture` shows the rules as a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from omicopy._version import __version__
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.boot import Boot
from omicopy.model.choices import IfExists
from omicopy.model.image import Image, last_marker
from omicopy.model.image_settings import ImageSettings
from omicopy.model.lookup import Unasked, Unknown
from omicopy.model.own_tags import is_ours_to_delete, missing_tags
from omicopy.model.request import SharedManifest, Target
from omicopy.model.result import Status
from omicopy.model.verification import boot_flaws, flaws
from omicopy.reconcile.decide.decisions import (
    Decision,
    Done,
    Fail,
    Fetch,
    Import,
    ReplaceFailed,
    Retry,
    Stage,
    TagAndShare,
    Wait,
)
from omicopy.reconcile.decide.export import decide_export, still_exporting
from omicopy.reconcile.decide.slot import wait_for_slot
from omicopy.reconcile.state import DecisionInput


def decide(s: DecisionInput) -> Decision:
    """The next step of one copy, export or import."""
    target = s.request.target
    if target is None:
        return decide_export(s, name=None)
    if isinstance(s.seen.images, Unasked):
        return still_exporting(s) or Fetch.IMAGES
    if isinstance(s.seen.images, Unknown):
        return Retry("the target account can't be read", s.seen.images.error)
    candidates = s.request.own_images(s.seen.images.value)
    ours = [image for image in candidates if last_marker(image.description) == s.request.marker]
    if ours:
        return _existing_copy(s, ours[0])
    return _no_copy_yet(s, target, {image.name: image for image in reversed(candidates)})


def _existing_copy(s: DecisionInput, image: Image) -> Decision:
    if image.is_available:
        missing = missing_tags(image, s.request, __version__)
        missing = {key: value for key, value in missing.items() if key not in s.image.refused_tags}
        unshared = tuple(account for account in _image_settings(s).share_with if account not in image.shared_with)
        found = flaws(s.request, image)
        if missing or unshared:
            return TagAndShare(image, missing, unshared, is_last=not found)
        if found:
            return Fail(_differs(s, image, found), image)
        return Done(Status.COPIED if s.image.made_here else Status.PRESENT, image)
    if not image.is_failed:
        return Wait(Stage.IMPORTING, image.image_id, image.state, image=image)
    if image.image_id not in (s.image.old_failures or ()):
        return Fail(_import_failed(s, image), image)
    if s.image.replaced_id == image.image_id:
        if s.within_grace(s.image.replaced_at):
            return Retry(f"the failed image {image.image_id} is being deleted")
        return Fail(_still_listed(image), image)
    if s.image.replaced_id:
        return Fail(_import_failed(s, image), image)
    if not is_ours_to_delete(image, s.image.journaled):
        return Fail(_failed_and_untagged(image), image)
    return ReplaceFailed(image)


def _image_settings(s: DecisionInput) -> ImageSettings:
    return s.request.target.settings if s.request.target else ImageSettings()


def _no_copy_yet(s: DecisionInput, target: Target, by_name: Mapping[str, Image]) -> Decision:
    name, holder = target.name, by_name.get(target.name)
    if holder is None or target.if_exists is IfExists.RENAME:
        doubt = _possibly_created(s, by_name)
        if doubt is not None:
            return doubt
    if holder is not None or name in s.image.conflicts:
        if target.if_exists is IfExists.SKIP:
            return Done(Status.SKIPPED, holder)
        _, name = s.request.names
        taken = name in by_name or name in s.image.conflicts
        if target.if_exists is IfExists.FAIL or taken:
            return Fail(_name_taken(s, target, holder))
    step = Import(name, None) if isinstance(s.request.source, SharedManifest) else decide_export(s, name)
    return wait_for_slot(s, step, s.image) if isinstance(step, Import) else step


def _possibly_created(s: DecisionInput, by_name: Mapping[str, Image]) -> Decision | None:
    """A decision if a copy may exist that no read shows: one that was created or seen, or one with a taken name."""
    hidden = [conflict.since for name, conflict in s.image.conflicts.items() if name not in by_name]
    if s.within_grace(s.image.doubt_since, s.image.missing_since, *hidden):
        return Retry("an image may have been created that isn't visible yet")
    if s.image.made_here and s.image.created_id and s.image.doubt_since is not None:
        return Fail(_vanished(s.image.created_id))
    return None


def _differs(s: DecisionInput, image: Image, found: Sequence[str]) -> OmicopyError:
    """The error for a copy that differs from the request. Boot settings can't be changed, but a copy of the image can
    have others."""
    asks_for_it = s.request.target is not None and s.request.target.boot != Boot()
    wanted = "as was asked for" if asks_for_it else "as its source is"
    again = "delete it and run the same command again."
    hint = f"Look at both. If the copy is useless, {again}"
    if boot_flaws(s.request, image):
        hint = (
            f"CreateImage with SourceImageId {image.image_id}, BootModes and TpmMandatory makes one of it that boots "
            f"otherwise. If {image.image_id} was made without these settings, {again}"
        )
    return OmicopyError(ErrorCode.DIFFERENT, f"The copy {image.image_id} is not {wanted}: {'; '.join(found)}", hint)


def _import_failed(s: DecisionInput, image: Image) -> OmicopyError:
    reason = image.state_reason or "the service gave no reason"
    replaces = "Run the same command again: it replaces the failed image once."
    cleared = f"Delete {image.image_id}, which can't be proven to be omicopy's, then run the same command again."
    hint = replaces if is_ours_to_delete(image, s.image.journaled) else cleared
    return OmicopyError(ErrorCode.REMOTE_FAILED, f"The import into {image.image_id} failed: {reason}", hint)


def _still_listed(image: Image) -> OmicopyError:
    message = f"The failed image {image.image_id} was deleted and is listed all the same"
    return OmicopyError(ErrorCode.FAILED, message, "Run the same command again: it deletes it once more.")


def _failed_and_untagged(image: Image) -> OmicopyError:
    return OmicopyError(
        ErrorCode.NAME_CONFLICT,
        f"An earlier import left the failed image {image.image_id} under the name {image.name!r}, "
        "and nothing proves that omicopy made it",
        f"Delete {image.image_id} if it is not needed, then run the same command again.",
    )


def _vanished(image_id: str) -> OmicopyError:
    hint = "It may have been deleted. Run the same command again to create a new one."
    return OmicopyError(ErrorCode.FAILED, f"The image {image_id}, created by this run, is not there any more", hint)


def _name_taken(s: DecisionInput, target: Target, holder: Image | None) -> OmicopyError:
    by = f"by {holder.image_id}, which is not a copy of this source" if holder else "by an image that isn't visible"
    by += "".join(f"; {conflict.error.message}" for conflict in s.image.conflicts.values())
    in_plan = "Choose another `name` for this target of the plan, or set `if_exists` to skip or rename."
    typed = "Choose another with --name, or say --if-exists skip or --if-exists rename."
    message = f"The name {target.name!r} is taken in {target.account} {by}"
    return OmicopyError(ErrorCode.NAME_CONFLICT, message, in_plan if s.request.job else typed)
