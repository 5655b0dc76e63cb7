"""Changing images: CreateImage (from a manifest, or as a copy in the Region), UpdateImage, DeleteImage."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlsplit

from omicopy.sandbox.api.actions.account import copies_in_flight
from omicopy.sandbox.api.actions.call import Answer, ApiCall, Request
from omicopy.sandbox.api.actions.shapes import image_shape
from omicopy.sandbox.api.errors import ApiError, ApiErrorKind
from omicopy.sandbox.model.behaviours import BootParameters, DescriptionLimit, NameRule
from omicopy.sandbox.model.region_state import Omi, OmiState
from omicopy.sandbox.model.task_behaviours import CopyLimit

NAME = re.compile(r"[A-Za-z0-9_ ()/.-]{3,128}")
LONGEST_DESCRIPTION = 255
BOOT = ("BootModes", "TpmMandatory")
SOURCES = ("FileLocation", "SourceImageId", "VmId", "BlockDeviceMappings")
EXCLUDED = ("VmId", "SourceImageId", "NoReboot", "Architecture", "RootDeviceName")
"""Refused beside FileLocation, as OUTSCALE's integration tests show."""
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]*:[0-9a-f:.]*")


def create_image(call: ApiCall, request: Request) -> Answer:
    """Creates a pending image, whose import or copy goes on after the answer."""
    if "FileLocation" in request:
        _check_manifest_source(request)
    given = [name for name in SOURCES if name in request]
    if len(given) != 1:
        raise ApiError(ApiErrorKind.BAD_COMBINATION, f"Exactly one of {', '.join(SOURCES)} is needed.")
    if given == ["FileLocation"]:
        return {"Image": image_shape(_from_manifest(call, request))}
    if given == ["SourceImageId"]:
        return {"Image": image_shape(_as_copy(call, request))}
    if given == ["VmId"]:
        raise ApiError(ApiErrorKind.NO_SUCH_VM, f"The VmId '{request['VmId']}' doesn't exist.")
    raise ApiError(ApiErrorKind.BAD_COMBINATION, "The sandbox can't register an image from snapshots.")


def _from_manifest(call: ApiCall, request: Request) -> Omi:
    _check_boot(call, request)
    _check_new(call, request)
    call.backend.imports.check_source(request["FileLocation"])
    with call.region.lock:
        _check_new(call, request)
        _check_room(call, is_import=True)
        image = _pending(call, request, request["FileLocation"])
        if call.settings.behaviour.boot is BootParameters.ACCEPTED:
            image = _booting(image, request)
        call.region.images.put(image.image_id, image)
    call.backend.imports.start(image.image_id, request["FileLocation"])
    return image


def _check_boot(call: ApiCall, request: Request) -> None:
    given = [name for name in BOOT if name in request]
    if given and call.settings.behaviour.boot is BootParameters.REFUSED:
        raise ApiError(ApiErrorKind.EXCLUDED, f"FileLocation can't be combined with {' or '.join(BOOT)}.")
    if given and call.settings.behaviour.boot is BootParameters.UNKNOWN:
        raise ApiError(ApiErrorKind.NO_PARAMETER, f"Unknown parameter in this request: '{given[0]}'.")


def _booting(image: Omi, request: Request) -> Omi:
    """Returns the image with the requested boot modes and TPM, which can't be changed later."""
    modes = tuple(request.get("BootModes", image.boot_modes))
    return replace(image, boot_modes=modes, tpm_mandatory=request.get("TpmMandatory", image.tpm_mandatory))


def _as_copy(call: ApiCall, request: Request) -> Omi:
    if request.get("SourceRegionName") != call.region.name:
        raise ApiError(ApiErrorKind.BETWEEN_REGIONS)
    with call.region.lock:
        source = call.visible_image(request["SourceImageId"])
        if source.state is not OmiState.AVAILABLE:
            raise ApiError(ApiErrorKind.IMAGE_STATE, f"The image is {source.state}.")
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
        call.region.images.put(image.image_id, image)
    call.backend.imports.start_copy(image.image_id, source.image_id)
    return image


