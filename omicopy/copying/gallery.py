"""The images of a source account, read once for all the jobs of a plan that take from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omicopy.cloud.clients import Clients
from omicopy.copying.parallel import in_parallel
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.image import Image, parse_image
from omicopy.model.plan import Job, Selector
from omicopy.model.request import Party
from omicopy.model.selection import matching_images


@dataclass(frozen=True, slots=True)
class Gallery:
    """An account's own images, and those of others that a plan names by their IDs."""

    party: Party
    own: Sequence[Image]
    others: Sequence[Image] = ()
    unread: OmicopyError | None = None
    """Why it is not known whether there are such others."""

    def select(self, selector: Selector) -> list[Image]:
        """The images that an entry means; possibly none. Raises NOT_FOUND for one that is named and not there, or whose
        name several bear."""
        found = matching_images(self.own, selector)
        if selector.id is not None:
            found = found or matching_images(self.others, selector)
            if not found and self.unread and selector.id not in {image.image_id for image in self.own}:
                raise self.unread
        is_named = selector.id is not None or selector.name is not None
        if is_named and not found:
            raise OmicopyError(
                ErrorCode.NOT_FOUND,
                f"There is no image in {self.party} that fits {selector}",
                "Correct the entry; what is searched for by more than its ID or name must be available.",
            )
        if is_named and selector.latest is None and len(found) > 1:
            raise OmicopyError(
                ErrorCode.NOT_FOUND,
                f"{len(found)} images of {self.party} fit {selector}: {', '.join(sorted(i.image_id for i in found))}",
                "Name one by its ID, or add latest: 1.",
            )
        return found


def read_galleries(
    clients: Clients, jobs: Sequence[Job], parties: Mapping[str, Party | OmicopyError]
) -> dict[str, Gallery | OmicopyError]:
    """A gallery for every source profile; profiles of one account share one. Where there is none, why."""
    wanted: dict[tuple[str, str], tuple[Party, set[str]]] = {}
    for job in jobs:
        party = parties[job.source]
        if isinstance(party, Party):
            _, ids = wanted.setdefault((party.account_id, party.region), (party, set()))
            ids |= {selector.id for selector in job.images if selector.id}
    read = in_parallel(lambda each: _read(clients, *each), list(wanted.values()))
    galleries = dict(zip(wanted, read, strict=True))
    return {
        job.source: galleries[party.account_id, party.region] if isinstance(party, Party) else party
        for job in jobs
        for party in [parties[job.source]]
    }


def _read(clients: Clients, party: Party, named: set[str]) -> Gallery | OmicopyError:
    try:
        own = _images(clients, party, {"AccountIds": [party.account_id]})
    except OmicopyError as error:
        return error
    missing = sorted(named - {image.image_id for image in own})
    if not missing:
        return Gallery(party, own)
    try:
        return Gallery(party, own, _images(clients, party, {"ImageIds": missing}))
    except OmicopyError as error:
        return Gallery(party, own, unread=error)


def _images(clients: Clients, party: Party, filters: Mapping[str, Sequence[str]]) -> list[Image]:
    raw = clients.api(party.profile).read_all("ReadImages", "Images", clients.retry.total_seconds(), filters)
    return [image for item in raw if (image := parse_image(item))]
