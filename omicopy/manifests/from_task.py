"""Finds an export through the URLs of its completed tasks, for an account without a key for its bucket.

A completed task's `OsuManifestUrl` is a pre-signed URL of the manifest (DOMAIN.md §2). It is used like a URL that
omicopy signed, but not trusted: it must lead to the account's own store and into the export's own folder, and so must
every URL in the manifest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from omicopy.cloud.errors import Cause, ServiceError
from omicopy.cloud.session import AccountSession
from omicopy.cloud.url_reader import UrlReader, UrlRefused
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import problem_of, require_unchanged
from omicopy.manifests.find import find_in_bucket
from omicopy.manifests.listing import Sizes
from omicopy.manifests.own_manifest import TrustedManifest, read_trusted_manifest
from omicopy.model.choices import DiskFormat
from omicopy.model.export import ExportKey, ExportTask, FoundExport, Phase, format_of
from omicopy.model.lookup import ABSENT, BucketFact, Present, Refused, Unknown
from omicopy.model.manifest import MANIFEST_URL, Expiry, effective_expiry, url_path
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import PresignedUrl
from omicopy.model.urls.task_url import is_in_store, manifest_location, over_https, task_url_problem, url_of

_MAX_READ = 5
"""Completed tasks to read for one export: those whose URLs expire last."""


def find_export(
    session: AccountSession,
    export: ExportKey,
    tasks: Sequence[ExportTask],
    now: datetime,
    listed: Sizes | None = None,
    wanted: DiskFormat | None = None,
) -> BucketFact:
    """Returns an export as its bucket shows it; without a key for the bucket, as its `tasks` show it.

    Prefers a manifest in the format `wanted`. Raises nothing.
    """
    if session.storage_refusal is None:
        fact = find_in_bucket(session, export, tasks, now, listed, wanted)
        if session.storage_refusal is None:  # the read may have shown that the store doesn't know the key
            return fact
    store = TaskUrlReader(session.url_reader, session.account.oos_endpoint, session.clients.allow_http)
    return find_from_tasks(store, tasks, now, wanted)


def require_storage_key(session: AccountSession) -> None:
    """Raises DENIED if the profile is known to have no key for its object storage."""
    why = session.storage_refusal
    if why is not None:
        raise why


def without_key(session: AccountSession, *more: str) -> str | None:
    """Returns the warning for an account without a key for its bucket, with the sentences `more`. None if it has one.

    The warning is short with `--storage none`: then the user chose this, and knows the limits.
    """
    why = session.storage_refusal
    if why is None:
        return None
    if session.account.storage_key is None:
        return " ".join((f"{why.message}. {_INSTEAD}.", *more))
    return " ".join((f"{why.message}. {_INSTEAD}: {_TASK_URL_LIMITS}", *more, why.hint))


def warn_without_key(session: AccountSession, *more: str) -> None:
    """Warns with the message of `without_key`."""
    message = without_key(session, *more)
    if message is not None:
        session.clients.tell(message)


_INSTEAD = "The URLs of its export tasks are used instead"
_TASK_URL_LIMITS = "they can't be re-signed, and an export is only found while its task is listed."


@dataclass(frozen=True, slots=True)
class TaskUrlReader:
    """Reads an account's own object storage through URLs that the service signed."""

    fetcher: UrlReader
    endpoint: str
    allow_http: bool = False

    def read(self, url: PresignedUrl) -> tuple[PresignedUrl, bytes]:
        """Returns the URL that worked, and its content. Raises a ServiceError.

        Tries a plain http URL over https first. Plain http is only used with --allow-http.
        """
        safe = over_https(url)
        if safe is None:
            return url, self.fetcher.read(url)
        try:
            return safe, self.fetcher.read(safe)
        except ServiceError as error:
            # An answer over https, even a refusal, shows that https works: http would answer the same.
            if error.answer is not None or error.code is ErrorCode.OUT_OF_TIME:
                raise
            if not self.allow_http:
                raise ServiceError(
                    error.code, error.cause, error.action, error.where, error.reason, None, _ONLY_HTTP
                ) from None
        return url, self.fetcher.read(url)

    def problem_of_url(self, url: PresignedUrl) -> str | None:
        """Returns why a URL in a manifest can't be trusted, or None.

        https can't be tried instead here: the service will read the URL as the manifest contains it.
        """
        if not is_in_store(url, self.endpoint):
            return f"points to {url.scheme}://{url.host}, not to {self.endpoint}"
        if url.is_exposed and not self.allow_http:
            return "is plain http, so others on the network could change what is imported (see --allow-http)"
        return None


