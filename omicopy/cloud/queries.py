"""Whose account a profile is of, and which images are meant by what somebody typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from omicopy.cloud.clients import Clients
from omicopy.cloud.errors import ServiceError
from omicopy.cloud.reads import read_images
from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.model import json_fields as answers
from omicopy.model.image import Image, is_image_id
from omicopy.model.request import AccountRef
from omicopy.model.text import check_text

if TYPE_CHECKING:
    from omicopy.cloud.api import Api


def identify(clients: Clients, profile: str) -> AccountRef:
    """The account that a profile's access key belongs to: by ReadAccounts or, where an EIM user has no right to that,
    by ReadQuotas. Raises a ServiceError, and DENIED where neither may be asked."""
    patience, api = clients.retry.total_seconds(), clients.api(profile)
    try:
        account_id = api.read_parsed("ReadAccounts", patience, {}, _account_id)
    except ServiceError as error:
        if not error.is_missing_right:
            raise
        account_id = _account_of_quotas(api, patience, error)
    account = clients.accounts[profile]
    return AccountRef(profile, account_id, account.region, account.storage)


def _account_of_quotas(api: Api, patience: float, refused: ServiceError) -> str:
    try:
        owners = api.read_parsed("ReadQuotas", patience, {}, _owners)
    except ServiceError as error:
        if not error.is_missing_right:
            raise
        owners = set()
    if len(owners) != 1:
        message = f"{refused.message}; ReadQuotas does not tell the account either"
        hint = f"Give the access key of {api.account.profile!r} the right to ReadAccounts or to ReadQuotas."
        raise OmicopyError(ErrorCode.DENIED, message, hint)
    return owners.pop()


def _account_id(answer: Mapping[str, Any]) -> str:
    """Raises Unreadable for an answer that does not say whose the access key is."""
    accounts = [answers.required(account, "AccountId") for account in answers.listed(answer, "Accounts")]
    if not accounts:
        raise answers.Unreadable("it names no account")
    return accounts[0]


def _owners(answer: Mapping[str, Any]) -> set[str]:
    """Whose quotas an answer shows."""
    quotas = (quota for kind in answers.listed(answer, "QuotaTypes") for quota in answers.listed_if_any(kind, "Quotas"))
    return {owner for quota in quotas if (owner := answers.optional(quota, "AccountId"))}


def find_images(clients: Clients, account: AccountRef, wanted: Sequence[str]) -> list[Image]:
    """The images with these IDs or exact names, each once, in at most two reads. Raises NOT_FOUND for the first that
    is missing or ambiguous; the account's own come before those of others."""
    for text in wanted:
        with named("an image's name"):
            check_text(text)
    visible: list[Image] = []
    for is_id, key in ((True, "ImageIds"), (False, "ImageNames")):
        asked = [text for text in wanted if is_image_id(text) is is_id]
        if asked:
            visible += read_images(clients, account.profile, {key: asked}, patiently=True)
    found = (_pick(account, text, visible) for text in wanted)
    return list({image.image_id: image for image in found}.values())


def _pick(account: AccountRef, wanted: str, visible: Sequence[Image]) -> Image:
    """The one image that is meant. The API's name filter takes wildcards: here names are compared exactly."""
    found = [image for image in visible if wanted == (image.image_id if is_image_id(wanted) else image.name)]
    own = {image.image_id: image for image in found if image.account_id == account.account_id}
    if len(own) > 1:
        message = f"{len(own)} images of {account} are called {wanted!r}: {', '.join(sorted(own))}"
        raise OmicopyError(ErrorCode.NOT_FOUND, message, "Name one by its ID.")
    if not found:
        raise OmicopyError(
            ErrorCode.NOT_FOUND,
            f"There is no image {wanted!r} in {account}",
            "Give an image's ID (ami-…) or its exact name; list them with the API's ReadImages.",
        )
    return min(own.values() or found, key=lambda image: image.image_id)
