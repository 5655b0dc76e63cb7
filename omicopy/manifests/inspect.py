"""Inspects a manifest: its content, when it expires, and (on request) if every object can be read."""

from __future__ import annotations

from dataclasses import dataclass, field

from omicopy.cloud.errors import ServiceError
from omicopy.cloud.url_reader import ObjectState, Probe, UrlReader
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import foreign_object, problem_of
from omicopy.model.boot import Boot
from omicopy.model.manifest import Expiry, Manifest, ManifestSnapshot, effective_expiry
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import PresignedUrl


@dataclass(frozen=True, slots=True)
class Inspection:
    """An inspected manifest. `url` is its own, if one was given; `location` is its key in a bucket, if known.

    `probes` has one entry per snapshot, or none if the store wasn't asked.
    """

    manifest: Manifest
    url: PresignedUrl | None = None
    location: S3Object | None = None
    probes: tuple[Probe, ...] = ()
    boot: Boot = field(default_factory=Boot)
    """From the image that was exported; unknown if its account wasn't read."""
    outside: str | None = None
    """For an own manifest: the first entry that points outside its export, so it must not be handed out (R4)."""

    @property
    def expiry(self) -> Expiry:
        return effective_expiry(self.url.expires_at, self.manifest) if self.url else self.manifest.expiry()

    def problems(self) -> list[OmicopyError]:
        """Returns the errors that the probes found, each with its JSON path; see `problem_of`."""
        pairs = zip(self.manifest.snapshots, self.probes, strict=bool(self.probes))
        found = (problem_of(index, snapshot, probe) for index, (snapshot, probe) in enumerate(pairs))
        return [problem for problem in found if problem is not None]

    @property
    def exit_code(self) -> int:
        """Exit code of the worst problem: damage first, as re-signing doesn't cure it. 0 if there is none."""
        # A caller that re-signs on EXPIRED must not do so in vain: a damaged object stays damaged.
        gravity = {ErrorCode.DAMAGED: 2, ErrorCode.EXPIRED: 1}
        gravest = max(self.problems(), key=lambda problem: gravity.get(problem.code, 0), default=None)
        return gravest.exit_code if gravest else 0

    def verdicts(self) -> list[str]:
        """Returns one text per probe: `alive`, `refused` and why, `missing`, `unknown`, `not asked`, or a wrong
        size."""
        pairs = zip(self.manifest.snapshots, self.probes, strict=bool(self.probes))
        return [_verdict(snapshot, probe) for snapshot, probe in pairs]


def _verdict(snapshot: ManifestSnapshot, probe: Probe) -> str:
    if not probe.was_asked:
        return "not asked"
    if None not in (probe.size_bytes, snapshot.compressed_bytes) and probe.size_bytes != snapshot.compressed_bytes:
        return f"{probe.size_bytes} bytes where the manifest says {snapshot.compressed_bytes}"
    return probe.life.value + (f" – {probe.refusal.message}" if probe.refusal else "")


def probe_all(
    fetcher: UrlReader, manifest: Manifest, named: str | None = None, allow_private: bool = False
) -> tuple[Probe, ...]:
    """Reads one byte through every embedded URL. A probe that fails doesn't stop the others.

    Hosts on this machine and in private networks are only asked if `named`, or with `allow_private`.
    """
    # Decided before the first request, so that no request reaches a host that is not allowed.
    problems = [None if allow_private else foreign_object(snapshot.url, named) for snapshot in manifest.snapshots]
    return tuple(
        _probe(fetcher, snapshot.url) if problem is None else Probe(ObjectState.UNKNOWN, error=problem)
        for snapshot, problem in zip(manifest.snapshots, problems, strict=True)
    )


def _probe(fetcher: UrlReader, url: PresignedUrl) -> Probe:
    try:
        return fetcher.probe(url)
    except ServiceError as error:
        return Probe(ObjectState.UNKNOWN, error=error)
