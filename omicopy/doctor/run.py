"""Whether a copy will work, before it starts: both accounts, their rights, the bucket, the clock, the room."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import combinations
from typing import Any

from omicopy.cloud.access_key import read_end
from omicopy.cloud.clients import Clients
from omicopy.cloud.errors import ServiceError
from omicopy.cloud.parallel import in_parallel
from omicopy.cloud.profiles.file import mode_for_others, profiles_file
from omicopy.cloud.profiles.profile import Account
from omicopy.cloud.queries import identify
from omicopy.doctor.bucket import probe_bucket
from omicopy.doctor.findings import Finding, failure
from omicopy.doctor.permissions import try_actions
from omicopy.doctor.quotas import look_at_images, room_in_source, room_in_target, say_load, say_what_stays
from omicopy.doctor.required_rights import Place
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model import json_fields as answers
from omicopy.model.image import Image
from omicopy.model.request import Party, check_parties
from omicopy.model.result import say_moment
from omicopy.model.units import say_duration

SOON = timedelta(days=7)
"""As long as a URL may live: an access key that ends sooner ends URLs with it."""
LARGEST_SKEW = timedelta(minutes=15)
"""A signature made by a clock that is further off is refused, by S3 at least."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What is to be looked at. Every part may be left out."""

    source: str | None
    targets: Sequence[str]
    bucket: str | None = None
    prefix: str = ""
    images: Sequence[str] = ()
    writes: bool = True
    """Whether an object may be written into the bucket, and deleted again."""
    tolerated_skew: timedelta = timedelta(seconds=60)
    create_bucket: bool = False
    """Whether an export may make the bucket."""

    @property
    def profiles(self) -> list[str]:
        return list(dict.fromkeys([*([self.source] if self.source else []), *self.targets]))


def examine(clients: Clients, asked: Examination, unusable: Mapping[str, OmicopyError], now: datetime) -> list[Finding]:
    """Every check, whatever the others find. `unusable` are profiles that are not complete, and why."""
    findings = [failure(f"{profile}: profile", error) for profile, error in unusable.items()]
    usable = [profile for profile in asked.profiles if profile not in unusable]
    for profile in usable:
        clients.api(profile)  # made before the threads start, once
    parties: dict[str, Party] = {}
    for party, found in in_parallel(lambda profile: _account(clients, profile, now), usable):
        parties |= {party.profile: party} if party else {}
        findings += found
    findings += _pairs(asked, parties)
    images, found = _images(clients, asked, parties)
    findings += found
    checks = list(_sides(clients, asked, parties, images))
    if asked.source in usable and asked.bucket:
        place = (asked.source or "", asked.bucket, asked.prefix)
        works_for_api = asked.source in parties
        checks.append(partial(probe_bucket, clients, *place, asked.writes, works_for_api, asked.create_bucket))
    findings += [finding for found in in_parallel(lambda check: check(), checks) for finding in found]
    findings += _not_checked(asked, unusable, parties)
    return [*findings, *_clocks(clients, asked.tolerated_skew)]


def look_at_file(profiles: Sequence[str], environ: Mapping[str, str]) -> list[Finding]:
    """Whether others than its owner can read the file that profiles are named in. A file that can't be read at all is
    each of its profiles' failure."""
    if all(profile.startswith("env:") for profile in profiles):
        return []
    try:
        file = profiles_file(environ)
    except OmicopyError:
        return []
    mode = mode_for_others(file)
    if mode is None:
        return [Finding("profiles file", True, f"{file} is its owner's alone")] if file.is_file() else []
    said = f"others than its owner can read or change {file} (mode {mode:03o}); it holds keys"
    return [Finding("profiles file", None, said, f"Take their rights: chmod 600 {shlex.quote(str(file))}")]


def _account(clients: Clients, profile: str, now: datetime) -> tuple[Party | None, list[Finding]]:
    """Whose the keys are, in which Region, and until when they are good."""
    subject = f"{profile}: keys"
    try:
        party = identify(clients, profile)
    except OmicopyError as error:
        return None, [failure(subject, error)]
    works = Finding(subject, True, f"they are of account {party.account_id} in {party.region}")
    return party, [works, _region(clients, party), *_keys_end(clients, clients.accounts[profile], now)]


def _region(clients: Clients, party: Party) -> Finding:
    """The service's list of Regions need not name them all, and its API has answered in this one (R6)."""
    subject = f"{party.profile}: Region"
    try:
        names = clients.api(party.profile).read_parsed("ReadRegions", clients.patience, {}, _region_names)
    except ServiceError as error:
        return Finding(subject, None, f"whether {party.region} exists is not known: {error.message}")
    if party.region in names:
        return Finding(subject, True, f"{party.region} exists")
    said = f"{party.region} answers; the service's list of Regions names only {', '.join(names) or 'none'}"
    return Finding(subject, True, said)


def _region_names(answer: Mapping[str, Any]) -> list[str]:
    return [answers.required(region, "RegionName") for region in answers.listed(answer, "Regions")]


