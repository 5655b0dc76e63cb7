"""Reading images: ReadImages."""

from __future__ import annotations

from omicopy.sandbox.api.actions.call import Answer, ApiCall, Request
from omicopy.sandbox.api.actions.lists import (
    Filter,
    any_of,
    exactly,
    like_one_of,
    one_of,
    read_page,
    tag_filters,
)
from omicopy.sandbox.api.actions.shapes import image_shape
from omicopy.sandbox.model.region_state import Omi

FILTERS: dict[str, Filter[Omi]] = {
    "AccountIds": one_of(lambda image: image.account_id),
    "Architectures": one_of(lambda image: image.architecture),
    "BlockDeviceMappingDeleteOnVmDeletion": lambda image, wanted: any(
        device.delete_on_vm_deletion == wanted for device in image.devices
    ),
    "BlockDeviceMappingDeviceNames": any_of(lambda image: [device.name for device in image.devices]),
    "BlockDeviceMappingSnapshotIds": any_of(lambda image: [device.snapshot_id for device in image.devices]),
    "BlockDeviceMappingVolumeSizes": any_of(lambda image: [device.size_gib for device in image.devices]),
    "BlockDeviceMappingVolumeTypes": any_of(lambda image: [device.volume_type for device in image.devices]),
    "BootModes": any_of(lambda image: image.boot_modes),
    "Descriptions": like_one_of(lambda image: image.description),
    "FileLocations": one_of(lambda image: image.file_location),
    "Hypervisors": one_of(lambda _: "xen"),
    "ImageIds": one_of(lambda image: image.image_id),
    "ImageNames": like_one_of(lambda image: image.name),
    "PermissionsToLaunchAccountIds": any_of(lambda image: image.launch_accounts),
    "PermissionsToLaunchGlobalPermission": exactly(lambda image: image.public),
    "ProductCodes": any_of(lambda image: image.product_codes),
    "RootDeviceNames": one_of(lambda _: "/dev/sda1"),
    "RootDeviceTypes": one_of(lambda _: "bsu"),
    "SecureBoot": exactly(lambda _: False),
    "States": one_of(lambda image: image.state.value),
    "TpmMandatory": exactly(lambda image: image.tpm_mandatory),
    "VirtualizationTypes": one_of(lambda _: "hvm"),
    **tag_filters(lambda image: image.tags),
}
"""AccountAliases and ProductCodeNames are refused: nothing in the sandbox has them."""


def read_images(call: ApiCall, request: Request) -> Answer:
    """Returns the images that the caller may launch and the filters select."""
    own = call.account.account_id
    images = [image for image in call.region.images.all(call.moment) if image.may_be_launched_by(own)]
    shown, rest = read_page(call, request, images, FILTERS, lambda image: image.image_id)
    return {"Images": [image_shape(image) for image in shown], **rest}
