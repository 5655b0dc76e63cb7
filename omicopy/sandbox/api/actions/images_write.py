"""Changing images: CreateImage (from a manifest, or as a copy in the Region), UpdateImage, DeleteImage."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlsplit

from omicopy.sandbox.api.actions.account import copies_in_flight
from omicopy.sandbox.api.actions.call import Action, Answer, Call, Request
from omicopy.sandbox.api.actions.shapes import image_shape
from omicopy.sandbox.api.errors import ApiError, No, limit_reached
from omicopy.sandbox.model.behaviours import Boot, Description, Names
from omicopy.sandbox.model.region_state import Image, ImageState
from omicopy.sandbox.model.task_behaviours import CopyLimit

NAME = re.compile(r"[A-Za-z0-9_ ()/.-]{3,128}")
LONGEST_DESCRIPTION = 255
BOOT = ("BootModes", "TpmMandatory")
SOURCES = ("FileLocation", "SourceImageId", "VmId", "BlockDeviceMappings")
EXCLUDED = ("VmId", "SourceImageId", "NoReboot", "Architecture", "RootDeviceName")
"""What OUTSCALE's integration tests found refused beside FileLocation."""
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]*:[0-9a-f:.]*")


def create_image(call: Call, request: Request) -> Answer:
    """Answers `pending` at once; the work goes on behind."""
    if "FileLocation" in request:
        _check_manifest_source(request)
    given = [name for name in SOURCES if name in request]
    if len(given) != 1:
        raise ApiError(No.BAD_COMBINATION, f"Exactly one of {', '.join(SOURCES)} is needed.")
    if given == ["FileLocation"]:
        return {"Image": image_shape(_from_manifest(call, request))}
    if given == ["SourceImageId"]:
        return {"Image": image_shape(_as_copy(call, request))}
    if given == ["VmId"]:
        raise ApiError(No.NO_SUCH_VM, f"The VmId '{request['VmId']}' doesn't exist.")
    raise ApiError(No.BAD_COMBINATION, "The sandbox can't register an image from snapshots.")


def _from_manifest(call: Call, request: Request) -> Image:
    _check_boot(call, request)
    _check_new(call, request)
    call.work.check_source(request["FileLocation"])
    with call.world.lock:
        _check_new(call, request)
        _check_room(call, is_import=True)
        image = _pending(call, request, request["FileLocation"])
        if call.settings.variant.boot is Boot.ACCEPTED:
            image = _booting(image, request)
        call.world.images.put(image.image_id, image)
    call.work.import_image(image.image_id, request["FileLocation"])
    return image


def _check_boot(call: Call, request: Request) -> None:
    given = [name for name in BOOT if name in request]
    if given and call.settings.variant.boot is Boot.REFUSED:
        raise ApiError(No.EXCLUDED, f"FileLocation can't be combined with {' or '.join(BOOT)}.")
    if given and call.settings.variant.boot is Boot.UNKNOWN:
        raise ApiError(No.NO_PARAMETER, f"Unknown parameter in this request: '{given[0]}'.")


def _booting(image: Image, request: Request) -> Image:
    """With the boot modes and the TPM that were asked for; they can't be changed later."""
    modes = tuple(request.get("BootModes", image.boot_modes))
    return replace(image, boot_modes=modes, tpm_mandatory=request.get("TpmMandatory", image.tpm_mandatory))


def _as_copy(call: Call, request: Request) -> Image:
    if request.get("SourceRegionName") != call.world.region:
        raise ApiError(No.BETWEEN_REGIONS)
    with call.world.lock:
        source = call.world.images.get(request["SourceImageId"])
        if source is None or not source.may_be_launched_by(call.account.account_id):
            raise ApiError(No.NO_SUCH_IMAGE, f"The ImageId '{request['SourceImageId']}' doesn't exist.")
        if source.state is not ImageState.AVAILABLE:
            raise ApiError(No.IMAGE_STATE, f"The image is {source.state}.")
        asked = {"ImageName": source.name, "Description": source.description} | dict(request)
        _check_new(call, asked)
        _check_room(call, is_import=False)
        image = _pending(call, asked, f"{call.account.account_id}/{asked['ImageName']}")
        image = replace(
            image,
            product_codes=source.product_codes,
            architecture=source.architecture,
            boot_modes=source.boot_modes,
            tpm_mandatory=source.tpm_mandatory,
        )
        image = _booting(image, request)
        call.world.images.put(image.image_id, image)
    call.work.copy_image(image.image_id, source.image_id)
    return image