_ONLY_HTTP = "Run it again later. If the store has no https and you trust the network, use --allow-http."


def find_from_tasks(
    store: TaskUrlReader, tasks: Sequence[ExportTask], now: datetime, wanted: DiskFormat | None = None
) -> BucketFact:
    """Returns the export that the completed `tasks` show, preferring usable manifests, then the latest expiry.

    Reads at most `_MAX_READ` tasks. Raises nothing.
    """
    complete = sorted(
        (task for task in tasks if task.phase is Phase.COMPLETE), key=lambda task: (_url_expiry(task), task.task_id)
    )
    facts = [_read_export(store, task, now) for task in complete[-_MAX_READ:]]
    found = [fact.value for fact in facts if isinstance(fact, Present)]
    # An unusable manifest proves nothing while another task's could not be read: that one may be usable.
    if any(_is_usable(stored) for stored in found) or (found and not any(isinstance(fact, Unknown) for fact in facts)):
        return Present(
            max(found, key=lambda stored: (wanted is None or stored.format in (None, wanted), *_rank(stored)))
        )
    unclear = [fact for fact in facts if isinstance(fact, Unknown)] + [f for f in facts if isinstance(f, Refused)]
    return unclear[0] if unclear else ABSENT


def _url_expiry(task: ExportTask) -> float:
    url = url_of(task)
    return url.expires_at.timestamp() if url and url.expires_at else 0.0


def _is_usable(stored: FoundExport) -> bool:
    """True if the export has neither a flaw nor damage."""
    return not (stored.flaw or stored.damage)


def _rank(stored: FoundExport) -> tuple[bool, bool, float]:
    ends = stored.expiry.at
    return (_is_usable(stored), not stored.damage, ends.timestamp() if ends else 0.0)


def _read_export(store: TaskUrlReader, task: ExportTask, now: datetime) -> BucketFact:
    """Reads the export through the URL of one completed task."""
    url = url_of(task)
    flaw = task_url_problem(task, url, store.endpoint, now)
    if url is None or flaw is not None:
        return _unusable_export(task, flaw or "")
    try:
        url, raw = store.read(url)
        manifest = read_trusted_manifest(raw, S3Object(task.key.bucket, url.key or ""))
        return Present(_probed(store, task, url, manifest))
    except UrlRefused as error:
        return _unusable_export(task, f"the store refuses the URL that {task.task_id} shows: {error.refusal.message}")
    except ServiceError as error:
        if error.code is ErrorCode.NOT_FOUND:
            return ABSENT
        return Refused(error) if error.cause is Cause.REFUSED else Unknown(error)
    except OmicopyError as error:
        return Refused(error)


def _unusable_export(task: ExportTask, flaw: str) -> Present[FoundExport]:
    """Returns a complete export whose manifest can't be read, because of `flaw`."""
    nothing = Expiry(at=None, first=MANIFEST_URL, unknown=(MANIFEST_URL,))
    return Present(FoundExport(manifest_location(task), nothing, (), (), format=task.format, flaw=flaw))


def _probed(store: TaskUrlReader, task: ExportTask, url: PresignedUrl, manifest: TrustedManifest) -> FoundExport:
    """Reads one byte of every object (R9), which also shows missing objects and wrong sizes."""
    damage: list[str] = []
    flaws: list[str] = []
    for index, snapshot in enumerate(manifest.snapshots):
        elsewhere = store.problem_of_url(snapshot.url)
        if elsewhere is not None:
            flaws.append(f"{url_path(index)} {elsewhere}")
            continue
        problem = problem_of(index, snapshot, store.fetcher.probe(snapshot.url))
        if problem is not None:
            (damage if problem.code is ErrorCode.DAMAGED else flaws).append(problem.message)
    return FoundExport(
        S3Object(task.key.bucket, url.key or ""),
        effective_expiry(url.expires_at, manifest),
        tuple(damage),
        (),
        manifest.digest(),
        format_of(manifest),
        task_url=url,
        flaw=flaws[0] if flaws else "",
    )


def read_again(fetcher: UrlReader, url: PresignedUrl, stored: FoundExport) -> TrustedManifest:
    """Reads a checked export's manifest again through its task's `url`, so that only the checked one is handed out.

    Raises TEMPORARY if it was replaced since, DAMAGED, or a ServiceError.
    """
    manifest = read_trusted_manifest(fetcher.read(url), stored.location)
    require_unchanged(stored, manifest)
    return manifest