def _keys_end(clients: Clients, account: Account, now: datetime) -> Iterator[Finding]:
    """Of the key for the API and of the one that signs, where that is another one."""
    yield _key_ends(clients, account.profile, account.access_key, f"{account.profile}: access key's end", now)
    signer = account.storage_key
    if signer and signer.access_key != account.access_key:
        yield _key_ends(clients, account.profile, signer.access_key, f"{signer.profile}: access key's end", now)


def _key_ends(clients: Clients, profile: str, access_key: str, subject: str, now: datetime) -> Finding:
    hint = "A URL dies with the key that signed it: use a key that lives longer."
    try:
        ends = read_end(clients, profile, access_key)
    except OmicopyError as error:
        return Finding(subject, None, f"whether it has one is not known: {error.message}", hint)
    if ends is None:
        return Finding(subject, True, "it has none")
    if ends <= now:
        return Finding(subject, False, f"it ended at {say_moment(ends, now)}", hint, ErrorCode.DENIED)
    said = f"it ends at {say_moment(ends, now)}"
    return Finding(subject, None, said, hint) if ends - now < SOON else Finding(subject, True, said)


def _pairs(asked: Examination, parties: Mapping[str, Party]) -> Iterator[Finding]:
    """Every way that an image would go; and no account twice."""
    source, targets = parties.get(asked.source or ""), [parties[name] for name in asked.targets if name in parties]
    if source:
        yield from (_way(source, target) for target in targets)
    for one, other in combinations(targets, 2):
        if (one.account_id, one.region) == (other.account_id, other.region):
            said, hint = f"{one} and {other.profile} are the same target", "Name each account once with --to."
            yield Finding(f"{one.profile} and {other.profile}", False, said, hint, ErrorCode.USAGE)


def _way(source: Party, target: Party) -> Finding:
    subject = f"{source.profile} to {target.profile}"
    try:
        check_parties(source, target)
    except OmicopyError as error:
        return failure(subject, error)
    if source.region == target.region:
        said = f"both are in {source.region}, where sharing an image needs no export"
        return Finding(subject, None, said)
    return Finding(subject, True, f"another account in another Region: {source.region}, {target.region}")


def _images(clients: Clients, asked: Examination, parties: Mapping[str, Party]) -> tuple[list[Image], list[Finding]]:
    source = parties.get(asked.source or "")
    if not source:
        return [], []
    images, findings = look_at_images(clients, source, asked.images) if asked.images else ([], [])
    load = [say_load(images, len(asked.targets))] if images else []
    return images, [*findings, *load, say_what_stays()]


def _sides(
    clients: Clients, asked: Examination, parties: Mapping[str, Party], images: Sequence[Image]
) -> Iterator[Callable[[], list[Finding]]]:
    """The checks of each account whose keys work, to be made side by side."""
    source = parties.get(asked.source or "")
    if source:
        yield partial(_source, clients, source, asked.bucket, images)
    for target in [parties[name] for name in dict.fromkeys(asked.targets) if name in parties]:
        yield partial(_target, clients, target, source, images)


def _source(clients: Clients, party: Party, bucket: str | None, images: Sequence[Image]) -> list[Finding]:
    return [
        *try_actions(clients, party, Place.SOURCE_API, bucket),
        *room_in_source(clients, party, images),
    ]


def _target(clients: Clients, party: Party, source: Party | None, images: Sequence[Image]) -> list[Finding]:
    return [
        *try_actions(clients, party, Place.TARGET_API, None),
        *room_in_target(clients, party, source, images),
    ]


def _not_checked(
    asked: Examination, unusable: Mapping[str, OmicopyError], parties: Mapping[str, Party]
) -> Iterator[Finding]:
    """What could not even be tried."""
    for profile in asked.profiles:
        if profile not in parties:
            yield Finding(f"{profile}: rights and quotas", None, "not checked: its keys have to work first")
    if asked.bucket and asked.source in unusable:
        yield Finding(f"s3://{asked.bucket}", None, f"not checked: the profile {asked.source!r} has to be mended first")
    if asked.images and asked.source not in parties:
        yield Finding("images", None, f"not checked: the keys of {asked.source!r} have to work first")


def _clocks(clients: Clients, tolerated: timedelta) -> Iterator[Finding]:
    """A signed URL lives by the service's clock, and a request is refused by it."""
    for whose, ahead in clients.clocks_ahead().items():
        subject, off = f"clock against {whose}", abs(ahead)
        if off <= tolerated:
            yield Finding(subject, True, f"right, within {say_duration(tolerated)}")
            continue
        said = f"this machine's clock is {say_duration(off)} {'ahead' if ahead > timedelta(0) else 'behind'}"
        hint = "Set this machine's clock right, for example with NTP."
        is_too_far = off > LARGEST_SKEW
        yield Finding(subject, False if is_too_far else None, said, hint, ErrorCode.DENIED if is_too_far else None)
