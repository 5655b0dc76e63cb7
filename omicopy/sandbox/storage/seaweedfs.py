"""How SeaweedFS is told what to be: one light, silent process on loopback, and who may do what in which bucket."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omicopy.sandbox.model.settings import SandboxAccount

SERVERS = ("master", "volume", "filer", "s3", "admin")
"""What listens; each has a port for HTTP and one for gRPC. `admin` can't be left out, only its pages can."""

_OWNER_MAY = ("Admin", "Read", "Write", "List", "Tagging")


def binary() -> Path | None:
    """The `weed` of this interpreter's environment, else the one on PATH. It is the server itself, not a wrapper."""
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    return Path(found) if found else None


def arguments(data: Path, identities: Path, ports: Mapping[str, int]) -> list[str]:
    """The command line after `weed`; `ports` has "NAME.port" and "NAME.port.grpc" for every one of `SERVERS`.

    `mini` is `server` in one go: it knows to be alone, so it neither waits for an election nor between its parts (ready
    after 1 s, not 3; `server` loses 5 s more when its parts meet in the wrong order).
    """
    return [
        "-logtostderr=true",
        "mini",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *(f"-{name}={port}" for name, port in ports.items()),
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=100",
        "-filer.localSocket=filer.sock",
        f"-s3.config={identities}",
        "-s3.localSocket=s3.sock",
        "-s3.autoCreateBucket=false",
        "-s3.iam=false",
        "-s3.allowedOrigins=",  # else a bucket without a rule lets every web page in
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
    ]


def environment(folder: Path) -> dict[str, str]:
    """Nothing from outside: SeaweedFS takes settings and even an administrator from variables and files at home."""
    return {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",  # one new volume at a time, not seven
    }


def identities(
    accounts: Sequence[SandboxAccount], buckets: Mapping[str, Sequence[str]], admin: SandboxAccount
) -> dict[str, Any]:
    """The identities file: all rights on one's own buckets and none elsewhere; `admin` may do everything."""
    entries = [_identity(admin, ["Admin"])]
    for account in accounts:
        own = [name for name, owners in buckets.items() if account.access_key in owners]
        entries.append(_identity(account, [f"{right}:{name}" for name in own for right in _OWNER_MAY]))
    return {"identities": entries}


def _identity(account: SandboxAccount, actions: list[str]) -> dict[str, Any]:
    return {
        "name": account.profile,
        "account": {"id": account.account_id, "displayName": account.profile},
        "credentials": [{"accessKey": account.access_key, "secretKey": account.secret_key}],
        "actions": actions,
    }
