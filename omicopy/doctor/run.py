"""All checks of `doctor`: both accounts, their permissions, the bucket, the clock, the quotas."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import combinations
from typing import Any

from omicopy.cloud.access_key import read_expiry
from omicopy.cloud.clients import TOLERATED_SKEW, Clients
from omicopy.cloud.errors import ServiceError
from omicopy.cloud.parallel import in_parallel
from omicopy.cloud.profiles.file import mode_for_others, profiles_file
from omicopy.cloud.session import AccountSession
from omicopy.doctor.bucket import check_bucket_access
from omicopy.doctor.findings import Check, CheckStatus, failure
from omicopy.doctor.permissions import check_permissions
from omicopy.doctor.quotas import check_images, check_not_exported, check_size, room_in_source, room_in_target
from omicopy.doctor.required_rights import RightScope
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model import json_fields
from omicopy.model.image import Image
from omicopy.model.request import AccountRef, check_accounts
from omicopy.model.result import format_timestamp
from omicopy.model.s3_location import check_bucket, check_prefix
from omicopy.model.units import format_duration

SOON = timedelta(days=7)
"""The longest validity of a URL. A URL stops working when the access key that signed it expires."""
LARGEST_SKEW = timedelta(minutes=15)
"""S3 refuses signatures made by a clock that is off by more."""


@dataclass(frozen=True, slots=True)
class DoctorOptions:
    """What to check. Every part is optional. Raises USAGE if nothing remains to check, or for an unusable bucket."""

    source: str | None
    targets: Sequence[str]
    bucket: str | None = None
    prefix: str = ""
    images: Sequence[str] = ()
    writes: bool = True
    """True to write an object into the bucket and delete it again."""
    create_bucket: bool = False
    """True if an export may create the bucket."""

    def __post_init__(self) -> None:
        if not self.profiles:
            hint = "Give --from PROFILE, --to PROFILE, or both."
            raise OmicopyError(ErrorCode.USAGE, "There is nothing to check", hint)
        if not self.source and (self.bucket or self.images):
            hint = "Add --from PROFILE."
            raise OmicopyError(ErrorCode.USAGE, "Can't check a bucket or images without their source account", hint)
        if self.bucket:
            check_bucket(self.bucket)
        check_prefix(self.prefix)

    @property
    def profiles(self) -> list[str]:
        return list(dict.fromkeys([*([self.source] if self.source else []), *self.targets]))


def run_checks(
    clients: Clients, asked: DoctorOptions, unusable: Mapping[str, OmicopyError], now: datetime
) -> list[Check]:
    """Runs every check, also after others failed, and returns the results. `unusable`: incomplete profiles, and why."""
    findings = [failure(f"{profile}: profile", error) for profile, error in unusable.items()]
    usable = [profile for profile in asked.profiles if profile not in unusable]
    clients.prepare(usable)
    sessions = [clients.session(profile) for profile in usable]
    accounts: dict[str, AccountSession] = {}
    for session, (works, found) in zip(
        sessions, in_parallel(lambda each: _check_keys(each, now), sessions), strict=True
    ):
        accounts |= {session.profile: session} if works else {}
        findings += found
    findings += _check_pairs(asked, accounts)
    images, found = _images(asked, accounts)
    findings += found
    checks = list(_account_checks(asked, accounts, images))
    if asked.source in usable and asked.bucket:
        place = (clients.session(asked.source or ""), asked.bucket, asked.prefix)
        works_for_api = asked.source in accounts
        checks.append(partial(check_bucket_access, *place, asked.writes, works_for_api, asked.create_bucket))
    findings += [finding for found in in_parallel(lambda check: check(), checks) for finding in found]
    findings += _not_checked(asked, unusable, accounts)
    return [*findings, *_check_clocks(clients)]


def check_profiles_file(profiles: Sequence[str], environ: Mapping[str, str]) -> list[Check]:
    """Returns a warning if other users can read the profiles file. Returns nothing if it can't be read at all: each of
    its profiles reports that."""
    if all(profile.startswith("env:") for profile in profiles):
        return []
    try:
        file = profiles_file(environ)
    except OmicopyError:
        return []
    mode = mode_for_others(file)
    if mode is None:
        private = Check("profiles file", CheckStatus.OK, f"only its owner has access to {file}")
        return [private] if file.is_file() else []
    message = f"other users can read or change {file} (mode {mode:03o}), which contains keys"
    hint = f"Restrict it to its owner: chmod 600 {shlex.quote(str(file))}"
    return [Check("profiles file", CheckStatus.WARN, message, hint)]


def _check_keys(session: AccountSession, now: datetime) -> tuple[bool, list[Check]]:
    """Returns True if the keys work, and checks of their account, their Region and their expiry."""
    subject = f"{session.profile}: keys"
    try:
        account = session.ref
    except OmicopyError as error:
        return False, [failure(subject, error)]
    works = Check(subject, CheckStatus.OK, f"they belong to account {account.account_id} in {account.region}")
    return True, [works, _check_region(session), *_check_key_expiries(session, now)]


def _check_region(session: AccountSession) -> Check:
    """Never fails: the service's list of Regions may be incomplete, and the API has answered in this one (R6)."""
    region, subject = session.account.region, f"{session.profile}: Region"
    try:
        names = session.api.read_parsed("ReadRegions", session.patience, {}, _region_names)
    except ServiceError as error:
        return Check(subject, CheckStatus.WARN, f"unknown whether {region} exists: {error.message}")
    if region in names:
        return Check(subject, CheckStatus.OK, f"{region} exists")
    message = f"{region} answers; the service's list of Regions names only {', '.join(names) or 'none'}"
    return Check(subject, CheckStatus.OK, message)