def _pending(call: ApiCall, request: Request, location: str) -> Omi:
    return Omi(
        is_made_here=True,
        image_id=call.region.new_id("ami"),
        account_id=call.account.account_id,
        name=request["ImageName"],
        created=call.region.today(),
        description=request.get("Description", ""),
        state=OmiState.PENDING,
        product_codes=tuple(request.get("ProductCodes", ("0001",))),
        file_location=location,
    )


def _check_manifest_source(request: Request) -> None:
    """Raises ApiError for excluded parameters and for text that is no URL. Only the import reads the URL."""
    excluded = [name for name in EXCLUDED if name in request]
    if excluded:
        raise ApiError(ApiErrorKind.EXCLUDED, f"{', '.join(excluded)} can't be used with FileLocation.")
    try:
        parts = urlsplit(request["FileLocation"])
        host = parts.hostname or ""
    except ValueError:
        raise ApiError(ApiErrorKind.NO_SUCH_HOST) from None
    if not parts.scheme or "://" not in request["FileLocation"]:
        raise ApiError(ApiErrorKind.NO_URL)
    if HOST.fullmatch(host) is None:
        raise ApiError(ApiErrorKind.NO_SUCH_HOST)


def _check_room(call: ApiCall, is_import: bool) -> None:
    """Raises ApiError if a quota is used up. An import needs room for one snapshot: its manifest is not read yet."""
    limit = call.settings.copies_in_flight
    if not is_import or call.settings.behaviour.copy_limit is CopyLimit.IMPORTS_TOO:
        call.check_limit(ApiErrorKind.COPIES_IN_FLIGHT, limit, copies_in_flight(call), "Image Copies")
    snapshots = len(call.own(call.region.snapshots))
    call.check_limit(ApiErrorKind.SNAPSHOT_QUOTA, call.settings.snapshots, snapshots, "Snapshots")


def _check_new(call: ApiCall, request: Request) -> None:
    """Raises ApiError if the name or the description is not allowed."""
    name = request.get("ImageName")
    if name is None:
        raise ApiError(ApiErrorKind.BAD_COMBINATION, "ImageName is needed.")
    if not NAME.fullmatch(name):
        raise ApiError(ApiErrorKind.BAD_IMAGE_NAME)
    _check_description(call, request)
    own = call.own(call.region.images)
    if call.settings.behaviour.names is NameRule.ENFORCED and any(image.name == name for image in own):
        raise ApiError(ApiErrorKind.NAME_TAKEN)


def _check_description(call: ApiCall, request: Request) -> None:
    limited = call.settings.behaviour.description is DescriptionLimit.LIMITED
    if limited and len(request.get("Description", "")) > LONGEST_DESCRIPTION:
        raise ApiError(ApiErrorKind.TOO_LONG, f"Description must have at most {LONGEST_DESCRIPTION} characters.")


def update_image(call: ApiCall, request: Request) -> Answer:
    """Changes the description, the product codes, or who may launch the image."""
    _check_description(call, request)
    permissions = request.get("PermissionsToLaunch", {})
    if "Additions" in permissions and "Removals" in permissions:
        raise ApiError(ApiErrorKind.BAD_COMBINATION, "Either Additions or Removals.")
    with call.region.lock:
        image = _own_image(call, request["ImageId"])
        image = replace(
            image,
            description=request.get("Description", image.description),
            product_codes=tuple(request.get("ProductCodes", image.product_codes)),
        )
        image = _shared(image, permissions)
        return {"Image": image_shape(call.region.images.put(image.image_id, image))}


def _shared(image: Omi, permissions: Request) -> Omi:
    more, less = permissions.get("Additions", {}), permissions.get("Removals", {})
    accounts = [account for account in image.launch_accounts if account not in less.get("AccountIds", [])]
    accounts += [account for account in more.get("AccountIds", []) if account not in accounts]
    public = (image.public or more.get("GlobalPermission", False)) and not less.get("GlobalPermission", False)
    return replace(image, launch_accounts=tuple(accounts), public=public)


def delete_image(call: ApiCall, request: Request) -> Answer:
    """Deletes an image. Its snapshots stay."""
    with call.region.lock:
        image = _own_image(call, request["ImageId"])
        call.region.images.drop(image.image_id)
    return {}


def _own_image(call: ApiCall, image_id: str) -> Omi:
    image = call.visible_image(image_id)
    if image.account_id != call.account.account_id:
        raise ApiError(ApiErrorKind.NOT_YOURS)
    return image
