"""The size of the images, and the room that the quotas of both accounts leave."""

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
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.handoff import FREE_PRODUCT_TYPE
from omicopy.model import json_fields
from omicopy.model.image import Image, last_marker, source_marker
from omicopy.model.request import AccountRef

_QUOTA_HINT = "Free what the quota counts, or ask for a higher one."


# ---- the images


def check_images(session: AccountSession, wanted: Sequence[str]) -> tuple[list[Image], list[Check]]:
    """Whether each image can be exported, and those that can, now or in a while."""
    images: list[Image] = []
    findings: list[Check] = []
    try:
        images = find_images(session, wanted)
    except OmicopyError:
        for name in wanted:  # one by one, as one that is missing hides the others
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
        message = f"it belongs to account {image.account_id}: what is shared or public can't be exported"
        hint = "Make a copy of it in this account first (CreateImage with SourceImageId), and name that."
        yield Check(subject, CheckStatus.FAIL, message, hint, ErrorCode.NOT_EXPORTABLE)
    elif image.is_failed:
        reason = f" ({image.state_reason})" if image.state_reason else ""
        hint = "Make the image once more; this one can't be exported."
        yield Check(subject, CheckStatus.FAIL, f"it is failed{reason}", hint, ErrorCode.NOT_EXPORTABLE)
    elif not image.is_available:
        yield Check(
            subject, CheckStatus.WARN, f"it is {image.state or 'in an unknown state'}: a copy would wait for it"
        )
    else:
        volumes = "1 volume" if len(image.volumes) == 1 else f"{len(image.volumes)} volumes"
        boots = f", boots by {image.boot}" if image.boot.modes else ""
        yield Check(subject, CheckStatus.OK, f"available, {volumes}, {_gib([image])}{boots}")
    licensed = [code for code in image.product_codes if code != FREE_PRODUCT_TYPE]
    if licensed:
        message = f"product types {', '.join(licensed)} may bear licences, which the importing account answers for"
        yield Check(subject, CheckStatus.WARN, message)


def check_not_exported() -> Check:
    """What no export carries (DOMAIN.md §2)."""
    message = (
        "boot modes, TPM and tags are not in an export: a copy is given the source's. Launch permissions neither: "
        "--share-with names accounts. Product codes travel"
    )
    return Check("what does not travel", CheckStatus.OK, message)


def check_size(images: Sequence[Image], targets: int) -> Check:
    """GiB to move in all, as the volumes are: what is exported is compressed, how well nobody knows before."""
    count = "1 image" if len(images) == 1 else f"{len(images)} images"
    to = "" if targets < 2 else f", to each of {targets} targets"
    return Check("to move", CheckStatus.OK, f"{count}, {_gib(images)} of volumes{to}")


def _gib(images: Sequence[Image]) -> str:
    sizes = [volume.size_gib for image in images for volume in image.volumes]
    known = sum(size for size in sizes if size is not None)
    return f"at least {known} GiB" if None in sizes else f"{known} GiB"


# ---- the room


def room_in_source(session: AccountSession, images: Sequence[Image]) -> list[Check]:
    """Exports in flight. Where the quota is full a copy waits for a slot: that fails nothing."""
    subject = f"{session.profile}: {Counted.EXPORTS.word}"
    running, unread = _exports_in_flight(session)
    if unread:
        return [failure(subject, unread)]
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
    """Snapshots: without `images` named, there has to be room for one. The rest is told, and fails nothing: whether an
    import counts as a copy, and whether it needs room for volumes, is not documented."""
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
        (Counted.VOLUME_GIB, volumes, "whether an import needs some is not documented"),
    ):
        quota = tightest(quotas, what)
        if quota is not None:
            more = f"; {unsaid}" if is_short(quota, max(asked, 1)) else ""
            findings.append(
                Check(
                    f"{session.profile}: {what.word}",
                    CheckStatus.WARN if more else CheckStatus.OK,
                    _format(quota, what) + more,
                )
            )
    return findings


def _snapshots(images: Sequence[Image]) -> int:
    """How many snapshots the images become: one of each volume."""
    return sum(len(image.volumes) for image in images)


def _format(quota: Quota | None, what: Counted) -> str:
    if quota is None:
        return f"no quota of {what.word} is known"
    if quota.most is None:
        return f"{quota.name} has no limit"
    if quota.used is None:
        return f"{quota.name} is {quota.most}; how many of it are used is not known"
    return f"{quota.free} of {quota.most} free ({quota.name})"


def _exports_in_flight(session: AccountSession) -> tuple[int, ServiceError | None]:
    try:
        tasks = read_tasks(session, {})
    except ServiceError as error:
        return 0, error
    return sum(task.is_running for task in tasks), None


def _read_quotas(session: AccountSession) -> list[Quota] | Check:
    """No copy needs to read quotas: that it can't is nothing that fails."""
    try:
        kinds = session.api.read_all("ReadQuotas", "QuotaTypes", session.patience, {}, parse_quotas)
    except ServiceError as error:
        return Check(f"{session.profile}: quotas", CheckStatus.WARN, f"not known: {error.message}", error.hint)
    return [quota for kind in kinds for quota in kind]


def _without_copy(session: AccountSession, source: AccountRef, images: Sequence[Image]) -> list[Image]:
    """Those of which the target has no copy: a copy that is there needs no more room."""
    try:
        own = read_own_images(session, patiently=False)
    except ServiceError:
        return list(images)
    there = {last_marker(image.description) for image in own if image.is_available}
    return [image for image in images if source_marker(source.region, image.image_id) not in there]


class Counted(Enum):
    """What a quota counts, as far as it matters to a copy, and the quota's name. Where a service has none of that name,
    it is known by words: it has to have one of the first, and none of the rest."""

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
    """One limit and how much of it is used; `most` None means that there is no limit."""

    name: str
    text: str
    most: int | None
    used: int | None

    @property
    def free(self) -> int | None:
        """None: no limit, or not known."""
        return None if self.most is None or self.used is None else max(0, self.most - self.used)

    def counts(self, what: Counted) -> bool:
        words = set(re.findall(r"[a-z]+", self.text.lower()))
        return not words.isdisjoint(what.needed) and words.isdisjoint(what.forbidden)


def parse_quotas(kind: Mapping[str, Any]) -> list[Quota]:
    """The quotas of one item of `QuotaTypes`, where they are of the whole account; those of one resource are left out.

    Raises Unreadable: a limit that is not told is not "no limit".
    """
    quotas = [_quota(item) for item in json_fields.listed_if_any(kind, "Quotas")]
    return quotas if json_fields.optional(kind, "QuotaType") in ("global", "") else []


def tightest(quotas: Sequence[Quota], what: Counted) -> Quota | None:
    """Of the quotas that count `what` the one with the least room; None without one."""
    named = [quota for quota in quotas if quota.name == what.quota]
    found = named or [quota for quota in quotas if quota.counts(what)]
    return min(found, key=lambda quota: (quota.free is None, quota.free or 0), default=None)


def _quota(raw: Mapping[str, Any]) -> Quota:
    name, most = json_fields.required(raw, "Name"), json_fields.integer(raw, "MaxValue")
    if most is None:
        raise json_fields.MalformedAnswer(f"the quota {name} has no MaxValue")
    words = [name, *(json_fields.text(raw, key) or "" for key in ("ShortDescription", "Description"))]
    return Quota(name, " ".join(words), most or None, json_fields.integer(raw, "UsedValue"))
