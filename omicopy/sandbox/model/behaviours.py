"""What is unknown about the service: each open question is an enum, each plausible answer one of its values.

The first value of each enum is the default: the known answer (some date from 2019), else the most plausible one. The
others are further plausible answers and earlier guesses. A tool that works under each of `Behaviour.every()` relies on
no guess of this sandbox. On the command line, `--variant` selects a behaviour by its name.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import Enum

from omicopy.sandbox.model.task_behaviours import CopyLimit, ImageIdsFilter, LimitCode, TaskStateNames


class ManifestKey(Enum):
    """The key of the manifest. The first is known; the others were guesses."""

    NO_SUFFIX = "PREFIX/ami-…/manifest"
    PLAIN = "PREFIX/ami-…/manifest.json"
    NAMED_AFTER_TASK = "PREFIX/ami-…/image-export-….json"
    NAMED_AFTER_IMAGE = "PREFIX/ami-…/ami-….manifest.json"


class ManifestUrl(Enum):
    """What a task shows in `OsuManifestUrl`. The first is known (from 2019, DOMAIN.md §2); the others were guesses."""

    SIGV2 = "once completed: a URL that was signed with SigV2 when the export ended"
    SIGV4 = "once completed: a URL that was signed with SigV4 when the export ended"
    PLAIN = "once completed: the plain URL of the object"
    NEVER = "nothing"
    FROM_START = "from the first answer on: the plain URL of the object"


class ManifestFilename(Enum):
    """The `Filename` of a snapshot in the manifest. Samples of both exist."""

    BARE = "snap-….qcow2.gz"
    KEY = "PREFIX/ami-…/snap-….qcow2.gz"


class ManifestKeySet(Enum):
    """Which keys the manifest has."""

    DOCUMENTED = "all documented ones"
    SPARSE = "all documented ones but CompressedSize, Ordering, User, Name and Iops"
    EXTRA = "all documented ones, and some that are not documented"


class ShownPrefix(Enum):
    """What a task shows in `OsuPrefix`. The keys in the bucket always begin with the TIDY one.

    OUTSCALE's object storage keeps keys such as `a//b` and `/lead` as they are. The sandbox cannot: SeaweedFS stores
    them as `a/b` and `lead`, and the proxy cannot change the path on the way, because the signature covers it.
    """

    TIDY = "PREFIX/ami-…/, without the slashes at both ends of the requested prefix"
    AS_ASKED = "/PREFIX//ami-…/, if `/PREFIX/` was requested"
    NO_END = "PREFIX/ami-…"


class ListOrder(Enum):
    """The order of lists in answers. It is stable while nothing is created or deleted, so that pages fit together."""

    OLDEST_FIRST = "oldest first"
    NEWEST_FIRST = "newest first"
    SHUFFLED = "no recognizable order"


class NameRule(Enum):
    """What happens when an image gets a name that another image of the account has."""

    ENFORCED = "CreateImage refuses it"
    FREE = "two images may have the same name"
    LATE = "CreateImage answers `pending`, and the image fails later"


class TaskRetention(Enum):
    """How long ReadImageExportTasks lists a task that ended."""

    KEPT = "for ever"
    AGES_OUT = "for `Settings.ended_task_seconds`"


class CancelWindow(Enum):
    """In which states DeleteExportTask cancels a task. The official file says two different things."""

    QUEUED = "`pending/queued`"
    RUNNING = "`pending/queued` and `pending`"


class BadBucket(Enum):
    """What happens to an export to a missing bucket. To a bucket of another account, MADE does the same as FAILS."""

    MADE = "the export creates the bucket"
    FAILS = "the task fails"
    REFUSED = "CreateImageExportTask refuses it"


class BadManifest(Enum):
    """What happens to a CreateImage whose manifest is missing or wrong. Error codes for both ways exist."""

    FAILS = "it answers `pending`, and the image fails later"
    REFUSED = "it is refused"


class UrlVersion(Enum):
    """The kind of signature of the URLs inside the manifest. Samples of both exist."""

    SIGV4 = "AWS4-HMAC-SHA256"
    SIGV2 = "AWSAccessKeyId, Expires, Signature"


class DescriptionLimit(Enum):
    """The limit for the length of an image's description."""

    FREE = "none"
    LIMITED = "255 characters"


class BootParameters(Enum):
    """What CreateImage does with `BootModes` and `TpmMandatory` beside `FileLocation`."""

    ACCEPTED = "applies them to the new image"
    IGNORED = "ignores them: the image boots with `legacy`, without a TPM"
    REFUSED = "refuses the request with 3002, naming both"
    UNKNOWN = "refuses the request with 3001, naming one of them"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One answer to each open question."""

    name: str = "plausible"
    manifest_key: ManifestKey = ManifestKey.NO_SUFFIX
    manifest_url: ManifestUrl = ManifestUrl.SIGV2
    filename: ManifestFilename = ManifestFilename.BARE
    fields: ManifestKeySet = ManifestKeySet.DOCUMENTED
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
        """Returns a short list in which every value of every field appears at least once."""
        return EVERY

    @classmethod
    def named(cls, name: str) -> Behaviour:
        """Returns the one of `every()` that has this name, or for `seed-N` a random one. Raises ValueError."""
        if name.startswith("seed-"):
            return cls.from_seed(int(name.removeprefix("seed-")))
        for behaviour in EVERY:
            if behaviour.name == name:
                return behaviour
        raise ValueError(f"no behaviour is named {name!r}")

    @classmethod
    def from_seed(cls, seed: int) -> Behaviour:
        """Returns a random behaviour; the same seed gives the same one."""
        draw = random.Random(seed)
        values = {name: draw.choice(list(values)) for name, values in dimensions().items()}
        return cls(name=f"seed-{seed}", **values)  # type: ignore[arg-type]


def dimensions() -> dict[str, Sequence[Enum]]:
    """Returns the fields of `Behaviour` that vary, each with all its values."""
    defaults = {field.name: field.default for field in fields(Behaviour)}
    return {name: list(type(value)) for name, value in defaults.items() if isinstance(value, Enum)}


EVERY = (
    Behaviour(),
    Behaviour(
        name="older-samples",
        manifest_key=ManifestKey.PLAIN,
        manifest_url=ManifestUrl.NEVER,
        filename=ManifestFilename.KEY,
        fields=ManifestKeySet.SPARSE,
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
        fields=ManifestKeySet.EXTRA,
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
        fields=ManifestKeySet.EXTRA,
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
