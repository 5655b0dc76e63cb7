"""Reads the cloud in batches: one read per account for all of its copies (R7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from omicopy.cloud.clients import Clients
from omicopy.cloud.errors import ServiceError
from omicopy.cloud.parallel import in_parallel
from omicopy.cloud.queries import filter_unless_long, read_images, read_tasks
from omicopy.cloud.session import AccountSession
from omicopy.manifests.from_task import find_export, without_key
from omicopy.manifests.listing import Sizes, list_together
from omicopy.model.clock import Timestamp
from omicopy.model.events import Listener, WarningMessage
from omicopy.model.export import ExportKey, ExportTask, Phase
from omicopy.model.image import Image
from omicopy.model.lookup import ABSENT, BucketFact, Present, Unknown
from omicopy.model.own_tags import CLEANED_TAG
from omicopy.model.request import Source, Target
from omicopy.reconcile.copy_state import CopyState
from omicopy.reconcile.decide.decisions import Fetch

T = TypeVar("T")
K = TypeVar("K")


class Observer:
    """Reads what `decide` asks for, for many copies at once."""

    def __init__(self, clients: Clients, listener: Listener) -> None:
        self._clients = clients
        self._listener = listener
        self._without_key: set[str] = set()
        """Profiles for which the missing storage key was already reported."""
        self._fetchers: dict[Fetch, Callable[[Sequence[CopyState], Timestamp], Iterator[CopyState]]] = {
            Fetch.IMAGES: self._images,
            Fetch.SOURCE: self._sources,
            Fetch.TASKS: self._tasks,
            Fetch.OTHERS: self._others,
            Fetch.IMPORTS: self._imports,
            Fetch.BUCKET: self._buckets,
        }

    def fetch(self, what: Fetch, copies: Sequence[CopyState], now: Timestamp) -> Iterator[CopyState]:
        """Reads once per account (for a bucket: one listing for many copies), and yields every copy when its facts are
        known."""
        return self._fetchers[what](copies, now)

    def _images(self, copies: Sequence[CopyState], now: Timestamp) -> Iterator[CopyState]:
        for profile, group in _grouped(copies, lambda copy_state: _target_of(copy_state).account.profile).items():
            filters = {"AccountIds": [_target_of(group[0]).account.account_id]}
            filters |= filter_unless_long(
                "ImageNames", (name for copy_state in group for name in copy_state.request.names)
            )
            images = self._read_images(profile, filters)
            by_name = _grouped(images.value, lambda image: image.name) if isinstance(images, Present) else {}
            for copy_state in group:
                shown = [image for name in copy_state.request.names for image in by_name.get(name, ())]
                copy_state.record_images(Present(shown) if isinstance(images, Present) else images, now)
                yield copy_state

    def _sources(self, copies: Sequence[CopyState], _: Timestamp) -> Iterator[CopyState]:
        for profile, group in _by_source(copies).items():
            images = self._read_images(profile, filter_unless_long("ImageIds", map(_image_id, group)))
            by_id = {image.image_id: image for image in images.value} if isinstance(images, Present) else {}
            for copy_state in group:
                image = by_id.get(_image_id(copy_state))
                known = Present(image) if image else ABSENT
                copy_state.seen.source = known if isinstance(images, Present) else images
                yield copy_state

    def _tasks(self, copies: Sequence[CopyState], now: Timestamp) -> Iterator[CopyState]:
        for profile, group in _by_source(copies).items():
            tasks = self._read_tasks(profile, filter_unless_long("ImageIds", map(_image_id, group)))
            by_image = _grouped(tasks.value, lambda task: task.image_id) if isinstance(tasks, Present) else {}
            for copy_state in group:
                all_shown = by_image.get(_image_id(copy_state), [])
                shown = [task for task in all_shown if CLEANED_TAG not in task.tags]
                copy_state.seen.is_cleaned_up = shown != all_shown and _is_cleaned_up(
                    all_shown, _source_of(copy_state).export
                )
                copy_state.record_tasks(Present(shown) if isinstance(tasks, Present) else tasks, now)
                yield copy_state

    def _others(self, copies: Sequence[CopyState], _: Timestamp) -> Iterator[CopyState]:
        for profile, group in _by_source(copies).items():
            tasks = self._read_tasks(profile, {})
            running: Present[int] | Unknown = (
                Present(sum(task.is_running for task in tasks.value)) if isinstance(tasks, Present) else tasks
            )
            for copy_state in group:
                copy_state.seen.others_in_flight = running
                yield copy_state

    def _imports(self, copies: Sequence[CopyState], _: Timestamp) -> Iterator[CopyState]:
        for profile, group in _grouped(copies, lambda copy_state: _target_of(copy_state).account.profile).items():
            own = _target_of(group[0]).account.account_id
            images = self._read_images(profile, {"AccountIds": [own]})
            if isinstance(images, Present):
                made = [image for image in images.value if image.account_id == own]
                running = Present(sum(not image.is_available and not image.is_failed for image in made))
            for copy_state in group:
                copy_state.seen.imports_in_flight = running if isinstance(images, Present) else images
                yield copy_state

    def _buckets(self, copies: Sequence[CopyState], now: Timestamp) -> Iterator[CopyState]:
        groups = list(
            _grouped(
                copies, lambda copy_state: (id(copy_state.export), _source_of(copy_state).account.profile)
            ).values()
        )
        firsts = [group[0] for group in groups]
        listed = {  # also makes the clients, each once, before the threads start
            profile: list_together(
                self._clients.session(profile).storage, [_source_of(copy_state).export for copy_state in of_profile]
            )
            for profile, of_profile in _by_source(firsts).items()
            if self._clients.session(profile).storage_refusal is None
        }
        self._clients.fetcher()
        found = in_parallel(
            lambda copy_state: self._bucket(copy_state, listed.get(_source_of(copy_state).account.profile), now), firsts
        )
        self._warn_without_key(copies)
        for group, stored in zip(groups, found, strict=True):
            for copy_state in group:
                copy_state.seen.no_key = self._session(copy_state).storage_refusal
                copy_state.record_stored(stored, now)
                yield copy_state

    def _bucket(self, copy_state: CopyState, listed: Sizes | None, now: Timestamp) -> BucketFact:
        source, shown = _source_of(copy_state), copy_state.seen.tasks
        if copy_state.seen.is_cleaned_up:
            return ABSENT
        tasks = [task for task in shown.value if task.key == source.export] if isinstance(shown, Present) else []
        session, form = self._session(copy_state), copy_state.export.format
        return find_export(session, source.export, tasks, now.wall, listed, form)

    def _session(self, copy_state: CopyState) -> AccountSession:
        """Of its source account."""
        return self._clients.session(_source_of(copy_state).account.profile)

    def _warn_without_key(self, copies: Sequence[CopyState]) -> None:
        """Warns once per account, before anything is written for it."""
        for profile, group in _by_source(copies).items():
            bucket_note = [] if all(copy_state.request.create_bucket for copy_state in group) else [_NO_BUCKET]
            cleanup_note = [_STAYS] if any(copy_state.request.cleanup for copy_state in group) else []
            message = without_key(self._clients.session(profile), *bucket_note, *cleanup_note)
            if message is not None and profile not in self._without_key:
                self._without_key.add(profile)
                self._listener(WarningMessage(message))

    def _read_images(self, profile: str, filters: Mapping[str, Sequence[str]]) -> Present[list[Image]] | Unknown:
        try:
            return Present(read_images(self._clients.session(profile), filters))
        except ServiceError as error:
            return Unknown(error)

    def _read_tasks(self, profile: str, filters: Mapping[str, Sequence[str]]) -> Present[list[ExportTask]] | Unknown:
        try:
            return Present(read_tasks(self._clients.session(profile), filters))
        except ServiceError as error:
            return Unknown(error)


_NO_BUCKET = "It can't be checked if the bucket exists: an export creates a missing one."
_STAYS = "--cleanup deletes nothing: the exported objects stay in the bucket."


def _is_cleaned_up(tasks: Sequence[ExportTask], export: ExportKey) -> bool:
    complete = [task for task in tasks if task.key == export and task.phase is Phase.COMPLETE]
    return bool(complete) and all(CLEANED_TAG in task.tags for task in complete)


def _target_of(copy_state: CopyState) -> Target:
    if copy_state.request.target is None:
        raise TypeError("an export has no target to look at")
    return copy_state.request.target


def _source_of(copy_state: CopyState) -> Source:
    if not isinstance(copy_state.request.source, Source):
        raise TypeError("an import has no source account to look at")
    return copy_state.request.source


def _image_id(copy_state: CopyState) -> str:
    return _source_of(copy_state).image.image_id


def _by_source(copies: Sequence[CopyState]) -> dict[str, list[CopyState]]:
    return _grouped(copies, lambda copy_state: _source_of(copy_state).account.profile)


def _grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups
