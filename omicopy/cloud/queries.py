"""Identifies accounts, and finds images and export tasks."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from omicopy.cloud.errors import ServiceError
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.model import json_fields
from omicopy.model.export import ExportTask, parse_task
from omicopy.model.image import Image, is_image_id, parse_image
from omicopy.model.request import AccountRef
from omicopy.model.text import check_text

if TYPE_CHECKING:
    from omicopy.cloud.api import Api


def identify(session: AccountSession) -> AccountRef:
    """The account of a profile's access key: from ReadAccounts or, if an EIM user lacks that permission, from
    ReadQuotas.

    Raises a ServiceError, and DENIED if neither is permitted.
    """
    patience, api, account = session.clients.retry.total_seconds(), session.api, session.account
    try:
        account_id = api.read_parsed("ReadAccounts", patience, {}, _account_id)
    except ServiceError as error:
        if not error.is_missing_right:
            raise
        account_id = _account_from_quotas(api, patience, error)
    return AccountRef(account.profile, account_id, account.region, account.storage)


def _account_from_quotas(api: Api, patience: float, refused: ServiceError) -> str:
    try:
        owners = api.read_parsed("ReadQuotas", patience, {}, _owners)
    except ServiceError as error:
        if not error.is_missing_right:
            raise
        owners = set()
    if len(owners) != 1:
        message = f"{refused.message}; ReadQuotas doesn't name the account either"
        hint = f"Give the access key of {api.account.profile!r} the permission for ReadAccounts or ReadQuotas."
        raise OmicopyError(ErrorCode.DENIED, message, hint)
    return owners.pop()


def _account_id(answer: Mapping[str, Any]) -> str:
    """Raises MalformedAnswer if the answer doesn't name the account."""
    accounts = [json_fields.required(account, "AccountId") for account in json_fields.listed(answer, "Accounts")]
    if not accounts:
        raise json_fields.MalformedAnswer("it names no account")
    return accounts[0]


def _owners(answer: Mapping[str, Any]) -> set[str]:
    """The accounts whose quotas an answer contains."""
    quotas = (
        quota
        for kind in json_fields.listed(answer, "QuotaTypes")
        for quota in json_fields.listed_if_any(kind, "Quotas")
    )
    return {owner for quota in quotas if (owner := json_fields.optional(quota, "AccountId"))}


def find_images(session: AccountSession, wanted: Sequence[str]) -> list[Image]:
    """The images with these IDs or exact names, each once, in at most two reads.

    The account's own images come before others. Raises NOT_FOUND for the first that is missing or ambiguous.
    """
    for text in wanted:
        with named("an image's name"):
            check_text(text)
    visible: list[Image] = []
    for is_id, key in ((True, "ImageIds"), (False, "ImageNames")):
        asked = [text for text in wanted if is_image_id(text) is is_id]
        if asked:
            visible += read_images(session, {key: asked}, patiently=True)
    found = (_pick(session.ref, text, visible) for text in wanted)
    return list({image.image_id: image for image in found}.values())


def _pick(account: AccountRef, wanted: str, visible: Sequence[Image]) -> Image:
    """The image with this ID or name. The API's name filter accepts wildcards, so names are compared exactly here."""
    found = [image for image in visible if wanted == (image.image_id if is_image_id(wanted) else image.name)]
    own = {image.image_id: image for image in found if image.account_id == account.account_id}
    if len(own) > 1:
        message = f"{len(own)} images of {account} are named {wanted!r}: {', '.join(sorted(own))}"
        raise OmicopyError(ErrorCode.NOT_FOUND, message, "Use the ID of one of them.")
    if not found:
        hint = "Give an image's ID (ami-…) or its exact name. ReadImages of the API lists them."
        raise OmicopyError(ErrorCode.NOT_FOUND, f"There is no image {wanted!r} in {account}", hint)
    return min(own.values() or found, key=lambda image: image.image_id)


Filters = Mapping[str, Sequence[str]]
_NEW_FILTER = "ImageIds"
MAX_FILTER_VALUES = 500
"""Names or IDs in one request; the service's limit is not documented."""


def read_images(session: AccountSession, filters: Filters, patiently: bool = False) -> list[Image]:
    """The images that an account can see. Raises a ServiceError when retries are used up.

    Retries last at most half a minute, because a loop reads again anyway; with `patiently`, as long as the user allows.
    """
    images = session.api.read_all("ReadImages", "Images", _seconds(session, patiently), filters, parse_image)
    ids, owners = _wanted(filters, "ImageIds"), _wanted(filters, "AccountIds")
    return [image for image in images if image.image_id in ids and image.account_id in owners]


def read_own_images(session: AccountSession, patiently: bool = True) -> list[Image]:
    """The account's own images, in the same way."""
    return read_images(session, {"AccountIds": [session.ref.account_id]}, patiently)


def read_tasks(session: AccountSession, filters: Filters, patiently: bool = False) -> list[ExportTask]:
    """An account's export tasks, in the same way.

    The filter `ImageIds` is new. If the service refuses it, all tasks are read, now and for the rest of the run.
    """
    api, seconds = session.api, _seconds(session, patiently)

    def read(asked: Filters) -> list[ExportTask]:
        known = {name: values for name, values in asked.items() if name not in api.refused_filters}
        return api.read_all("ReadImageExportTasks", "ImageExportTasks", seconds, known, parse_task)

    try:
        tasks = read(filters)
    except ServiceError as error:
        if _NEW_FILTER not in filters or _NEW_FILTER in api.refused_filters or not _may_be_filter(error):
            raise
        tasks = read({name: values for name, values in filters.items() if name != _NEW_FILTER})
        api.refused_filters.add(_NEW_FILTER)
    ids, image_ids = _wanted(filters, "TaskIds"), _wanted(filters, _NEW_FILTER)
    return [task for task in tasks if task.task_id in ids and task.image_id in image_ids]


def _may_be_filter(error: ServiceError) -> bool:
    """True if the service may have refused the parameters rather than the caller."""
    is_refused = error.answer is not None and error.answer.status == HTTPStatus.BAD_REQUEST
    return is_refused and error.code in (ErrorCode.FAILED, ErrorCode.NOT_FOUND)


class _Anything:
    def __contains__(self, _: object) -> bool:
        return True


def _wanted(filters: Filters, name: str) -> Container[str]:
    return frozenset(filters[name]) if name in filters else _Anything()


def filter_unless_long(name: str, values: Iterable[str]) -> dict[str, list[str]]:
    """A filter, or none if it would be so long that reading everything is faster."""
    wanted: set[str] = set()
    for value in values:
        wanted.add(value)
        if len(wanted) > MAX_FILTER_VALUES:
            return {}
    return {name: sorted(wanted)}


def _seconds(session: AccountSession, patiently: bool) -> float:
    return session.clients.retry.total_seconds() if patiently else session.patience
