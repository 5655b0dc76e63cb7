"""Looking at the cloud in batches: one read per account answers for all of its copies (R7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from omicopy.cloud.clients import Clients
from omicopy.cloud.errors import ServiceError
from omicopy.cloud.parallel import in_parallel
from omicopy.cloud.reads import read_images, read_tasks, unless_many
from omicopy.manifests.from_task import look_for_export, why_no_key, without_key
from omicopy.manifests.listing import Sizes, list_together
from omicopy.model.clock import Moment
from omicopy.model.events import Listener, Warned
from omicopy.model.export import ExportKey, ExportTask, Phase
from omicopy.model.image import Image
from omicopy.model.lookup import ABSENT, BucketFact, Present, Unknown
from omicopy.model.own_tags import CLEANED_TAG
from omicopy.model.request import Destination, Origin
from omicopy.reconcile.copy_state import Flight
from omicopy.reconcile.decide.decisions import Look

T = TypeVar("T")
K = TypeVar("K")


class Observer:
    """Answers what `decide` asks for, for many copies at once."""

    def __init__(self, clients: Clients, listener: Listener) -> None:
        self._clients = clients
        self._listener = listener
        self._without_key: set[str] = set()
        """The profiles of which it was said that no key of theirs reads the bucket."""
        self._looks: dict[Look, Callable[[Sequence[Flight], Moment], Iterator[Flight]]] = {
            Look.IMAGES: self._images,
            Look.SOURCE: self._sources,
            Look.TASKS: self._tasks,
            Look.OTHERS: self._others,
            Look.IMPORTS: self._imports,
            Look.BUCKET: self._buckets,
        }

    def look(self, what: Look, flights: Sequence[Flight], now: Moment) -> Iterator[Flight]:
        """Reads once an account (a bucket: a list for many); every copy comes back once it saw what concerns it."""
        return self._looks[what](flights, now)

    def _images(self, flights: Sequence[Flight], now: Moment) -> Iterator[Flight]:
        for profile, group in _grouped(flights, lambda flight: _destination(flight).party.profile).items():
            filters = {"AccountIds": [_destination(group[0]).party.account_id]}
            filters |= unless_many("ImageNames", (name for flight in group for name in flight.request.names))
            images = self._read_images(profile, filters)
            by_name = _grouped(images.value, lambda image: image.name) if isinstance(images, Present) else {}
            for flight in group:
                shown = [image for name in flight.request.names for image in by_name.get(name, ())]
                flight.saw_images(Present(shown) if isinstance(images, Present) else images, now)
                yield flight

    def _sources(self, flights: Sequence[Flight], _: Moment) -> Iterator[Flight]:
        for profile, group in _by_source(flights).items():
            images = self._read_images(profile, unless_many("ImageIds", map(_image_id, group)))
            by_id = {image.image_id: image for image in images.value} if isinstance(images, Present) else {}
            for flight in group:
                image = by_id.get(_image_id(flight))
                known = Present(image) if image else ABSENT
                flight.seen.source = known if isinstance(images, Present) else images
                yield flight

    def _tasks(self, flights: Sequence[Flight], now: Moment) -> Iterator[Flight]:
        for profile, group in _by_source(flights).items():
            tasks = self._read_tasks(profile, unless_many("ImageIds", map(_image_id, group)))
            by_image = _grouped(tasks.value, lambda task: task.image_id) if isinstance(tasks, Present) else {}
            for flight in group:
                all_shown = by_image.get(_image_id(flight), [])
                shown = [task for task in all_shown if CLEANED_TAG not in task.tags]
                flight.seen.is_cleaned_up = shown != all_shown and _is_cleaned_up(all_shown, _origin(flight).export)
                flight.saw_tasks(Present(shown) if isinstance(tasks, Present) else tasks, now)
                yield flight

    def _others(self, flights: Sequence[Flight], _: Moment) -> Iterator[Flight]:
        for profile, group in _by_source(flights).items():
            tasks = self._read_tasks(profile, {})
            running: Present[int] | Unknown = (
                Present(sum(task.is_running for task in tasks.value)) if isinstance(tasks, Present) else tasks
            )
            for flight in group:
                flight.seen.others_in_flight = running
                yield flight

    def _imports(self, flights: Sequence[Flight], _: Moment) -> Iterator[Flight]:
        for profile, group in _grouped(flights, lambda flight: _destination(flight).party.profile).items():
            own = _destination(group[0]).party.account_id
            images = self._read_images(profile, {"AccountIds": [own]})
            if isinstance(images, Present):
                made = [image for image in images.value if image.account_id == own]
                running = Present(sum(not image.is_available and not image.is_failed for image in made))
            for flight in group:
                flight.seen.imports_in_flight = running if isinstance(images, Present) else images
                yield flight

    def _buckets(self, flights: Sequence[Flight], now: Moment) -> Iterator[Flight]:
        groups = list(_grouped(flights, lambda flight: (id(flight.export), _origin(flight).party.profile)).values())
        firsts = [group[0] for group in groups]
        listed = {  # also makes the clients, each once, before the threads start
            profile: list_together(self._clients.storage(profile), [_origin(flight).export for flight in of_profile])
            for profile, of_profile in _by_source(firsts).items()
            if self._clients.storage_refusal(profile) is None
        }
        self._clients.fetcher()
        found = in_parallel(lambda flight: self._bucket(flight, listed.get(_origin(flight).party.profile), now), firsts)
        self._say_without_key(flights)
        for group, stored in zip(groups, found, strict=True):
            for flight in group:
                flight.seen.no_key = why_no_key(self._clients, _origin(flight).party.profile)
                flight.saw_stored(stored, now)
                yield flight

    def _bucket(self, flight: Flight, listed: Sizes | None, now: Moment) -> BucketFact:
        origin, shown = _origin(flight), flight.seen.tasks
        if flight.seen.is_cleaned_up:
            return ABSENT
        tasks = [task for task in shown.value if task.key == origin.export] if isinstance(shown, Present) else []
        return look_for_export(
            self._clients, origin.party.profile, origin.export, tasks, now.wall, listed, flight.export.format
        )

    def _say_without_key(self, flights: Sequence[Flight]) -> None:
        """Once an account, before anything is written for it."""
        for profile, group in _by_source(flights).items():
            unsure = [] if all(flight.request.create_bucket for flight in group) else [_NO_BUCKET]
            stays = [_STAYS] if any(flight.request.cleanup for flight in group) else []
            said = without_key(self._clients, profile, *unsure, *stays)
            if said is not None and profile not in self._without_key:
                self._without_key.add(profile)
                self._listener(Warned(said))

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


_NO_BUCKET = "Whether the bucket exists can't be checked: an export makes one that does not."
_STAYS = "--cleanup deletes nothing: the exported objects stay in the bucket."


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


def _image_id(flight: Flight) -> str:
    return _origin(flight).image.image_id


def _by_source(flights: Sequence[Flight]) -> dict[str, list[Flight]]:
    return _grouped(flights, lambda flight: _origin(flight).party.profile)


def _grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups
