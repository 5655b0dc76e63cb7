"""Pre-signed URLs to hand out: to download with, or to upload with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from omicopy.api.connection import ConnectionOptions, Duration, connect, duration
from omicopy.cloud.clients import Clients
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests import presign as signing
from omicopy.manifests.handoff import handoff_text
from omicopy.manifests.locate import locate
from omicopy.manifests.presign import PresignOptions, PresignResult, presign_checked
from omicopy.manifests.source_boot import read_source_boot
from omicopy.model.s3_location import parse_s3_object
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
    handoff: bool = False,
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
) -> PresignResult:
    """Returns a URL that works (`.url.url`) of an export's manifest or of any object, and until when (`.expiry`).

    `source` is `s3://BUCKET/KEY`, a folder, an export task's or an image's ID, or an old URL. `storage` (`PROFILE`,
    `aws:NAME`, `none`) is whose key signs, else the profile's own. A manifest whose URLs expire within `min_validity`
    (else 24 h, or as long as the URL lives) is signed again; without `resign` that is EXPIRED. Without `check` nothing
    is read. With `handoff` the result has a text for the other account's owner, too. Where no key reads the bucket, a
    task or an image gives the URL that its task shows, whatever `expires` says. `clients` have their own connection.

    Raises USAGE, NOT_FOUND, DAMAGED, EXPIRED, DENIED for refused credentials, or where the task's URL does not live
    long enough, CONFIGURATION, or a ServiceError.

        presign("ami-12345678", profile="source", expires="2d").url.url
    """
    if handoff and not check:
        hint = "Leave out --method put and --no-check."
        raise OmicopyError(ErrorCode.USAGE, "A hand-off describes a manifest, so omicopy has to read one", hint)
    life = duration("expires", expires, check_expiry)
    validity = min(timedelta(hours=24), life)
    if min_validity is not None:
        validity = duration("min_validity", min_validity, check_validity)
    clients, now = clients or connect(profile, storage={profile: storage}, connection=connection), datetime.now(UTC)
    is_url = source.lower().startswith(("http://", "https://"))
    is_export = not is_url and (not source.startswith("s3://") or source.endswith("/"))
    options = PresignOptions(life, validity, check, resign, only_manifest=is_url, is_export=is_export)
    session = clients.session(profile)
    result = _presign(session, options, source, now)
    clients.warn_of_clocks()
    return _with_handoff(session, source, result) if handoff else result


def _presign(session: AccountSession, options: PresignOptions, source: str, now: datetime) -> PresignResult:
    located = locate(session, source, now)
    if located.from_task is not None:
        from omicopy.manifests.task_url import presign_from_task  # looks into buckets, too, which few need

        return presign_from_task(session, options, located.from_task, now)
    return presign_checked(session, options, located.location, now)


def _with_handoff(session: AccountSession, source: str, result: PresignResult) -> PresignResult:
    if result.manifest is None:
        hint = "Hand off an export's manifest, without --no-check; omicopy inspect SOURCE shows whether it is one."
        raise OmicopyError(ErrorCode.USAGE, f"{result.location} was not read as a manifest: no hand-off", hint)
    boot = read_source_boot(session, source)
    return replace(result, handoff=handoff_text(result.url, result.manifest, result.expiry.at, boot))


def presign_upload(
    location: str,
    *,
    profile: str,
    storage: str | None = None,
    expires: Duration = "7d",
    content_type: str | None = None,
    check: bool = True,
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
) -> PresignResult:
    """Returns a URL (`.url.url`) to upload one object with, by PUT, to `s3://BUCKET/KEY`, which need not exist yet.

    An upload must have `content_type`, where one is given. `.replaces` says whether an object is there already; without
    `check` that is not known. `storage` (`PROFILE`, `aws:NAME`, `none`) is whose key signs, else the profile's own;
    `clients` have their own connection.

    Raises USAGE, EXPIRED for an access key that expires before the URL, NOT_FOUND for the bucket, DENIED,
    CONFIGURATION, or a ServiceError.

        presign_upload("s3://uploads/disk.qcow2", profile="source", expires="1h").url.url
    """
    life = duration("expires", expires, check_expiry)
    target = parse_s3_object(location)
    if target.is_folder:
        raise OmicopyError(ErrorCode.USAGE, f"{location!r} is a folder, not an object", "Write s3://BUCKET/KEY.")
    clients = clients or connect(profile, storage={profile: storage}, connection=connection)
    options = PresignOptions(life, min(timedelta(hours=24), life), check)
    result = signing.presign_upload(clients.session(profile), options, target, content_type, datetime.now(UTC))
    clients.warn_of_clocks()
    return result
