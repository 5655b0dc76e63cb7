"""Manifests that somebody else wrote."""

from __future__ import annotations

import json
from collections.abc import Callable

from omicopy.model.manifest import Manifest, parse_manifest
from omicopy.model.s3_location import S3Object
from tests.support.builders import raw_manifest


def body(change: Callable[[str], str] = str) -> bytes:
    document = raw_manifest()
    entry = document["Image"]["Snapshots"][0]
    entry["PreSignedUrl"] = change(entry["PreSignedUrl"])
    return json.dumps(document).encode()


KEY = "ami-0000000a/manifest"
PLACE = S3Object("omi-exports", KEY)
ELSEWHERE: dict[str, Callable[[str], str]] = {
    "another bucket": lambda url: url.replace("/omi-exports/", "/other-exports/"),
    "another folder": lambda url: url.replace("/ami-0000000a/", "/ami-0000000b/"),
    "the folder above": lambda url: url.replace("/ami-0000000a/", "/"),
}


def manifest(change: Callable[[str], str] = str) -> Manifest:
    return parse_manifest(body(change))
