"""A URL to hand out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from omicopy.api.connection import ConnectionOptions, Duration, connect, duration
from omicopy.cloud.clients import Clients
from omicopy.manifests.locate import locate
from omicopy.manifests.presign import PresignOptions, PresignResult, presign_checked
from omicopy.model.urls.validity import check_expiry, check_validity


def presign(
    source: str,
    *,
    profile: str,
    storage: str | None = None,
    expires: Duration = "7d",
    min_validity: Duration | None = None,
    check: bool = True,
    resign: bool = True,
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
) -> PresignResult:
    """A URL of an export's manifest or of any object that works (`.url.url`), and until when (`.expiry`).

    `source` is `s3://BUCKET/KEY`, a folder, an export task's or an image's ID, or an old URL. `storage` (`PROFILE`,
    `aws:NAME`, `none`) is whose key signs, else the profile's own. A manifest whose URLs end within `min_validity`
    (else 24 h, or as long as the URL lives) is signed anew; without `resign` that is EXPIRED. Where no key reads the
    bucket, a task or an image gives the URL that its task shows, whatever `expires` says: DENIED where that does not
    live long enough. `clients` have their own connection.
    """
    life = duration("expires", expires, check_expiry)
    validity = (
        min(timedelta(hours=24), life)
        if min_validity is None
        else duration("min_validity", min_validity, check_validity)
    )
    clients, now = clients or connect(profile, storage={profile: storage}, connection=connection), datetime.now(UTC)
    is_url = source.lower().startswith(("http://", "https://"))
    is_export = not is_url and (not source.startswith("s3://") or source.endswith("/"))
    options = PresignOptions(profile, life, validity, check, resign, only_manifest=is_url, is_export=is_export)
    located = locate(clients, profile, source, now)
    if located.by_task is not None:
        from omicopy.manifests.task_url import hand_out_by_task  # looks into buckets, too, which few need

        return hand_out_by_task(clients, options, located.by_task, now)
    return presign_checked(clients, options, located.location, now)
