"""The images of a source account, read once for all jobs of a plan."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from omicopy.cloud.clients import Clients
from omicopy.cloud.parallel import in_parallel
from omicopy.cloud.queries import read_images
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError, attempt
from omicopy.model.image import Image
from omicopy.model.request import AccountRef
from omicopy.plans.model import Job, Selector

T = TypeVar("T")


class _Index:
    """Looks images up by ID or name. A plan may name ten thousand; scanning all images for each would be slow."""

    def __init__(self, images: Sequence[Image]) -> None:
        self._images = images
        self._by_id = grouped(images, lambda image: image.image_id)
        self._by_name = grouped(images, lambda image: image.name)

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._by_id

    def matching(self, selector: Selector) -> list[Image]:
        likely = self._images
        if selector.id is not None:
            likely = self._by_id.get(selector.id, ())
        elif selector.name is not None:
            likely = self._by_name.get(selector.name, ())
        return matching_images(likely, selector)


@dataclass(slots=True)
class SourceImages:
    """An account's own images, and images of others that a plan names by ID."""

    account: AccountRef
    own: Sequence[Image]
    others: Sequence[Image] = ()
    unread: OmicopyError | None = None
    """Why the images of others are unknown."""
    _own: _Index = field(init=False, repr=False)
    _others: _Index = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._own, self._others = _Index(self.own), _Index(self.others)

    def select(self, selector: Selector) -> list[Image]:
        """The images that an entry selects; may be empty.

        Raises NOT_FOUND if a named image is missing, or if several have the name.
        """
        found = self._own.matching(selector)
        if selector.id is not None:
            found = found or self._others.matching(selector)
            if not found and self.unread and selector.id not in self._own:
                raise self.unread
        is_named = selector.id is not None or selector.name is not None
        if is_named and not found:
            message = f"There is no image in {self.account} that matches {selector}"
            hint = "Correct the entry. Unless only ID or name are given, the image must be available."
            raise OmicopyError(ErrorCode.NOT_FOUND, message, hint)
        if is_named and selector.latest is None and len(found) > 1:
            raise OmicopyError(
                ErrorCode.NOT_FOUND,
                f"{len(found)} images of {self.account} match {selector}: {', '.join(sorted(i.image_id for i in found))}",  # noqa: E501
                "Select one by its ID, or add latest: 1.",
            )
        return found


def read_source_images(
    clients: Clients, jobs: Sequence[Job], accounts: Mapping[str, AccountRef | OmicopyError]
) -> dict[str, SourceImages | OmicopyError]:
    """The SourceImages of every source profile, or the error; profiles of one account share them."""
    wanted: dict[tuple[str, str], tuple[AccountRef, set[str]]] = {}
    for job in jobs:
        account = accounts[job.source]
        if isinstance(account, AccountRef):
            _, ids = wanted.setdefault((account.account_id, account.region), (account, set()))
            ids |= {selector.id for selector in job.images if selector.id}
    read = in_parallel(lambda each: _read(clients.session(each[0].profile), *each), list(wanted.values()))
    by_account = dict(zip(wanted, read, strict=True))
    known = {job.source: accounts[job.source] for job in jobs}
    return {
        profile: by_account[account.account_id, account.region] if isinstance(account, AccountRef) else account
        for profile, account in known.items()
    }


def _read(session: AccountSession, account: AccountRef, named: set[str]) -> SourceImages | OmicopyError:
    own = attempt(lambda: read_images(session, {"AccountIds": [account.account_id]}, patiently=True))
    if isinstance(own, OmicopyError):
        return own
    missing = sorted(named - {image.image_id for image in own})
    if not missing:
        return SourceImages(account, own)
    others = attempt(lambda: read_images(session, {"ImageIds": missing}, patiently=True))
    if isinstance(others, OmicopyError):
        return SourceImages(account, own, unread=others)
    return SourceImages(account, own, others)


def grouped(items: Iterable[T], key: Callable[[T], str]) -> Mapping[str, Sequence[T]]:
    """The items by their key."""
    groups: dict[str, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def matching_images(images: Sequence[Image], selector: Selector) -> list[Image]:
    """The matching images, newest first; those without a date last.

    An image that is named by ID or exact name may be in any state. One that is searched for must be available: a later
    run finds a pending one, and a failed one is useless.
    """
    is_search = selector.name_regex is not None or bool(selector.tags) or selector.latest is not None
    found = [image for image in images if _fits(image, selector) and (image.is_available or not is_search)]
    found.sort(key=lambda image: image.image_id)
    found.sort(key=lambda image: image.created_at or _LONG_AGO, reverse=True)
    return found[: selector.latest]


def _fits(image: Image, selector: Selector) -> bool:
    return (
        selector.id in (None, image.image_id)
        and selector.name in (None, image.name)
        and (selector.name_regex is None or re.search(selector.name_regex, image.name) is not None)
        and all(image.tags.get(key) == value for key, value in selector.tags.items())
    )
