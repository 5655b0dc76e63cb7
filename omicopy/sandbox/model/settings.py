"""The settings of a sandbox: accounts, buckets, durations, limits, and the behaviour of the service."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field

from omicopy.sandbox.model.behaviours import Behaviour

SOURCE_REGION = "eu-west-2"
TARGET_REGION = "us-east-2"
REGIONS = (SOURCE_REGION, TARGET_REGION)
EXPORT_BUCKET = "omi-exports"
BUCKETS = {
    SOURCE_REGION: {EXPORT_BUCKET: "source", "other-exports": "source-other"},
    TARGET_REGION: {"omi-imports": "target", "other-imports": "target-other"},
}
"""The buckets of each Region at the start, with the profile of the account that owns each."""


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """One OUTSCALE account of one Region and its access key.

    With `is_eim_user`: an EIM user of that account. Its own key works for the API, but not for object storage.
    """

    profile: str
    account_id: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    is_eim_user: bool = False


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """What can be set. Durations are seconds of the sandbox's clock (see `Scheduler`).

    A limit of 0 means "no limit", as `MaxValue` 0 does in the API.
    """

    behaviour: Behaviour = field(default_factory=Behaviour)
    seed: int = 0
    export_seconds: float = 3.0
    import_seconds: float = 3.0
    queued_share: float = 0.2
    """The share of `export_seconds` that a task spends in the state `pending/queued`."""
    embedded_url_seconds: int = 604_800
    embedded_url_age_seconds: int = 0
    """The embedded URLs are signed as if the export had ended this long ago: a test of an old export need not wait."""
    task_url_age_seconds: int | None = None
    """The same for the manifest URL that the task shows. None: as old as the embedded URLs."""
    ended_task_seconds: float = 2.0
    """How long ended tasks stay listed, with `TaskRetention.AGES_OUT`."""
    lag_seconds: float = 0.0
    """API reads show the state of this long ago."""
    clock_skew_seconds: float = 300.0
    """The API refuses a request whose date is further than this from its clock. Five minutes are documented."""
    check_signatures: bool = True
    """False: an API request must name a known key, but its signature is not checked. For proxies that change bodies."""
    access_keys_end: str | None = None
    """The expiration date (ISO 8601) that ReadAccessKeys shows for every key. The keys work after that date, too."""
    refused_tag_keys: tuple[str, ...] = ()
    """CreateTags refuses a call that contains one of these tag keys."""
    exports_in_flight: int = 10
    copies_in_flight: int = 10
    snapshots: int = 2_000


def make_accounts() -> tuple[SandboxAccount, ...]:
    """Returns two accounts per Region and an EIM user of the first account, with fresh keys.

    A key of an earlier run is unknown to this one.
    """
    return (
        _account("source", "100000000001", SOURCE_REGION),
        _account("source-eim", "100000000001", SOURCE_REGION, is_eim_user=True),
        _account("source-other", "100000000002", SOURCE_REGION),
        _account("target", "200000000001", TARGET_REGION),
        _account("target-other", "200000000002", TARGET_REGION),
    )


def _account(profile: str, account_id: str, region: str, is_eim_user: bool = False) -> SandboxAccount:
    alphabet = string.ascii_uppercase + string.digits
    access_key = "".join(secrets.choice(alphabet) for _ in range(20))
    secret_key = "".join(secrets.choice(alphabet) for _ in range(40))
    return SandboxAccount(profile, account_id, region, access_key, secret_key, is_eim_user)
