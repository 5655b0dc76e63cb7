"""What nobody could check against the live service: every plausible answer, as something a test can turn.

The first value of each enum makes the default: what is known, if only from 2019, or else what is most plausible. The
others are what else it may be, and what was guessed before more was known. A tool that works under `Variant.every()`
shares no guess with this sandbox.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import Enum

from omicopy.sandbox.model.task_behaviours import CopyLimit, ImageIdsFilter, LimitCode, TaskStateNames


class ManifestKey(Enum):
    """Where the manifest lies, below the export's own prefix. The first is known; the others were guesses."""

    NO_SUFFIX = "PREFIX/ami-…/manifest"
    PLAIN = "PREFIX/ami-…/manifest.json"
    NAMED_AFTER_TASK = "PREFIX/ami-…/image-export-….json"
    NAMED_AFTER_IMAGE = "PREFIX/ami-…/ami-….manifest.json"


class ManifestUrl(Enum):
    """What a task says in `OsuManifestUrl`. The first is known, of 2019 (DOMAIN.md §2); the others were guesses."""

    SIGV2 = "a URL signed with SigV2 when the export ended, once it has completed"
    SIGV4 = "the same, signed with SigV4"
    PLAIN = "the plain URL of the object, once the export has completed"
    NEVER = "nothing"
    FROM_START = "the plain URL of the object, from the first answer on"


class ManifestFilename(Enum):
    """What a snapshot's `Filename` in the manifest is: samples exist of both."""

    BARE = "snap-….qcow2.gz"
    KEY = "PREFIX/ami-…/snap-….qcow2.gz"


class ManifestFields(Enum):
    """Which keys of the manifest are there."""

    DOCUMENTED = "all documented ones"
    SPARSE = "CompressedSize, Ordering, User, Name and Iops are missing"
    EXTRA = "all documented ones, and some that nobody documented"


class ShownPrefix(Enum):
    """What a task says in `OsuPrefix`; the keys in the bucket begin with the tidy one.

    Object storage keeps the keys `a//b` and `/lead` as they are. That can't be tried here: SeaweedFS takes them for
    `a/b` and `lead`, and no key can be changed on its way there, because the signature covers the path as it came.
    """

    TIDY = "slashes at both ends are dropped: PREFIX/ami-…/"
    AS_ASKED = "where `/PREFIX/` was asked for, it says `/PREFIX//ami-…/`"
    NO_END = "PREFIX/ami-…"


class ListOrder(Enum):
    """The order of lists in answers; a page's place in it is stable as long as nothing is created or deleted."""

    OLDEST_FIRST = "oldest first"
    NEWEST_FIRST = "newest first"
    SHUFFLED = "in no recognizable order"


class NameRule(Enum):
    """Whether an image's name must be new in its account."""

    ENFORCED = "CreateImage refuses a name that is taken"
    FREE = "names may be taken twice"
    LATE = "CreateImage answers pending, and the image fails"


class TaskRetention(Enum):
    """How long a task that ended stays listed."""

    KEPT = "for ever"
    AGES_OUT = "for `Settings.ended_task_seconds`"


class CancelWindow(Enum):
    """Until when `DeleteExportTask` is accepted: the official file names two different moments."""

    QUEUED = "while `pending/queued`"
    RUNNING = "while `pending/queued` or `pending`"


class BadBucket(Enum):
    """What becomes of an export to a bucket that isn't there; to one that isn't ours, MADE is as FAILS."""

    MADE = "the export makes the bucket"
    FAILS = "the task fails"
    REFUSED = "it is refused at once"


class BadManifest(Enum):
    """What becomes of a CreateImage whose manifest can't be read or is none: codes for both exist."""

    FAILS = "it answers pending, and the image fails"
    REFUSED = "it is refused at once"


class UrlVersion(Enum):
    """The signature of the URLs inside the manifest: samples exist of both."""

    SIGV4 = "AWS4-HMAC-SHA256"
    SIGV2 = "AWSAccessKeyId, Expires, Signature"


class DescriptionLimit(Enum):
    """How long an image's description may be."""

    FREE = "any length"
    LIMITED = "at most 255 characters"


