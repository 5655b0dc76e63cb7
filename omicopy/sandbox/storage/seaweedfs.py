"""The command line, environment and identities file of a SeaweedFS process."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omicopy.sandbox.model.settings import SandboxAccount

SERVERS = ("master", "volume", "filer", "s3", "admin")
"""The servers inside the process. Each has an HTTP and a gRPC port. `admin` can't be left out, only its pages can."""

_OWNER_RIGHTS = ("Admin", "Read", "Write", "List", "Tagging")


def binary() -> Path | None:
    """Returns the `weed` program of this interpreter's environment, else the one on PATH, else None."""
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    return Path(found) if found else None


def arguments(data: Path, identities: Path, ports: Mapping[str, int]) -> list[str]:
    """Returns the arguments of `weed`. `ports` has "NAME.port" and "NAME.port.grpc" for each of `SERVERS`.

    `mini` runs without a cluster, does not wait for an election, and is ready after 1 s. `server` needs 3 s, and 5 s
    more if its parts start in the wrong order.
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
        "-s3.allowedOrigins=",  # else a bucket without a CORS rule admits every web page
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
    ]


def environment(folder: Path) -> dict[str, str]:
    """Returns the whole environment: SeaweedFS would read settings and an administrator from the user's."""
    return {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",  # one new volume at a time, not seven
    }


def identities(
    accounts: Sequence[SandboxAccount], buckets: Mapping[str, Sequence[str]], admin: SandboxAccount
) -> dict[str, Any]:
    """Returns the identities file: each account has all rights on its own buckets only, `admin` on all."""
    entries = [_identity(admin, ["Admin"])]
    for account in accounts:
        own = [name for name, owners in buckets.items() if account.access_key in owners]
        entries.append(_identity(account, [f"{right}:{name}" for name in own for right in _OWNER_RIGHTS]))
    return {"identities": entries}


def _identity(account: SandboxAccount, actions: list[str]) -> dict[str, Any]:
    return {
        "name": account.profile,
        "account": {"id": account.account_id, "displayName": account.profile},
        "credentials": [{"accessKey": account.access_key, "secretKey": account.secret_key}],
        "actions": actions,
    }
