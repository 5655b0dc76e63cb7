"""Copies and exports of ours, to judge by retention."""

from __future__ import annotations

from datetime import timedelta

from omicopy.model.image import Image
from omicopy.model.own_tags import COPY_TAG, DATE_TAG, SOURCE_ACCOUNT_TAG, SOURCE_IMAGE_TAG
from omicopy.plans.model import Retention
from omicopy.prune.decide_exports import decide_exports
from omicopy.prune.decide_images import decide_copies
from omicopy.prune.entries import Action, Entry, PruneFacts, StillNeeded
from omicopy.prune.ownership import Scope
from tests.support.builders import KEY, NOON, SOURCE, SOURCE_ID, TARGET, image, task

DAY = timedelta(days=1)


def our_copy(image_id: str = "ami-000000c1", days: float = 1, **changed) -> Image:
    tags = {
        COPY_TAG: image_id,
        SOURCE_IMAGE_TAG: SOURCE_ID,
        SOURCE_ACCOUNT_TAG: SOURCE.account_id,
        DATE_TAG: (NOON - days * DAY).isoformat(),
    }
    tags |= changed.pop("tags", {})
    raw = [{"Key": key, "Value": value} for key, value in tags.items() if value is not None]
    return image(image_id, **{"Tags": raw, **changed})


LATER = our_copy("ami-000000cf", days=0)
SCOPE = Scope(SOURCE, Retention(1, None))


def judged(*images: Image, scope: Scope = SCOPE, sources=(), wanted: StillNeeded | None = None) -> list[Entry]:
    known = PruneFacts({TARGET: images}, {made.image_id: made for made in sources}, wanted or StillNeeded(), NOON)
    return decide_copies(scope, known)


def deleted(*images: Image, **more) -> list[str]:
    return [entry.id for entry in judged(*images, **more) if entry.action is Action.DELETE]


def our_task(task_id: str, image_id: str, days: float, state: str = "completed", **tags: str | None):
    """With an image of its own, so that each is an export of its own."""
    own = {"omicopy:export": "1", DATE_TAG: (NOON - days * DAY).isoformat(), "omicopy:source-name": "golden"} | tags
    osu = {"DiskImageFormat": "qcow2", "OsuBucket": KEY.bucket, "OsuPrefix": f"{image_id}/"}
    raw = [{"Key": key, "Value": value} for key, value in own.items() if value is not None]
    return task(task_id, state, ImageId=image_id, OsuExport=osu, Tags=raw)


def exports(*tasks, images=(), wanted: StillNeeded | None = None, scope: Scope | None = None) -> dict[str, str]:
    scope = scope or Scope(SOURCE, Retention(1, None), bucket=KEY.bucket)
    entries = decide_exports(scope, tasks, PruneFacts({TARGET: images}, {}, wanted or StillNeeded(), NOON))
    return {entry.id: "delete" if entry.action is Action.DELETE else entry.why for entry in entries}