class BootParameters(Enum):
    """What `BootModes` and `TpmMandatory` do beside `FileLocation`."""

    ACCEPTED = "they hold for the new image"
    IGNORED = "they are accepted, and the image is a `legacy` one without a TPM"
    REFUSED = "the request is refused with 3002, which names both"
    UNKNOWN = "the request is refused with 3001, which names one of them"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One complete set of answers to what is unknown."""

    name: str = "plausible"
    manifest_key: ManifestKey = ManifestKey.NO_SUFFIX
    manifest_url: ManifestUrl = ManifestUrl.SIGV2
    filename: ManifestFilename = ManifestFilename.BARE
    fields: ManifestFields = ManifestFields.DOCUMENTED
    prefix: ShownPrefix = ShownPrefix.TIDY
    order: ListOrder = ListOrder.OLDEST_FIRST
    names: NameRule = NameRule.ENFORCED
    ageing: TaskRetention = TaskRetention.KEPT
    cancel: CancelWindow = CancelWindow.QUEUED
    bad_bucket: BadBucket = BadBucket.MADE
    limit_code: LimitCode = LimitCode.KNOWN
    copy_limit: CopyLimit = CopyLimit.COPIES
    image_ids: ImageIdsFilter = ImageIdsFilter.KEPT
    task_states: TaskStateNames = TaskStateNames.DOCUMENTED
    bad_manifest: BadManifest = BadManifest.FAILS
    url_version: UrlVersion = UrlVersion.SIGV4
    description: DescriptionLimit = DescriptionLimit.FREE
    boot: BootParameters = BootParameters.ACCEPTED

    @classmethod
    def every(cls) -> tuple[Behaviour, ...]:
        """A short list in which every value of every field appears at least once."""
        return EVERY

    @classmethod
    def named(cls, name: str) -> Behaviour:
        """One of `every()` by its name, or `seed-N`."""
        if name.startswith("seed-"):
            return cls.from_seed(int(name.removeprefix("seed-")))
        return next(behaviour for behaviour in EVERY if behaviour.name == name)

    @classmethod
    def from_seed(cls, seed: int) -> Behaviour:
        """A variant drawn at random, the same one for the same seed."""
        draw = random.Random(seed)
        values = {name: draw.choice(list(values)) for name, values in dimensions().items()}
        return cls(name=f"seed-{seed}", **values)  # type: ignore[arg-type]


def dimensions() -> dict[str, Sequence[Enum]]:
    """The fields of `Variant` that vary, each with all its values."""
    defaults = {field.name: field.default for field in fields(Behaviour)}
    return {name: list(type(value)) for name, value in defaults.items() if isinstance(value, Enum)}


EVERY = (
    Behaviour(),
    Behaviour(
        name="older-samples",
        manifest_key=ManifestKey.PLAIN,
        manifest_url=ManifestUrl.NEVER,
        filename=ManifestFilename.KEY,
        fields=ManifestFields.SPARSE,
        prefix=ShownPrefix.AS_ASKED,
        order=ListOrder.NEWEST_FIRST,
        bad_bucket=BadBucket.FAILS,
        limit_code=LimitCode.OLDER,
        image_ids=ImageIdsFilter.REFUSED,
        names=NameRule.FREE,
        cancel=CancelWindow.RUNNING,
        url_version=UrlVersion.SIGV2,
        description=DescriptionLimit.LIMITED,
        boot=BootParameters.IGNORED,
    ),
    Behaviour(
        name="forgetful",
        manifest_key=ManifestKey.NAMED_AFTER_TASK,
        manifest_url=ManifestUrl.FROM_START,
        fields=ManifestFields.EXTRA,
        prefix=ShownPrefix.NO_END,
        order=ListOrder.SHUFFLED,
        names=NameRule.LATE,
        ageing=TaskRetention.AGES_OUT,
        bad_bucket=BadBucket.REFUSED,
        limit_code=LimitCode.WORDS,
        image_ids=ImageIdsFilter.IGNORED,
        task_states=TaskStateNames.SISTERS,
        bad_manifest=BadManifest.REFUSED,
        boot=BootParameters.REFUSED,
    ),
    Behaviour(
        name="odd-corners",
        manifest_key=ManifestKey.NAMED_AFTER_IMAGE,
        manifest_url=ManifestUrl.SIGV4,
        filename=ManifestFilename.KEY,
        fields=ManifestFields.EXTRA,
        copy_limit=CopyLimit.IMPORTS_TOO,
        task_states=TaskStateNames.NEWER,
        prefix=ShownPrefix.AS_ASKED,
        order=ListOrder.SHUFFLED,
        names=NameRule.FREE,
        description=DescriptionLimit.LIMITED,
        boot=BootParameters.UNKNOWN,
    ),
    Behaviour(
        name="first-guesses",
        manifest_url=ManifestUrl.PLAIN,
    ),
)
