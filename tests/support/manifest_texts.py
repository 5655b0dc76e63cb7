"""Manifests as text, complete and with single changes."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

from omicopy.model.manifest import Manifest, parse_manifest

HOST = "https://oos.eu-west-2.outscale.com"
FOLDER = "omi-exports/nightly/ami-12345678"


def signed(path: str, seconds: int = 604800, signature: str = "5ec2e7c0ffee") -> str:
    return (
        f"{HOST}/{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ACCESSKEY1%2F20250102%2Feu-west-2%2Fs3%2F"
        f"aws4_request&X-Amz-Date=20250102T030405Z&X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host"
        f"&X-Amz-Signature={signature}"
    )


NEW: dict[str, Any] = {
    "Version": 1,
    "Image": {
        "Name": "golden-linux",
        "Description": "",
        "Architecture": "x86_64",
        "Type": "machine",
        "ProductTypes": ["0001"],
        "Public": False,
        "User": "123456789012",
        "Snapshots": [
            {
                "Device": "/dev/sda1",
                "Filename": "snap-11111111-aaaaaaaa.qcow2.gz",
                "PreSignedUrl": signed(f"{FOLDER}/snap-11111111-aaaaaaaa.qcow2.gz"),
                "Size": 10737418240,
                "CompressedSize": 974,
                "VolumeType": "standard",
                "Iops": None,
                "DeleteOnTermination": False,
                "Ordering": 58659,
            },
            {
                "Device": "/dev/xvdb",
                "Filename": "snap-22222222-bbbbbbbb.qcow2.gz",
                "PreSignedUrl": signed(f"{FOLDER}/snap-22222222-bbbbbbbb.qcow2.gz", 3600),
                "Size": 1073741824,
                "CompressedSize": 12,
                "VolumeType": "io1",
                "Iops": 300,
                "DeleteOnTermination": True,
                "Ordering": 58660,
            },
        ],
    },
}
OLD: dict[str, Any] = {
    "Image": {
        "Snapshots": [
            {
                "Filename": "export/ami-12a3456b/snap-0.qcow2.gz",
                "PreSignedUrl": "http://oos.eu-west-2.outscale.com/bucket/export/ami-12a3456b/snap-0.qcow2.gz",
                "Size": 10737418240,
            }
        ],
    },
    "Version": 1,
}


def parsed(document: object) -> Manifest:
    return parse_manifest(json.dumps(document).encode())


GONE = object()
SECOND = ("Image", "Snapshots", 1)


def changed(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """NEW with another value at `path`, or without it."""
    document = copy.deepcopy(NEW)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


NAMES = st.sampled_from([*NEW, *NEW["Image"], *NEW["Image"]["Snapshots"][0], "Extra"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([1, "1", signed("b/k"), "http://h/b/k"])
)
ANY_JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6))
