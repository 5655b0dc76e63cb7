"""What manifests cost to read and to sign anew, beside a plain boto3 loop: `python tests/bench/storage.py [MANIFESTS]`.

Both work on the same manifests in the real store of a sandbox, in turns. The loop is what somebody who knows boto3
writes: one client, and nothing looked at twice. CPU time is that of the thread that asks, without the sandbox's own.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from omicopy.cloud.clients import Clients
from omicopy.cloud.presign import presign
from omicopy.cloud.profiles.profile import resolve_profile
from omicopy.cloud.session import AccountSession
from omicopy.manifests.check import read_own_manifest
from omicopy.manifests.resign import resign_export
from omicopy.model.s3_location import S3Object
from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.settings import SandboxSettings
from tests.bench.cost import Cost, median
from tests.bench.table import Row, text_table
from tests.support.tool import s3_client

MANIFESTS, SNAPSHOTS, ROUNDS = 100, "abc", 5
BUCKET, PROFILE = "omi-exports", "source"
WEEK = timedelta(days=7)
READ, ANEW, WHOLE = "read a manifest", "read it, sign its URLs anew, put it", "`resign`: all of it"
Work = Callable[[str], object]


def main() -> None:
    print(text_table(rows(int(sys.argv[1]) if len(sys.argv) > 1 else MANIFESTS)))


def rows(manifests: int = MANIFESTS) -> list[Row]:
    """CPU and wall a manifest. `resign` checks before and after what the loop takes for granted, so it has no bound."""
    with Sandbox(SandboxSettings(exports_in_flight=0)) as sandbox:
        keys = fill(sandbox, manifests)
        loop, tool = Loop(plain_client(sandbox)), Omicopy(session_of(sandbox))
        costs = in_turns(
            {
                (READ, "boto3"): loop.read,
                (READ, "omicopy"): tool.read,
                (ANEW, "boto3"): loop.sign_anew,
                (ANEW, "omicopy"): tool.sign_anew,
                (WHOLE, "omicopy"): tool.resign,
            },
            keys,
        )
    costs[WHOLE, "boto3"] = costs[ANEW, "boto3"]
    return list(in_rows(costs))


def in_rows(costs: Mapping[tuple[str, str], Cost]) -> Iterator[Row]:
    for what, bound in ((READ, 1.0), (ANEW, 1.0), (WHOLE, None)):
        ours, theirs = costs[what, "omicopy"], costs[what, "boto3"]
        yield Row(
            f"{what}: CPU", f"{ours.cpu * 1e3:.2f} ms", f"{theirs.cpu * 1e3:.2f} ms", ours.cpu / theirs.cpu, bound
        )
        ratio = ours.wall / theirs.wall
        yield Row(f"{what}: wall", f"{1 / ours.wall:.0f}/s", f"{1 / theirs.wall:.0f}/s", ratio)


def in_turns(works: Mapping[tuple[str, str], Work], keys: Sequence[str]) -> dict[tuple[str, str], Cost]:
    """The median cost a manifest. Before it counts, each has made its connections."""
    costs: dict[tuple[str, str], list[Cost]] = {name: [] for name in works}
    for work in works.values():
        work(keys[0])
    for _ in range(ROUNDS):
        for name, work in works.items():
            wall, cpu = time.perf_counter(), time.thread_time()
            for key in keys:
                work(key)
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            costs[name].append(Cost(wall / len(keys), cpu / len(keys)))
    return {name: median(of_one) for name, of_one in costs.items()}


@dataclass(frozen=True)
class Loop:
    """What is written in ten lines with boto3."""

    client: Any

    def read(self, key: str) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads(self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        return manifest

    def sign_anew(self, key: str) -> None:
        manifest = self.read(key)
        for snapshot in manifest["Image"]["Snapshots"]:
            asked = {"Bucket": BUCKET, "Key": snapshot["Filename"]}
            snapshot["PreSignedUrl"] = self.client.generate_presigned_url("get_object", asked, WEEK.total_seconds())
        body = json.dumps(manifest, indent=2).encode()
        self.client.put_object(Bucket=BUCKET, Key=f"{key}.loop", Body=body, ContentType="application/json")


@dataclass(frozen=True)
class Omicopy:
    """What `omicopy resign` is made of: first no more of it than the loop does, then all."""

    session: AccountSession

    def read(self, key: str) -> object:
        return read_own_manifest(self.session, S3Object(BUCKET, key))

    def sign_anew(self, key: str) -> None:
        manifest = read_own_manifest(self.session, S3Object(BUCKET, key))
        urls = [self.session.presign(S3Object(BUCKET, snapshot.key or ""), WEEK).url for snapshot in manifest.snapshots]
        self.session.storage.put(S3Object(BUCKET, f"{key}.omicopy"), manifest.with_urls(urls))

    def resign(self, key: str) -> None:
        resign_export(self.session, S3Object(BUCKET, key), datetime.now(UTC), WEEK)


def session_of(sandbox: Sandbox) -> AccountSession:
    return Clients({PROFILE: resolve_profile(PROFILE, sandbox.env, sandbox.home)}).session(PROFILE)


def plain_client(sandbox: Sandbox) -> Any:
    account = sandbox.accounts[PROFILE]
    return s3_client(sandbox.oos_urls[account.region], account.access_key, account.secret_key, account.region)


def fill(sandbox: Sandbox, manifests: int) -> list[str]:
    """Puts so many exports into the bucket; the keys of their manifests."""
    client, account = plain_client(sandbox), session_of(sandbox).account

    def put(number: int) -> str:
        folder = f"nightly/ami-{number:08x}"
        keys = [f"{folder}/snap-{number:08x}-{letter}.qcow2.gz" for letter in SNAPSHOTS]
        snapshots = []
        for letter, key in zip(SNAPSHOTS, keys, strict=True):
            client.put_object(Bucket=BUCKET, Key=key, Body=b"disk")
            url = presign(account, S3Object(BUCKET, key), timedelta(hours=1)).url
            of_disk = {"Device": f"/dev/sd{letter}", "Filename": key, "Size": 2**33, "CompressedSize": 4}
            snapshots.append({**of_disk, "PreSignedUrl": url})
        body = json.dumps({"Version": 1, "Image": {"Name": folder, "Snapshots": snapshots}}).encode()
        client.put_object(Bucket=BUCKET, Key=f"{folder}/manifest.json", Body=body)
        return f"{folder}/manifest.json"

    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(put, range(manifests)))


if __name__ == "__main__":
    main()
