"""What a manifest says and until when it serves; asked for, whether every object behind it is alive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from omicopy.cloud.errors import ServiceError
from omicopy.cloud.url_reader import ObjectState, Probe, UrlReader
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import foreign_object, problem_of
from omicopy.model.boot import Boot
from omicopy.model.manifest import Expiry, Manifest, ManifestSnapshot, effective_expiry
from omicopy.model.result import SCHEMA, rfc3339
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import PresignedUrl


@dataclass(frozen=True, slots=True)
class Inspection:
    """`url` is the manifest's own, where one was given; `location` its place in a bucket, where that is known.

    `probes` has one entry a snapshot, or none at all where nobody asked the store.
    """

    manifest: Manifest
    url: PresignedUrl | None = None
    location: S3Object | None = None
    probes: tuple[Probe, ...] = ()
    boot: Boot = field(default_factory=Boot)
    """As the image says that it was exported from; unknown where nobody asked its account."""
    outside: str | None = None
    """Of an own manifest: the first entry that points out of its export, so that nobody should hand it out (R4)."""

    @property
    def expiry(self) -> Expiry:
        return effective_expiry(self.url.expires_at, self.manifest) if self.url else self.manifest.expiry()

    def problems(self) -> list[OmicopyError]:
        """What the probes found wrong, each with its JSON path; see `problem_of`."""
        pairs = zip(self.manifest.snapshots, self.probes, strict=bool(self.probes))
        found = (problem_of(index, snapshot, probe) for index, (snapshot, probe) in enumerate(pairs))
        return [problem for problem in found if problem is not None]


def probe_all(
    fetcher: UrlReader, manifest: Manifest, named: str | None = None, allow_private: bool = False
) -> tuple[Probe, ...]:
    """One byte through every embedded URL, of this machine and of private networks only at the host `named`, or where
    that is allowed. A store that can't be asked hides nothing of the others."""
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


def probe_verdict(snapshot: ManifestSnapshot, probe: Probe) -> str:
    """`alive`, `refused` and why, `missing`, `unknown`, `not asked`, or that the object has another size than the
    manifest says."""
    if _is_not_asked(probe):
        return "not asked"
    if None not in (probe.size_bytes, snapshot.compressed_bytes) and probe.size_bytes != snapshot.compressed_bytes:
        return f"{probe.size_bytes} bytes where the manifest says {snapshot.compressed_bytes}"
    return probe.life.value + (f" – {probe.refusal.message}" if probe.refusal else "")


def describe_inspection(inspection: Inspection, now: datetime) -> dict[str, Any]:
    """What `inspect -o json` prints. It names hosts, buckets and keys, and no URL that would open anything."""
    manifest, expiry = inspection.manifest, inspection.expiry
    probes = inspection.probes or (None,) * len(manifest.snapshots)
    return {
        "schema": SCHEMA,
        "manifest": str(inspection.location) if inspection.location else None,
        "name": manifest.name,
        "description": manifest.description,
        "architecture": manifest.architecture,
        "product_types": list(manifest.product_types),
        "boot_modes": sorted(inspection.boot.modes) if inspection.boot.modes else None,
        "tpm_mandatory": inspection.boot.tpm,
        "url": _describe_url(inspection.url, now) if inspection.url else None,
        "outside": inspection.outside,
        "effective_expires_at": rfc3339(expiry.at),
        "seconds_left": _seconds_left(expiry.at, now),
        "ends_first": expiry.first,
        "ends_by": rfc3339(expiry.earliest_known),
        "snapshots": [
            {
                "device": snapshot.device,
                "size_bytes": snapshot.size_bytes,
                "compressed_bytes": snapshot.compressed_bytes,
                "volume_type": snapshot.volume_type,
                "iops": snapshot.iops,
                **_describe_url(snapshot.url, now),
                "probe": _describe_probe(probe) if probe else None,
            }
            for snapshot, probe in zip(manifest.snapshots, probes, strict=True)
        ],
    }


def _describe_url(url: PresignedUrl, now: datetime) -> Mapping[str, Any]:
    return {
        "scheme": url.scheme,
        "host": url.host,
        "bucket": url.bucket,
        "key": url.key,
        "signature": url.signature.value,
        "signed_for": url.signed_for,
        "expires_at": rfc3339(url.expires_at),
        "seconds_left": _seconds_left(url.expires_at, now),
    }


def _describe_probe(probe: Probe) -> Mapping[str, Any]:
    reason = probe.refusal.reason.value if probe.refusal else _NOT_ASKED if _is_not_asked(probe) else None
    return {"state": probe.life.value, "size_bytes": probe.size_bytes, "reason": reason}


_NOT_ASKED = "not-asked"


def _is_not_asked(probe: Probe) -> bool:
    return probe.error is not None and probe.error.code is ErrorCode.USAGE


def _seconds_left(moment: datetime | None, now: datetime) -> int | None:
    """Negative: so many seconds ago."""
    return None if moment is None else int((moment - now).total_seconds())