def _region_names(answer: Mapping[str, Any]) -> list[str]:
    return [json_fields.required(region, "RegionName") for region in json_fields.listed(answer, "Regions")]


def _check_key_expiries(session: AccountSession, now: datetime) -> Iterator[Check]:
    """Yields a check of the key for the API, and one of the key that signs URLs if it is another."""
    account = session.account
    yield _check_key_expiry(session, account.access_key, f"{account.profile}: access key's end", now)
    signer = account.storage_key
    if signer and signer.access_key != account.access_key:
        yield _check_key_expiry(session, signer.access_key, f"{signer.profile}: access key's end", now)


def _check_key_expiry(session: AccountSession, access_key: str, subject: str, now: datetime) -> Check:
    hint = "A URL stops working when the key that signed it expires: use a key that expires later."
    try:
        ends = read_expiry(session, access_key)
    except OmicopyError as error:
        return Check(subject, CheckStatus.WARN, f"unknown whether it expires: {error.message}", hint)
    if ends is None:
        return Check(subject, CheckStatus.OK, "it never expires")
    if ends <= now:
        return Check(subject, CheckStatus.FAIL, f"it expired at {format_timestamp(ends, now)}", hint, ErrorCode.DENIED)
    message = f"it expires at {format_timestamp(ends, now)}"
    if ends - now < SOON:
        return Check(subject, CheckStatus.WARN, message, hint)
    return Check(subject, CheckStatus.OK, message)


def _check_pairs(asked: DoctorOptions, accounts: Mapping[str, AccountSession]) -> Iterator[Check]:
    """Yields a check per source and target, and a failure for each two targets that are the same account."""
    source = accounts.get(asked.source or "")
    targets = [accounts[name].ref for name in asked.targets if name in accounts]
    if source:
        yield from (_check_pair(source.ref, target) for target in targets)
    for one, other in combinations(targets, 2):
        if (one.account_id, one.region) == (other.account_id, other.region):
            message, hint = f"{one} and {other.profile} are the same target", "Name each account once with --to."
            yield Check(f"{one.profile} and {other.profile}", CheckStatus.FAIL, message, hint, ErrorCode.USAGE)


def _check_pair(source: AccountRef, target: AccountRef) -> Check:
    subject = f"{source.profile} to {target.profile}"
    try:
        check_accounts(source, target)
    except OmicopyError as error:
        return failure(subject, error)
    if source.region == target.region:
        message = f"both are in {source.region}: within a Region, share the image; that needs no export"
        return Check(subject, CheckStatus.WARN, message)
    return Check(subject, CheckStatus.OK, f"another account in another Region: {source.region}, {target.region}")


def _images(asked: DoctorOptions, accounts: Mapping[str, AccountSession]) -> tuple[list[Image], list[Check]]:
    source = accounts.get(asked.source or "")
    if not source:
        return [], []
    images, findings = check_images(source, asked.images) if asked.images else ([], [])
    load = [check_size(images, len(asked.targets))] if images else []
    return images, [*findings, *load, check_not_exported()]


def _account_checks(
    asked: DoctorOptions, accounts: Mapping[str, AccountSession], images: Sequence[Image]
) -> Iterator[Callable[[], list[Check]]]:
    """Yields the checks of each account whose keys work, to run in parallel."""
    source = accounts.get(asked.source or "")
    if source:
        yield partial(_check_source, source, asked.bucket, images)
    for target in [accounts[name] for name in dict.fromkeys(asked.targets) if name in accounts]:
        yield partial(_check_target, target, source.ref if source else None, images)


def _check_source(session: AccountSession, bucket: str | None, images: Sequence[Image]) -> list[Check]:
    return [*check_permissions(session, RightScope.SOURCE_API, bucket), *room_in_source(session, images)]


def _check_target(session: AccountSession, source: AccountRef | None, images: Sequence[Image]) -> list[Check]:
    return [*check_permissions(session, RightScope.TARGET_API, None), *room_in_target(session, source, images)]


def _not_checked(
    asked: DoctorOptions, unusable: Mapping[str, OmicopyError], accounts: Mapping[str, AccountSession]
) -> Iterator[Check]:
    """Yields a warning for each check that was skipped because its keys or its profile don't work."""
    for profile in asked.profiles:
        if profile not in accounts:
            yield Check(f"{profile}: rights and quotas", CheckStatus.WARN, "not checked: its keys have to work first")
    if asked.bucket and asked.source in unusable:
        message = f"not checked: the profile {asked.source!r} has to be corrected first"
        yield Check(f"s3://{asked.bucket}", CheckStatus.WARN, message)
    if asked.images and asked.source not in accounts:
        yield Check("images", CheckStatus.WARN, f"not checked: the keys of {asked.source!r} have to work first")


def _check_clocks(clients: Clients) -> Iterator[Check]:
    """Compares clocks: signed URLs expire, and requests are refused, by the service's clock."""
    for whose, ahead in clients.clocks_ahead().items():
        subject, off = f"clock against {whose}", abs(ahead)
        if off <= TOLERATED_SKEW:
            yield Check(subject, CheckStatus.OK, f"right, within {format_duration(TOLERATED_SKEW)}")
            continue
        message = f"this machine's clock is {format_duration(off)} {'ahead' if ahead > timedelta(0) else 'behind'}"
        hint = "Set this machine's clock right, for example with NTP."
        is_too_far = off > LARGEST_SKEW
        status, code = (CheckStatus.FAIL, ErrorCode.DENIED) if is_too_far else (CheckStatus.WARN, None)
        yield Check(subject, status, message, hint, code)
