"""The calls: what they show, to whom, and what they change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.behaviours import Behaviour
from omicopy.sandbox.model.settings import SandboxSettings
from omicopy.sandbox.model.task_behaviours import CopyLimit

OWN = ["golden-linux", "golden-three", "golden-windows", "still-pending", "failed-image", "twin", "twin", "golden-uefi"]
MANIFEST = "http://127.0.0.1:1/b/k?X-Amz-Signature=0"


def names(user, profile="source", **request):
    return [image["ImageName"] for image in user.api(profile).api("ReadImages", **request)["Images"]]


def many_images(sandbox: Sandbox, count: int) -> None:
    state = sandbox.region_state("eu-west-2")
    first = state.images.get("ami-00000001")
    for number in range(count):
        state.images.put(f"ami-1{number:07x}", replace(first, image_id=f"ami-1{number:07x}", name=f"many-{number:04}"))


def test_an_account_sees_its_own_images_those_shared_with_it_and_public_ones(user) -> None:
    assert names(user) == [*OWN, "shared-linux", "public-linux"]
    assert names(user, "target") == ["resident", "shared-linux", "public-linux"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"AccountIds": ["100000000001"]}, OWN),
        ({"ImageIds": ["ami-00000001", "ami-00000002", "ami-99999999"]}, ["golden-linux", "golden-three"]),
        ({"ImageNames": ["golden-*"]}, ["golden-linux", "golden-three", "golden-windows", "golden-uefi"]),
        ({"ImageNames": ["golden-?????"]}, ["golden-linux", "golden-three"]),
        ({"ImageNames": ["[gx]olden-linux"]}, []),
        ({"States": ["pending", "failed"]}, ["still-pending", "failed-image"]),
        ({"TagKeys": ["env"]}, ["golden-linux"]),
        ({"TagValues": ["prod"]}, ["golden-linux"]),
        ({"Tags": ["env=prod"]}, ["golden-linux"]),
        ({"Tags": ["env=test"]}, []),
        ({"ProductCodes": ["0002"]}, ["golden-windows"]),
        ({"BlockDeviceMappingVolumeTypes": ["io1"]}, ["golden-three"]),
        ({"BlockDeviceMappingVolumeSizes": [50]}, ["golden-windows"]),
        ({"BlockDeviceMappingDeleteOnVmDeletion": False}, ["golden-three"]),
        ({"PermissionsToLaunchGlobalPermission": True}, ["public-linux"]),
        ({"PermissionsToLaunchAccountIds": ["100000000002"]}, ["golden-linux"]),
        ({"BootModes": ["uefi"]}, ["golden-uefi"]),
        ({"TpmMandatory": True}, ["golden-uefi"]),
        ({"ImageNames": ["golden-*"], "TagKeys": ["env"]}, ["golden-linux"]),
    ],
)
def test_filters_narrow_what_is_read(user, filters, found) -> None:
    assert names(user, Filters=filters) == found


def test_a_filter_that_is_not_known_here_is_refused_not_ignored(user) -> None:
    with user.refused() as refused:
        names(user, Filters={"AccountAliases": ["me"]})
    assert refused.code == "4023"


def test_item_101_is_on_the_second_page(user) -> None:
    many_images(user.sandbox, 101)
    filters = {"ImageNames": ["many-*"]}
    first = user.api("source").api("ReadImages", Filters=filters)
    assert len(first["Images"]) == 100
    second = user.api("source").api("ReadImages", Filters=filters, NextPageToken=first["NextPageToken"])
    assert [image["ImageName"] for image in second["Images"]] == ["many-0100"]
    assert "NextPageToken" not in second


def test_a_full_last_page_has_no_token(user) -> None:
    many_images(user.sandbox, 10)
    page = user.api("source").api("ReadImages", Filters={"ImageNames": ["many-*"]}, ResultsPerPage=10)
    assert "NextPageToken" not in page


@pytest.mark.parametrize("token", ["garbage", "Z2FyYmFnZQ==", "eyJmcm9tIjogLTF9", "W10="])
def test_a_garbage_token_is_refused(user, token) -> None:
    with user.refused() as refused:
        names(user, NextPageToken=token)
    assert refused.code == "4091"


@pytest.mark.parametrize("size", [0, 1001])
def test_a_page_has_between_1_and_1000_items(user, size) -> None:
    with user.refused() as refused:
        names(user, ResultsPerPage=size)
    assert refused.status == 400


@pytest.mark.parametrize(
    ("profile", "action", "asked"),
    [
        (
            "source",
            "CreateImageExportTask",
            {"ImageId": "ami-00000001", "OsuExport": {"DiskImageFormat": "qcow2", "OsuBucket": "omi-exports"}},
        ),
        ("target", "CreateImage", {"ImageName": "new", "FileLocation": MANIFEST}),
        ("source", "UpdateImage", {"ImageId": "ami-00000001", "Description": "changed"}),
        ("source", "DeleteImage", {"ImageId": "ami-00000001"}),
        ("source", "DeleteSnapshot", {"SnapshotId": "snap-00000010"}),
        ("source", "DeleteExportTask", {"ExportTaskId": "image-export-12345678"}),
        ("source", "CreateTags", {"ResourceIds": ["ami-00000001"], "Tags": [{"Key": "a", "Value": "b"}]}),
        ("source", "DeleteTags", {"ResourceIds": ["ami-00000001"], "Tags": [{"Key": "env", "Value": "prod"}]}),
    ],
)
def test_a_dry_run_changes_nothing(user, profile, action, asked) -> None:
    region = user.sandbox.accounts[profile].region
    state = user.sandbox.region_state(region)
    before = (state.images.all(), state.snapshots.all(), state.tasks.all())
    assert set(user.api(profile).api(action, DryRun=True, **asked)) == {"ResponseContext"}
    assert (state.images.all(), state.snapshots.all(), state.tasks.all()) == before
    assert user.sandbox.request_log.count(action, dry_run=True, account=profile) == 1


def test_a_dry_run_still_needs_a_valid_request(user) -> None:
    with user.refused():
        user.api("source").api("DeleteImage", DryRun=True)


def test_tags_come_and_go_on_images_snapshots_and_tasks(user) -> None:
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
def test_tags_have_their_lengths(user, tag) -> None:
    with user.refused():
        user.api("source").api("CreateTags", ResourceIds=["ami-00000001"], Tags=[tag])


def test_what_is_not_ours_can_t_be_tagged(user) -> None:
    with user.refused():
        user.api("source").api("CreateTags", ResourceIds=["ami-00000012"], Tags=[{"Key": "k", "Value": "v"}])


def test_an_image_can_be_described_and_shared(user) -> None:
    api, other = user.api("source"), user.sandbox.accounts["source-other"].account_id
    api.api(
        "UpdateImage",
        ImageId="ami-00000002",
        Description="new",
        PermissionsToLaunch={"Additions": {"AccountIds": [other]}},
    )
    assert "golden-three" in names(user, "source-other")
    image = user.image("ami-00000002", "source")
    assert (image["Description"], image["PermissionsToLaunch"]["AccountIds"]) == ("new", [other])
    api.api("UpdateImage", ImageId="ami-00000002", PermissionsToLaunch={"Removals": {"AccountIds": [other]}})
    assert "golden-three" not in names(user, "source-other")
    api.api("UpdateImage", ImageId="ami-00000002", PermissionsToLaunch={"Additions": {"GlobalPermission": True}})
    assert "golden-three" in names(user, "source-other")


def test_an_image_of_somebody_else_can_t_be_changed(user) -> None:
    with user.refused() as refused:
        user.api("source").api("DeleteImage", ImageId="ami-00000012")
    assert (refused.status, refused.code) == (401, "5")


def test_deleting_an_image_leaves_its_snapshots_which_then_can_be_deleted(user) -> None:
    api = user.api("source")
    with user.refused() as refused:
        api.api("DeleteSnapshot", SnapshotId="snap-00000010")
    assert (refused.status, refused.code) == (409, "9094")
    api.api("DeleteImage", ImageId="ami-00000001")
    snapshots = api.api("ReadSnapshots", Filters={"SnapshotIds": ["snap-00000010"]})["Snapshots"]
    assert [snapshot["VolumeSize"] for snapshot in snapshots] == [10]
    api.api("DeleteSnapshot", SnapshotId="snap-00000010")
    assert api.api("ReadSnapshots", Filters={"SnapshotIds": ["snap-00000010"]})["Snapshots"] == []


def test_snapshots_are_seen_by_their_owner_only(user) -> None:
    owners = {one["AccountId"] for one in user.api("source").api("ReadSnapshots")["Snapshots"]}
    assert owners == {user.sandbox.accounts["source"].account_id}


@pytest.mark.parametrize("name", ["ab", "x" * 129, "white\tspace", "ümlaut", "semi;colon"])
def test_a_name_that_is_not_allowed_is_refused(user, name) -> None:
    with user.refused() as refused:
        user.api("target").api("CreateImage", ImageName=name, FileLocation=MANIFEST)
    assert refused.code == "4026"


def test_a_name_that_is_taken_is_refused(user) -> None:
    with user.refused() as refused:
        user.api("target").api("CreateImage", ImageName="resident", FileLocation=MANIFEST)
    assert (refused.status, refused.code, refused.type) == (409, "9015", "ResourceConflict")


def test_a_name_that_somebody_else_has_is_free(user) -> None:
    user.api("target").api("CreateImage", ImageName="public-linux", FileLocation=MANIFEST)


@pytest.mark.parametrize("image_id", ["ami-00000001", "ami-00000011", "ami-00000012"])
def test_an_image_of_the_region_can_be_copied(user, image_id) -> None:
    asked = {"ImageName": "local copy", "SourceImageId": image_id, "SourceRegionName": "eu-west-2"}
    made = user.api("source").api("CreateImage", **asked)["Image"]
    user.wait(lambda: user.image(made["ImageId"], "source")["State"] == "available")
    copy, source = user.image(made["ImageId"], "source"), user.image(image_id, "source")
    assert copy["AccountId"] == user.sandbox.accounts["source"].account_id
    [ours], [theirs] = copy["BlockDeviceMappings"], source["BlockDeviceMappings"]
    assert ours["Bsu"]["SnapshotId"] != theirs["Bsu"]["SnapshotId"]


def test_an_image_of_another_region_can_t_be_copied(user) -> None:
    asked = {"ImageName": "far copy", "SourceImageId": "ami-00000001", "SourceRegionName": "eu-west-2"}
    with user.refused() as refused:
        user.api("target").api("CreateImage", **asked)
    assert (refused.status, refused.code) == (400, "8019")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("bucket/key", "4075"),
        ("file:///etc/hostname", "4074"),
        ("https:bucket", "4075"),
        ("https:///key", "4074"),
        ("https://no host/key", "4074"),
        ("https://[::1/key", "4074"),
    ],
)
def test_what_can_be_no_url_is_refused_at_once(user, url, code) -> None:
    with user.refused() as refused:
        user.api("target").api("CreateImage", ImageName="copy", FileLocation=url)
    assert (refused.status, refused.code) == (400, code)


def test_what_does_not_go_with_a_manifest_is_refused(user) -> None:
    more = {"Architecture": "x86_64", "NoReboot": True, "RootDeviceName": "/dev/sda1", "VmId": "i-12345678"}
    for name, value in {**more, "SourceImageId": "ami-00000021"}.items():
        with user.refused() as refused:
            user.api("target").api("CreateImage", ImageName="copy", FileLocation=MANIFEST, **{name: value})
        assert (refused.status, refused.code) == (400, "3002")


def test_quotas_show_limits_and_use(user) -> None:
    user.sandbox.scheduler.hold()
    user.start_export("ami-00000001")
    [quotas] = user.api("source").api("ReadQuotas", Filters={"QuotaNames": ["image_export_limit"]})["QuotaTypes"]
    assert [(quota["MaxValue"], quota["UsedValue"]) for quota in quotas["Quotas"]] == [(10, 1)]
    assert (quotas["QuotaType"], quotas["Quotas"][0]["QuotaCollection"]) == ("global", "Storage")


def test_no_import_more_than_snapshots_or_copies_may_be(user) -> None:
    user.sandbox.reset(SandboxSettings(snapshots=1))
    with user.refused() as refused:
        user.api("target").api("CreateImage", ImageName="one more", FileLocation=MANIFEST)
    assert (refused.code, refused.type) == ("10026", "TooManyResources (QuotaExceded)")
    for copy_limit, code in ((CopyLimit.COPIES, None), (CopyLimit.IMPORTS_TOO, "10008")):
        user.sandbox.reset(SandboxSettings(copies_in_flight=1, behaviour=Behaviour(copy_limit=copy_limit)))
        user.sandbox.scheduler.hold()
        user.api("target").api("CreateImage", ImageName="one", FileLocation=MANIFEST)
        if code is None:
            user.api("target").api("CreateImage", ImageName="two", FileLocation=MANIFEST)
            continue
        with user.refused() as refused:
            user.api("target").api("CreateImage", ImageName="two", FileLocation=MANIFEST)
        assert refused.code == code


def test_an_access_key_is_shown_without_its_secret(user) -> None:
    [key] = user.api("source").api("ReadAccessKeys")["AccessKeys"]
    assert (key["AccessKeyId"], key["State"]) == (user.sandbox.accounts["source"].access_key, "ACTIVE")
    assert "SecretKey" not in key


def test_an_eim_user_is_of_the_account_and_sees_no_key_but_its_own(user) -> None:
    api, own = user.api("source-eim"), user.sandbox.accounts["source-eim"]
    assert api.api("ReadAccounts")["Accounts"][0]["AccountId"] == user.sandbox.accounts["source"].account_id
    assert [key["AccessKeyId"] for key in api.api("ReadAccessKeys")["AccessKeys"]] == [own.access_key]
    assert "golden-three" in names(user, "source-eim")
