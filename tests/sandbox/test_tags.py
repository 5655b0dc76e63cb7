"""CreateTags, DeleteTags, ReadTags."""

from __future__ import annotations

import pytest


def test_tags_on_images_snapshots_and_tasks(user) -> None:
    api = user.api("source")
    things = ["ami-00000002", "snap-00000020", user.start_export("ami-00000001")["TaskId"]]
    api.api("CreateTags", ResourceIds=things, Tags=[{"Key": "k", "Value": "1"}, {"Key": "l", "Value": ""}])
    api.api("CreateTags", ResourceIds=things, Tags=[{"Key": "k", "Value": "2"}])
    found = api.api("ReadTags", Filters={"Keys": ["k"]})["Tags"]
    assert [(tag["ResourceId"], tag["Value"]) for tag in found] == [(thing, "2") for thing in things]
    assert {tag["ResourceType"] for tag in found} == {"image", "snapshot", "task"}
    api.api("DeleteTags", ResourceIds=things, Tags=[{"Key": "k", "Value": "1"}])
    assert len(api.api("ReadTags", Filters={"Keys": ["k"]})["Tags"]) == 3
    api.api("DeleteTags", ResourceIds=things, Tags=[{"Key": "k", "Value": "2"}])
    assert user.image("ami-00000002", "source")["Tags"] == [{"Key": "l", "Value": ""}]


@pytest.mark.parametrize(
    "tag", [{"Key": "", "Value": ""}, {"Key": "k" * 256, "Value": ""}, {"Key": "k", "Value": "v" * 256}]
)
def test_a_tag_of_a_wrong_length_is_refused(user, tag) -> None:
    with user.refused():
        user.api("source").api("CreateTags", ResourceIds=["ami-00000001"], Tags=[tag])


def test_a_resource_of_another_account_cannot_be_tagged(user) -> None:
    with user.refused():
        user.api("source").api("CreateTags", ResourceIds=["ami-00000012"], Tags=[{"Key": "k", "Value": "v"}])
