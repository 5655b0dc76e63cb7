"""What a pre-signed URL costs, beside boto3's own client: `python tests/bench/signing.py [URLS]`.

Both sign the same objects for the same account, in turns, so that a busy machine is busy for both. Nothing is sent.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from omicopy.cloud.presign import presign
from omicopy.cloud.profiles.profile import Account, StorageKey
from omicopy.model.s3_location import S3Object
from tests.bench.table import Row, text_table

URLS = 5_000
ROUNDS = 5
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
    storage_key=StorageKey("source", "ABCDEFGHIJ0123456789", "ABCDEFGHIJ0123456789ABCDEFGHIJ0123456789"),
)

Sign = Callable[[str], str]


def main() -> None:
    print(text_table(rows(int(sys.argv[1]) if len(sys.argv) > 1 else URLS)))


def rows(urls: int = URLS) -> list[Row]:
    """CPU a URL, the median of some rounds."""
    keys = [f"nightly/ami-{number // 4:08x}/snap-{number:08x}.qcow2.gz" for number in range(urls)]
    client = theirs()
    if not do_the_same([ours, client]):
        raise AssertionError("the two don't sign the same: there is nothing to compare")
    rounds = [(seconds(ours, keys), seconds(client, keys)) for _ in range(ROUNDS)]
    own, other = (statistics.median(costs) / urls for costs in zip(*rounds, strict=True))
    return [Row("sign a URL, beside boto3: CPU", f"{own * 1e6:.0f} µs", f"{other * 1e6:.0f} µs", own / other, 1.0)]


def ours(key: str) -> str:
    return presign(ACCOUNT, S3Object(BUCKET, key), WEEK).url


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


if __name__ == "__main__":
    main()