def _pending(call: Call, request: Request, location: str) -> Image:
    return Image(
        is_made_here=True,
        image_id=call.world.new_id("ami"),
        account_id=call.account.account_id,
        name=request["ImageName"],
        created=call.world.today(),
        description=request.get("Description", ""),
        state=ImageState.PENDING,
        product_codes=tuple(request.get("ProductCodes", ("0001",))),
        file_location=location,
    )


def _check_manifest_source(request: Request) -> None:
    """What excludes a manifest, and whether it can be a URL at all: what is behind it only the import finds out."""
    excluded = [name for name in EXCLUDED if name in request]
    if excluded:
        raise ApiError(No.EXCLUDED, f"{', '.join(excluded)} can't be used with FileLocation.")
    try:
        parts = urlsplit(request["FileLocation"])
        host = parts.hostname or ""
    except ValueError:
        raise ApiError(No.NO_SUCH_HOST) from None
    if not parts.scheme or "://" not in request["FileLocation"]:
        raise ApiError(No.NO_URL)
    if HOST.fullmatch(host) is None:
        raise ApiError(No.NO_SUCH_HOST)


def _check_room(call: Call, is_import: bool) -> None:
    """How many snapshots an import makes is not known before its manifest is read: there has to be room for one."""
    settings, own = call.settings, call.account
    copies = copies_in_flight(own, call.world.images.all(), settings.variant)
    counts = not is_import or settings.variant.copy_limit is CopyLimit.IMPORTS_TOO
    if counts and 0 < settings.copies_in_flight <= copies:
        raise limit_reached(settings.variant, No.COPIES_IN_FLIGHT, settings.copies_in_flight, "Image Copies")
    snapshots = sum(snapshot.account_id == own.account_id for snapshot in call.world.snapshots.all())
    if 0 < settings.snapshots <= snapshots:
        raise limit_reached(settings.variant, No.SNAPSHOT_QUOTA, settings.snapshots, "Snapshots")


def _check_new(call: Call, request: Request) -> None:
    """The name and the description."""
    name = request.get("ImageName")
    if name is None:
        raise ApiError(No.BAD_COMBINATION, "ImageName is needed.")
    if not NAME.fullmatch(name):
        raise ApiError(No.BAD_IMAGE_NAME)
    _check_description(call, request)
    own = call.world.owned(call.account)
    if call.settings.variant.names is Names.ENFORCED and any(image.name == name for image in own):
        raise ApiError(No.NAME_TAKEN)


def _check_description(call: Call, request: Request) -> None:
    limited = call.settings.variant.description is Description.LIMITED
    if limited and len(request.get("Description", "")) > LONGEST_DESCRIPTION:
        raise ApiError(No.TOO_LONG, f"Description must have at most {LONGEST_DESCRIPTION} characters.")


def update_image(call: Call, request: Request) -> Answer:
    """Description, product codes, and who may launch it."""
    _check_description(call, request)
    permissions = request.get("PermissionsToLaunch", {})
    if "Additions" in permissions and "Removals" in permissions:
        raise ApiError(No.BAD_COMBINATION, "Either Additions or Removals.")
    with call.world.lock:
        image = _own_image(call, request["ImageId"])
        image = replace(
            image,
            description=request.get("Description", image.description),
            product_codes=tuple(request.get("ProductCodes", image.product_codes)),
        )
        image = _shared(image, permissions)
        return {"Image": image_shape(call.world.images.put(image.image_id, image))}


def _shared(image: Image, permissions: Request) -> Image:
    more, less = permissions.get("Additions", {}), permissions.get("Removals", {})
    accounts = [account for account in image.launch_accounts if account not in less.get("AccountIds", [])]
    accounts += [account for account in more.get("AccountIds", []) if account not in accounts]
    public = (image.public or more.get("GlobalPermission", False)) and not less.get("GlobalPermission", False)
    return replace(image, launch_accounts=tuple(accounts), public=public)


def delete_image(call: Call, request: Request) -> Answer:
    """Deregisters an image and leaves its snapshots."""
    with call.world.lock:
        image = _own_image(call, request["ImageId"])
        call.world.images.drop(image.image_id)
    return {}


def _own_image(call: Call, image_id: str) -> Image:
    image = call.world.images.get(image_id)
    if image is None or not image.may_be_launched_by(call.account.account_id):
        raise ApiError(No.NO_SUCH_IMAGE, f"The ImageId '{image_id}' doesn't exist.")
    if image.account_id != call.account.account_id:
        raise ApiError(No.NOT_YOURS)
    return image


ACTIONS: dict[str, Action] = {
    "CreateImage": create_image,
    "UpdateImage": update_image,
    "DeleteImage": delete_image,
}
