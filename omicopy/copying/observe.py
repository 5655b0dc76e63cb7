"""Looking at the cloud in batches: one read per account answers for all of its copies (R7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from omicopy.cloud.clients import Clients
from omicopy.cloud.failure import ServiceError
from omicopy.copying.bucket import BucketFact, look_in_bucket
from omicopy.copying.facts import ABSENT, Moment, Present, Unknown
from omicopy.copying.flight import Flight
from omicopy.copying.listing import Sizes, list_together
from omicopy.copying.parallel import in_parallel
from omicopy.copying.reads import read_images, read_tasks, unless_many
from omicopy.copying.steps import Look
from omicopy.model.export import ExportKey, ExportTask, Phase
from omicopy.model.image import Image
from omicopy.model.provenance import CLEANED_TAG
from omicopy.model.request import Destination, Origin

T = TypeVar("T")
K = TypeVar("K")


class Observer:
    """Answers what `decide` asks for, for many copies at once, and notes it in each flight."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._looks: dict[Look, Callable[[Sequence[Flight], Moment], None]] = {
            Look.IMAGES: self._images,
            Look.SOURCE: self._sources,
            Look.TASKS: self._tasks,
            Look.OTHERS: self._others,
            Look.BUCKET: self._buckets,
        }

    def look(self, what: Look, flights: Sequence[Flight], now: Moment) -> None:
        """Reads once an account (a bucket: a list for many) and lets the copies' memories learn from it."""
        self._looks[what](flights, now)
        if what is Look.IMAGES:
            for flight in flights:
                flight.image.remember(flight.seen, flight.request.marker, now.ticks)
        elif what in (Look.TASKS, Look.BUCKET):
            for flight in flights:
                flight.export.remember(flight.seen, _origin(flight).export, now.ticks)
                flight.take_note()

    def _images(self, flights: Sequence[Flight], _: Moment) -> None:
        for profile, group in _grouped(flights, lambda flight: _destination(flight).party.profile).items():
            filters = {"AccountIds": [_destination(group[0]).party.account_id]}
            filters |= unless_many("ImageNames", {name for flight in group for name in flight.request.names})
            images = self._read_images(profile, filters)
            by_name = _grouped(images.value, lambda image: image.name) if isinstance(images, Present) else {}
            for flight in group:
                shown = [image for name in flight.request.names for image in by_name.get(name, [])]
                flight.seen.images = Present(shown) if isinstance(images, Present) else images

    def _sources(self, flights: Sequence[Flight], _: Moment) -> None:
        for profile, group in _by_source(flights).items():
            ids = {_origin(flight).image.image_id for flight in group}
            images = self._read_images(profile, unless_many("ImageIds", ids))
            by_id = {image.image_id: image for image in images.value} if isinstance(images, Present) else {}
            for flight in group:
                image = by_id.get(_origin(flight).image.image_id)
                known = Present(image) if image else ABSENT
                flight.seen.source = known if isinstance(images, Present) else images

    def _tasks(self, flights: Sequence[Flight], _: Moment) -> None:
        for profile, group in _by_source(flights).items():
            ids = {_origin(flight).image.image_id for flight in group}
            tasks = self._read_tasks(profile, unless_many("ImageIds", ids))
            by_image = _grouped(tasks.value, lambda task: task.image_id) if isinstance(tasks, Present) else {}
            for flight in group:
                all_shown = by_image.get(_origin(flight).image.image_id, [])
                shown = [task for task in all_shown if CLEANED_TAG not in task.tags]
                flight.seen.tasks = Present(shown) if isinstance(tasks, Present) else tasks
                flight.seen.is_cleaned_up = _is_cleaned_up(all_shown, _origin(flight).export)

    def _others(self, flights: Sequence[Flight], _: Moment) -> None:
        for profile, group in _by_source(flights).items():
            tasks = self._read_tasks(profile, {})
            seen: Present[int] | Unknown = (
                Present(sum(task.is_running for task in tasks.value))
                if isinstance(tasks, Present)
                else tasks
            )
            for flight in group:
                flight.seen.others_in_flight = seen

    def _buckets(self, flights: Sequence[Flight], now: Moment) -> None:
        groups = list(_grouped(flights, lambda flight: id(flight.export)).values())
        firsts = [group[0] for group in groups]
        listed = {  # also makes the clients, each once, before the threads start
            profile: list_together(self._clients.storage(profile), [_origin(flight).export for flight in of_profile])
            for profile, of_profile in _by_source(firsts).items()
        }
        self._clients.fetcher()
        found = in_parallel(lambda flight: self._bucket(flight, listed[_origin(flight).party.profile], now), firsts)
        for group, stored in zip(groups, found, strict=True):
            for flight in group:
                flight.seen.stored = stored

    def _bucket(self, flight: Flight, listed: Sizes, now: Moment) -> BucketFact:
        origin, shown = _origin(flight), flight.seen.tasks
        if flight.seen.is_cleaned_up:
            return ABSENT
        tasks = [task for task in shown.value if task.key == origin.export] if isinstance(shown, Present) else []
        storage = self._clients.storage(origin.party.profile)
        return look_in_bucket(storage, self._clients.fetcher(), origin.export, tasks, now.wall, listed)

    def _read_images(self, profile: str, filters: Mapping[str, Sequence[str]]) -> Present[list[Image]] | Unknown:
        try:
            return Present(read_images(self._clients, profile, filters))
        except ServiceError as error:
            return Unknown(error)

    def _read_tasks(self, profile: str, filters: Mapping[str, Sequence[str]]) -> Present[list[ExportTask]] | Unknown:
        try:
            return Present(read_tasks(self._clients, profile, filters))
        except ServiceError as error:
            return Unknown(error)


def _is_cleaned_up(tasks: Sequence[ExportTask], export: ExportKey) -> bool:
    complete = [task for task in tasks if task.key == export and task.phase is Phase.COMPLETE]
    return bool(complete) and all(CLEANED_TAG in task.tags for task in complete)


def _destination(flight: Flight) -> Destination:
    if flight.request.destination is None:
        raise TypeError("an export has no target to look at")
    return flight.request.destination


def _origin(flight: Flight) -> Origin:
    if not isinstance(flight.request.source, Origin):
        raise TypeError("an import has no source account to look at")
    return flight.request.source


def _by_source(flights: Sequence[Flight]) -> dict[str, list[Flight]]:
    return _grouped(flights, lambda flight: _origin(flight).party.profile)


def _grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups
