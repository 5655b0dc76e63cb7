"""ReadImages: which images an account sees, and filters."""

from __future__ import annotations

import pytest

OWN = ["golden-linux", "golden-three", "golden-windows", "still-pending", "failed-image", "twin", "twin", "golden-uefi"]


def test_an_account_sees_own_shared_and_public_images(user) -> None:
    assert user.image_names() == [*OWN, "shared-linux", "public-linux"]
    assert user.image_names("target") == ["resident", "shared-linux", "public-linux"]


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
def test_filters_select_images(user, filters, found) -> None:
    assert user.image_names(Filters=filters) == found
