"""Checks the images, their size, and the free quotas of both accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from omicopy.cloud.errors import ServiceError
from omicopy.cloud.queries import find_images, read_own_images, read_tasks
from omicopy.cloud.session import AccountSession
from omicopy.doctor.findings import Check, CheckStatus, failure
from omicopy.errors import ErrorCode, OmicopyError, attempt
from omicopy.manifests.handoff import FREE_PRODUCT_TYPE
from omicopy.model import json_fields
from omicopy.model.image import Image, last_marker, source_marker
from omicopy.model.request import AccountRef

_QUOTA_HINT = "Delete what counts against the quota, or request a higher one."


# ---- the images


def check_images(session: AccountSession, wanted: Sequence[str]) -> tuple[list[Image], list[Check]]:
    """Returns the images that can be exported, now or once they are available, and a check per image."""
    images: list[Image] = []
    findings: list[Check] = []
    try:
        images = find_images(session, wanted)
    except OmicopyError:
        for name in wanted:  # one by one, because one missing image fails the whole search
            try:
                images += find_images(session, [name])
            except OmicopyError as error:
                findings.append(failure(name, error))
    images = list({image.image_id: image for image in images}.values())
    findings += [finding for image in images for finding in _check_image(session.ref, image)]
    return [image for image in images if image.account_id == session.ref.account_id and not image.is_failed], findings


def _check_image(account: AccountRef, image: Image) -> Iterator[Check]:
    subject = f"{image.name} {image.image_id}".strip()
    if image.account_id != account.account_id:
        message = f"it belongs to account {image.account_id}: shared and public images can't be exported"
        hint = "Copy it into this account first (CreateImage with SourceImageId), then name that copy."
        yield Check(subject, CheckStatus.FAIL, message, hint, ErrorCode.NOT_EXPORTABLE)
    elif image.is_failed:
        reason = f" ({image.state_reason})" if image.state_reason else ""
        hint = "Create the image again; this one can't be exported."
        yield Check(subject, CheckStatus.FAIL, f"its state is failed{reason}", hint, ErrorCode.NOT_EXPORTABLE)
    elif not image.is_available:
        message = f"its state is {image.state or 'unknown'}: a copy would wait until it is available"
        yield Check(subject, CheckStatus.WARN, message)
    else:
        volumes = "1 volume" if len(image.volumes) == 1 else f"{len(image.volumes)} volumes"
        boots = f", boots by {image.boot}" if image.boot.modes else ""
        yield Check(subject, CheckStatus.OK, f"available, {volumes}, {_gib([image])}{boots}")
    licensed = [code for code in image.product_codes if code != FREE_PRODUCT_TYPE]
    if licensed:
        message = (
            f"product types {', '.join(licensed)} may require licences; the importing account is responsible for them"
        )
        yield Check(subject, CheckStatus.WARN, message)


def check_not_exported() -> Check:
    """Returns a check that says which properties an export lacks (DOMAIN.md §2)."""
    message = (
        "an export contains no boot modes, TPM or tags: a copy gets the source's. It contains no launch permissions: "
        "use --share-with. It contains product codes"
    )
    return Check("what does not travel", CheckStatus.OK, message)


def check_size(images: Sequence[Image], targets: int) -> Check:
    """Returns a check with the total size of the volumes. Exported disks are compressed, so less is transferred."""
    count = "1 image" if len(images) == 1 else f"{len(images)} images"
    to = "" if targets < 2 else f", to each of {targets} targets"
    return Check("to move", CheckStatus.OK, f"{count}, {_gib(images)} of volumes{to}")


def _gib(images: Sequence[Image]) -> str:
    sizes = [volume.size_gib for image in images for volume in image.volumes]
    known = sum(size for size in sizes if size is not None)
    return f"at least {known} GiB" if None in sizes else f"{known} GiB"


# ---- the room


def room_in_source(session: AccountSession, images: Sequence[Image]) -> list[Check]:
    """Returns checks of the running exports. A full quota is a warning only: a copy then waits for a slot."""
    subject = f"{session.profile}: {Counted.EXPORTS.word}"
    tasks = attempt(lambda: read_tasks(session, {}))
    if isinstance(tasks, OmicopyError):
        return [failure(subject, tasks)]
    running = sum(task.is_running for task in tasks)
    quotas = _read_quotas(session)
    if isinstance(quotas, Check):
        return [Check(subject, CheckStatus.OK, f"{running} now"), quotas]
    quota = tightest(quotas, Counted.EXPORTS)
    message = f"{running} now; {_format(quota, Counted.EXPORTS)}"
    if quota and quota.free == 0:
        return [Check(subject, CheckStatus.WARN, f"{message}. A copy waits for a slot")]
    if quota and quota.free is not None and quota.free < len(images):
        return [Check(subject, CheckStatus.OK, f"{message}. {len(images)} images take turns")]
    return [Check(subject, CheckStatus.OK if quota else CheckStatus.WARN, message)]


def room_in_target(session: AccountSession, source: AccountRef | None, images: Sequence[Image]) -> list[Check]:
    """Returns checks of the quotas that an import needs. Too few free snapshots are a failure: one per volume of
    `images`, or one if there are none.

    Other quotas are warnings only: the documentation doesn't say whether an import counts as a copy, or needs volumes.
    """
    quotas = _read_quotas(session)
    if isinstance(quotas, Check):
        return [quotas]
    missing: Sequence[Image] = images

    def is_short(quota: Quota | None, needed: int) -> bool:
        return quota is not None and quota.free is not None and quota.free < needed

    quota, needed = tightest(quotas, Counted.SNAPSHOTS), _snapshots(images) if images else 1
    if is_short(quota, needed) and source and images:
        missing = _without_copy(session, source, images)
        needed = _snapshots(missing)
    message = _format(quota, Counted.SNAPSHOTS) + (f", {needed} needed" if images else "")
    subject = f"{session.profile}: {Counted.SNAPSHOTS.word}"
    if is_short(quota, needed):
        findings = [Check(subject, CheckStatus.FAIL, message, _QUOTA_HINT, ErrorCode.QUOTA)]
    else:
        findings = [Check(subject, CheckStatus.OK if quota else CheckStatus.WARN, message)]
    volumes = sum(volume.size_gib or 0 for image in missing for volume in image.volumes)
    for what, asked, unsaid in (
        (Counted.COPIES, len(missing), "whether an import counts is not documented; if so, imports take turns"),
        (Counted.VOLUME_GIB, volumes, "whether an import counts is not documented"),
    ):
        quota = tightest(quotas, what)
        if quota is not None:
            more = f"; {unsaid}" if is_short(quota, max(asked, 1)) else ""
            status = CheckStatus.WARN if more else CheckStatus.OK
            findings.append(Check(f"{session.profile}: {what.word}", status, _format(quota, what) + more))
    return findings


def _snapshots(images: Sequence[Image]) -> int:
    """Returns how many snapshots the copies of the images need: one per volume."""
    return sum(len(image.volumes) for image in images)


def _format(quota: Quota | None, what: Counted) -> str:
    if quota is None:
        return f"no quota of {what.word} is known"
    if quota.most is None:
        return f"{quota.name} has no limit"
    if quota.used is None:
        return f"{quota.name} is {quota.most}; how much of it is used is unknown"
    return f"{quota.free} of {quota.most} free ({quota.name})"


def _read_quotas(session: AccountSession) -> list[Quota] | Check:
    """Returns the quotas, or a warning if they can't be read: a copy does not need to read them."""
    try:
        kinds = session.api.read_all("ReadQuotas", "QuotaTypes", session.patience, {}, parse_quotas)
    except ServiceError as error:
        return Check(f"{session.profile}: quotas", CheckStatus.WARN, f"not known: {error.message}", error.hint)
    return [quota for kind in kinds for quota in kind]


