"""Manifests that an import refuses, and the smallest that it accepts."""

from __future__ import annotations

import pytest

from tests.sandbox.user import failure_message


@pytest.mark.parametrize("body", [b"no json", b"[]", b"{}", b'{"Version": 1, "Image": []}'])
def test_a_file_that_is_no_manifest_fails(user, body) -> None:
    image = user.import_(user.put("thing.json", body))
    assert failure_message(image)
    assert image["StateComment"]["StateCode"] == "invalid-manifest"


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(Version=2),
        lambda document: document["Image"].update(Snapshots=[]),
        lambda document: document["Image"]["Snapshots"][0].pop("PreSignedUrl"),
        lambda document: document["Image"]["Snapshots"][0].update(Size="10"),
        lambda document: document["Image"]["Snapshots"][0].update(Iops="100"),
        lambda document: document["Image"]["Snapshots"][0].update(Size=1),
        lambda document: document["Image"]["Snapshots"][0].update(CompressedSize=1),
        lambda document: document["Image"]["Snapshots"][0].update(Device="/dev/sdb"),
        lambda document: document["Image"]["Snapshots"].append(document["Image"]["Snapshots"][0]),
    ],
)
def test_a_wrong_manifest_fails(user, change) -> None:
    assert failure_message(user.import_changed(change))


def test_three_keys_per_snapshot_are_enough(user) -> None:
    """A manifest that is written by hand may have only Device, PreSignedUrl and Size."""

    def only_what_is_needed(document):
        for snapshot in document["Image"]["Snapshots"]:
            for name in set(snapshot) - {"Device", "PreSignedUrl", "Size"}:
                del snapshot[name]

    assert user.import_changed(only_what_is_needed)["State"] == "available"
