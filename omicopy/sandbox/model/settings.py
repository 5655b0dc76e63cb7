"""What a sandbox can be told: its accounts, how long things take, what is limited, which variant of the unknown."""

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
"""The buckets that exist in each Region, and the profile that owns each."""


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """One OUTSCALE account and its access key; it lives in exactly one Region. Or an EIM user of one, with a key of its
    own, which works for the API and not for object storage."""

    profile: str
    account_id: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    is_eim_user: bool = False


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Durations are seconds of the sandbox's clock, which tests may hold (scheduler.py); a limit of 0 means that there
    is none, as `MaxValue` 0 does.
    """

    behaviour: Behaviour = field(default_factory=Behaviour)
    seed: int = 0
    export_seconds: float = 3.0
    import_seconds: float = 3.0
    queued_share: float = 0.2
    """The part of `export_seconds` that a task spends as `pending/queued`."""
    embedded_url_seconds: int = 604_800
    embedded_url_age_seconds: int = 0
    """The embedded URLs are signed as if the export had ended so long ago, so that an old export needs no waiting."""
    task_url_age_seconds: int | None = None
    """The same of the task's own URL of the manifest; None: as old as the embedded ones."""
    ended_task_seconds: float = 2.0
    """How long ended tasks stay listed where the variant lets them age out."""
    lag_seconds: float = 0.0
    """API reads show the world as it was so long ago."""
    clock_skew_seconds: float = 300.0
    """Further than this from the service's clock, a request to the API is refused: five minutes are documented."""
    check_signatures: bool = True
    """False: a request to the API has to name a key, and may be signed wrongly. For proxies that rewrite bodies."""
    access_keys_end: str | None = None
    """What ReadAccessKeys gives as every key's expiration date, in ISO 8601. The keys work on all the same."""
    refused_tag_keys: tuple[str, ...] = ()
    """CreateTags refuses these keys, and everything else that is asked for in the same call."""
    exports_in_flight: int = 10
    copies_in_flight: int = 10
    snapshots: int = 2_000


def make_accounts() -> tuple[SandboxAccount, ...]:
    """Two accounts in each Region, and an EIM user of the first, with fresh keys: a key from another run opens nothing
    here."""
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