def _without_copy(session: AccountSession, source: AccountRef, images: Sequence[Image]) -> list[Image]:
    """Returns the images of which the target has no copy; all of them if its images can't be read."""
    try:
        own = read_own_images(session, patiently=False)
    except ServiceError:
        return list(images)
    there = {last_marker(image.description) for image in own if image.is_available}
    return [image for image in images if source_marker(source.region, image.image_id) not in there]


class Counted(Enum):
    """A resource that a copy needs, and the name of its quota.

    If the service has no quota of that name, `Quota.counts` finds it by its text: one of the `needed` words, and none
    of the `forbidden` ones.
    """

    EXPORTS = ("exports in flight", "image_export_limit", {"export", "exports"}, {"snapshot", "snapshots"})
    COPIES = ("copies in flight", "image_copy_limit", {"copy", "copies"}, {"snapshot", "snapshots"})
    SNAPSHOTS = ("snapshots", "snapshot_limit", {"snapshot", "snapshots"}, {"export", "exports", "copy", "copies"})
    VOLUME_GIB = ("GiB of volumes", "volume_size_limit", set[str](), set[str]())

    def __init__(self, word: str, quota: str, needed: set[str], forbidden: set[str]) -> None:
        self.word = word
        self.quota = quota
        self.needed = needed
        self.forbidden = forbidden


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit and how much of it is used. `most` is None if there is no limit."""

    name: str
    text: str
    most: int | None
    used: int | None

    @property
    def free(self) -> int | None:
        """How much is left; None if there is no limit or the usage is unknown."""
        return None if self.most is None or self.used is None else max(0, self.most - self.used)

    def counts(self, what: Counted) -> bool:
        """True if the quota's text describes that resource."""
        words = set(re.findall(r"[a-z]+", self.text.lower()))
        return not words.isdisjoint(what.needed) and words.isdisjoint(what.forbidden)


def parse_quotas(kind: Mapping[str, Any]) -> list[Quota]:
    """Returns the quotas of one item of `QuotaTypes` that apply to the whole account, not those of one resource.

    Raises MalformedAnswer if a quota has no limit field: a missing field does not mean "no limit".
    """
    quotas = [_quota(item) for item in json_fields.listed_if_any(kind, "Quotas")]
    return quotas if json_fields.optional(kind, "QuotaType") in ("global", "") else []


def tightest(quotas: Sequence[Quota], what: Counted) -> Quota | None:
    """Returns the quota of `what` with the least left, or None if there is none. Unknown usage comes last."""
    named = [quota for quota in quotas if quota.name == what.quota]
    found = named or [quota for quota in quotas if quota.counts(what)]
    return min(found, key=lambda quota: (quota.free is None, quota.free or 0), default=None)


def _quota(raw: Mapping[str, Any]) -> Quota:
    name, most = json_fields.required(raw, "Name"), json_fields.integer(raw, "MaxValue")
    if most is None:
        raise json_fields.MalformedAnswer(f"the quota {name} has no MaxValue")
    words = [name, *(json_fields.text(raw, key) or "" for key in ("ShortDescription", "Description"))]
    return Quota(name, " ".join(words), most or None, json_fields.integer(raw, "UsedValue"))
