"""Carries out one decision with one write, sent once (R1), and records what is known or in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from omicopy.cloud.clients import Clients
from omicopy.cloud.errors import ServiceError
from omicopy.cloud.retry import RetryVerdict, retry_verdict
from omicopy.deletion.images import delete_image, delete_snapshots, tag_snapshots
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import shared_manifest_url, sign_found
from omicopy.manifests.from_task import read_again
from omicopy.manifests.resign import resign_found
from omicopy.model import json_fields
from omicopy.model.boot import boot_parameters
from omicopy.model.choices import DEFAULT_FORMAT
from omicopy.model.clock import Clock
from omicopy.model.events import Listener, WarningMessage
from omicopy.model.image import Image, with_marker
from omicopy.model.lookup import Present
from omicopy.model.request import CopyRequest, SharedManifest, Source
from omicopy.reconcile.copy_state import CopyState
from omicopy.reconcile.decide.decisions import (
    CancelExport,
    Import,
    ReplaceFailed,
    Resign,
    StartExport,
    TagAndShare,
    Write,
)
from omicopy.reconcile.postponed import Postponed
from omicopy.reconcile.state import Conflict
from omicopy.reconcile.tagging import tag_copy, tag_export
from omicopy.state.journal import Journal, about_image, export_entry, image_entry

_CANCELLABLE = ("pending/queued",)


class Writer:
    """Raises Postponed, or the ServiceError of a definite refusal. A write in doubt is recorded, not raised."""

    def __init__(self, clients: Clients, journal: Journal, clock: Clock, listener: Listener) -> None:
        self._clients = clients
        self._journal = journal
        self._clock = clock
        self._listener = listener

    def write_step(self, copy_state: CopyState, step: Write) -> None:
        match step:
            case StartExport():
                self._start_export(copy_state, _source_of(copy_state.request))
            case CancelExport():
                self._cancel_export(copy_state, step)
            case Resign():
                self._resign(copy_state, step)
            case Import():
                self._import(copy_state, step)
            case TagAndShare():
                self._tag_and_share(copy_state, step)
            case ReplaceFailed():
                self._replace_failed(copy_state, step.image)

    def _start_export(self, copy_state: CopyState, source: Source) -> None:
        memory, export, entry = copy_state.export, source.export, export_entry(source)
        osu = {"DiskImageFormat": memory.format or DEFAULT_FORMAT, "OsuBucket": export.bucket}
        osu |= {"OsuPrefix": export.prefix} if export.prefix else {}
        profile = source.account.profile
        self._journal.open(entry)
        memory.task_id = None
        try:
            answer = self._send(profile, "CreateImageExportTask", {"ImageId": export.image_id, "OsuExport": osu})
        except ServiceError as error:
            if _in_doubt(error):
                memory.record_sent(self._clock.ticks())
                return
            self._journal.close(entry)
            if error.code is not ErrorCode.QUOTA:
                raise
            memory.refuse(error, copy_state.seen.others_in_flight == Present(0), self._clock.ticks())
            return
        except Postponed:
            self._journal.close(entry)
            raise
        memory.record_sent(self._clock.ticks())
        task_id = json_fields.text(json_fields.mapping(answer, "ImageExportTask"), "TaskId")
        if task_id:
            memory.started += 1
            memory.task_id = copy_state.task_id = task_id
            self._journal.answered(entry, task_id)
            memory.is_tagged = True
            self.tag_export(copy_state.request, task_id)

    def _warn(self, text: str) -> None:
        self._listener(WarningMessage(text))

    def tag_export(self, request: CopyRequest, task_id: str) -> None:
        """Tags the export as ours, so that it may be deleted later (R4)."""
        write = partial(self._send_idempotent, _source_of(request).account.profile)
        tag_export(write, self._listener, request, task_id)

    def _cancel_export(self, copy_state: CopyState, step: CancelExport) -> None:
        """Tries once. A task that has left the queue can't be cancelled, which is normal (DOMAIN.md §2)."""
        source, task, memory = _source_of(copy_state.request), step.task, copy_state.export
        memory.cancelled |= {task.task_id}
        story = f"using {step.followed} instead"
        if task.state not in _CANCELLABLE:
            self._warn(f"Duplicate export {task.task_id}: {story}. It is already {task.state} and can't be cancelled")
            return
        try:
            self._send(source.account.profile, "DeleteExportTask", {"ExportTaskId": task.task_id})
        except (ServiceError, Postponed) as error:
            self._warn(f"Duplicate export {task.task_id}: {story}. It can't be cancelled: {error}")
            return
        memory.task_id, memory.doubt_since = None, None
        memory.known -= {task.task_id}
        entry = export_entry(source)
        if self._journal.find(entry)[1] == task.task_id:
            self._journal.close(entry)
        self._warn(f"Duplicate export {task.task_id} was cancelled: {story}")

    def _resign(self, copy_state: CopyState, step: Resign) -> None:
        session = self._clients.session(_source_of(copy_state.request).account.profile)
        try:
            renewed = resign_found(session, step.stored, self._clock.wall())
        except ServiceError as error:
            if retry_verdict(error.cause, is_write=True) is RetryVerdict.GIVE_UP:
                raise
            raise Postponed(error) from None  # a second new manifest beside the first does no harm
        except OmicopyError as error:
            raise (Postponed(error) if error.code is ErrorCode.TEMPORARY else error) from None
        copy_state.export.resigned_key, copy_state.export.resigned_at = renewed.key, self._clock.ticks()
        copy_state.export.changed = True

    def _import(self, copy_state: CopyState, step: Import) -> None:
        request, memory, target = copy_state.request, copy_state.image, copy_state.request.target
        if target is None:
            raise TypeError("an export imports nothing")
        entry = image_entry(request, target)
        boot = boot_parameters(target.boot, request.source_boot)
        boot = {name: value for name, value in boot.items() if name not in memory.refused_parameters}
        parameters = {
            "ImageName": step.name,
            "FileLocation": self._manifest_url(request, step),
            "Description": with_marker(target.description, request.marker),
            **boot,
        }
        self._journal.open(entry, about_image(request, target))
        memory.created_id, memory.quota_refusal = None, None
        try:
            answer = self._send(target.account.profile, "CreateImage", parameters)
        except ServiceError as error:
            if error.is_name_conflict:
                memory.conflicts[step.name] = Conflict(error, self._clock.ticks())
                return
            if _in_doubt(error):
                memory.doubt_since, memory.made_here, memory.changed = self._clock.ticks(), True, True
                return
            self._journal.close(entry)
            self._refused_import(copy_state, boot, error)
            return
        except Postponed:
            self._journal.close(entry)
            raise
        memory.doubt_since, memory.made_here, memory.changed = self._clock.ticks(), True, True
        image_id = json_fields.text(json_fields.mapping(answer, "Image"), "ImageId")
        if image_id:
            memory.created_id = image_id
            memory.journaled |= {image_id}
            self._journal.answered(entry, image_id)

    def _refused_import(self, copy_state: CopyState, boot: Iterable[str], error: ServiceError) -> None:
        """Records a refusal about quota or boot parameters, so that the next tick decides again (R1). Raises any
        other."""
        memory, refused = copy_state.image, error.refused_parameters(boot)
        if error.code is ErrorCode.QUOTA:
            memory.refuse(error, copy_state.seen.imports_in_flight == Present(0), self._clock.ticks())
            return
        if not refused:
            raise error
        memory.refused_parameters |= refused
        names = " and ".join(sorted(refused))
        # of "creating" an interruption says that the service may be at work
        copy_state.last_progress = ("refused", names, None)
        self._warn(f"{_target(copy_state)} takes no {names} with a manifest ({error.reason}); asking without")

    def _manifest_url(self, request: CopyRequest, step: Import) -> str:
        fetcher, source = self._clients.fetcher(), request.source
        try:  # what the service will do with the URL works from here, too (R9)
            if isinstance(source, SharedManifest):
                return shared_manifest_url(fetcher, source, self._clock.wall())
            if step.stored is None:
                raise TypeError("an import needs a manifest")
            if step.stored.task_url is not None:
                read_again(fetcher, step.stored.task_url, step.stored)
                return step.stored.task_url.url
            return sign_found(self._clients.session(source.account.profile), step.stored)
        except OmicopyError as error:
            if error.code in (ErrorCode.TEMPORARY, ErrorCode.NOT_FOUND):  # it was listed, and may be seen in a moment
                raise Postponed(error) from None
            raise

    def _tag_and_share(self, copy_state: CopyState, step: TagAndShare) -> None:
        write = partial(self._send_idempotent, _target(copy_state))
        tag_copy(write, self._listener, copy_state, step)
        if step.share_with:
            permissions = {"Additions": {"AccountIds": list(step.share_with)}}
            write("UpdateImage", {"ImageId": step.image.image_id, "PermissionsToLaunch": permissions})
            copy_state.image.changed = True

    def _replace_failed(self, copy_state: CopyState, image: Image) -> None:
        """Deletes a failed image of ours, then the snapshots that only it used (DOMAIN.md §2)."""
        profile, memory = _target(copy_state), copy_state.image
        send, session = partial(self._send_idempotent, profile), self._clients.session(profile)
        try:
            tag_snapshots(session, image, send)
        except ServiceError as error:  # nothing but what may pass
            raise Postponed(error) from None
        delete_image(send, image.image_id)
        memory.replaced_id, memory.replaced_at, memory.changed = image.image_id, self._clock.ticks(), True
        memory.created_id, memory.doubt_since = None, None
        delete_snapshots(session, image, self._warn)

    def _send_idempotent(self, profile: str, action: str, parameters: Mapping[str, Any]) -> None:
        """A write that is harmless to repeat: if in doubt, the loop reads again and repeats it if needed."""
        try:
            self._send(profile, action, parameters)
        except ServiceError as error:
            if _in_doubt(error):
                raise Postponed(error) from None
            raise

    def _send(self, profile: str, action: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            session = self._clients.session(profile)
            return session.api.write(action, session.patience, parameters)
        except ServiceError as error:
            if retry_verdict(error.cause, is_write=True) in (RetryVerdict.RETRY, RetryVerdict.SLOW_DOWN):
                raise Postponed(error) from None
            raise


def _in_doubt(error: ServiceError) -> bool:
    return retry_verdict(error.cause, is_write=True) is RetryVerdict.IN_DOUBT


def _source_of(request: CopyRequest) -> Source:
    if not isinstance(request.source, Source):
        raise TypeError("a manifest that was handed over needs no export")
    return request.source


def _target(copy_state: CopyState) -> str:
    if copy_state.request.target is None:
        raise TypeError("an export writes to no target")
    return copy_state.request.target.account.profile
