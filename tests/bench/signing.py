"""What a pre-signed URL costs, beside boto3's own client: `python tests/bench/signing.py [URLS]`. Always exits 0.

Both sign the same objects for the same account, in turns, so that a busy machine is busy for both. Nothing is sent.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import boto3
from botocore.config import Config

from omicopy.cloud.profile import Account
from omicopy.cloud.signing import presign

URLS = 10_000
ROUNDS = 7
YARDSTICK = "boto3 generate_presigned_url"
BUCKET = "omi-exports"
WEEK = timedelta(days=7)
ACCOUNT = Account(
    profile="source",
    access_key="ABCDEFGHIJ0123456789",
    secret_key="ABCDEFGHIJ0123456789ABCDEFGHIJ0123456789",
    region="eu-west-2",
    api_endpoint="https://api.eu-west-2.outscale.com/api/v1",
    oos_endpoint="https://oos.eu-west-2.outscale.com",
    client_cert=None,
)

Sign = Callable[[str], str]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else URLS
    keys = [f"nightly/ami-{number // 4:08x}/snap-{number:08x}.qcow2.gz" for number in range(count)]
    signers = {"omicopy presign": ours, YARDSTICK: theirs()}
    costs: dict[str, list[float]] = {name: [] for name in signers}
    if not do_the_same(list(signers.values())):
        print("the two don't sign the same: there is nothing to compare")
        return
    for _ in range(ROUNDS):
        for name, sign in signers.items():
            costs[name].append(seconds(sign, keys))
    report({name: statistics.median(of_one) / count for name, of_one in costs.items()}, count)


def ours(key: str) -> str:
    return presign(ACCOUNT, BUCKET, key, WEEK)


def theirs() -> Sign:
    """A client that is made once, with the settings that DOMAIN.md §4 asks for."""
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session = boto3.Session(ACCOUNT.access_key, ACCOUNT.secret_key, region_name=ACCOUNT.region)
    client = session.client("s3", endpoint_url=ACCOUNT.oos_endpoint, config=config)

    def sign(key: str) -> str:
        return client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": key}, int(WEEK.total_seconds()))

    return sign


def do_the_same(signers: list[Sign]) -> bool:
    """Whether all make one and the same URL. A second may end in between, so there are a few tries."""
    return any(len({sign("a folder/disk+1~%.qcow2.gz") for sign in signers}) == 1 for _ in range(3))


def seconds(sign: Sign, keys: list[str]) -> float:
    """CPU time of signing all of them: nothing here waits for anything."""
    gc.collect()
    began = time.process_time()
    for key in keys:
        sign(key)
    return time.process_time() - began


def report(medians: dict[str, float], count: int) -> None:
    print(f"median of {ROUNDS} rounds of {count} URLs, in turns; CPU time a URL; ratios to {YARDSTICK}")
    for name, cost in medians.items():
        print(f"{name:<32} {cost * 1e6:>7.1f} µs {cost / medians[YARDSTICK]:>6.2f}")


if __name__ == "__main__":
    main()
