"""Proof 1 (R2, R3): killed right before or right after any request takes effect, the same command finishes the job."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.faults import Fault, FaultKind, RequestKind
from omicopy.sandbox.model.request_log import SERVICE_ITSELF, RecordedRequest
from omicopy.sandbox.model.settings import SandboxSettings
from tests.proofs import rig
from tests.support.children import PATIENCE
from tests.support.warm import StartedCommand, Warm

pytestmark = pytest.mark.proof
QUICK = SandboxSettings(export_seconds=0.15, import_seconds=0.15)
MOST_REQUESTS = 60


class Executioner:
    """Kills a process at its n-th request: before it has any effect, or when it has had it and nobody knows."""

    def __init__(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, nth: int, after: bool) -> None:
        self.process: StartedCommand | None = None
        self._is_started = threading.Event()
        self.struck = False
        self._left, self._after, self._lock = nth, after, threading.Lock()
        self._take, self._add = sandbox.faults.take, sandbox.request_log.add
        monkeypatch.setattr(sandbox.faults, "take", self.take)
        monkeypatch.setattr(sandbox.request_log, "add", self.add)

    def watch(self, process: StartedCommand) -> None:
        self.process = process
        self._is_started.set()

    def take(self, asked: RequestKind) -> Fault | None:
        if not self._after and asked.account != SERVICE_ITSELF and self._is_nth():
            self._kill()
            return Fault(FaultKind.RESET_BEFORE)
        return self._take(asked)

    def add(self, request: RecordedRequest) -> None:
        self._add(request)
        if self._after and request.account != SERVICE_ITSELF and self._is_nth():
            self._kill()

    def _is_nth(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left == 0

    def _kill(self) -> None:
        self._is_started.wait(PATIENCE)
        assert self.process is not None
        self.struck = True
        os.kill(self.process.pid, signal.SIGKILL)


@pytest.mark.parametrize("keep_state", [True, False], ids=["state-kept", "state-lost"])
@pytest.mark.parametrize("after", [False, True], ids=["before-the-effect", "after-the-effect"])
def test_killed_at_any_request_one_export_and_image_are_made(
    sandbox: Sandbox, warm: Warm, tmp_path: Path, after: bool, keep_state: bool
) -> None:
    for nth in range(1, MOST_REQUESTS):
        state = tmp_path / str(nth)
        sandbox.reset(QUICK)
        with pytest.MonkeyPatch.context() as monkeypatch:
            executioner = Executioner(sandbox, monkeypatch, nth, after)
            executioner.watch(rig.start_warm(sandbox, warm, state))
            first = rig.finish_warm(executioner.process)
        if not executioner.struck:
            assert first.code == 0, first.err
            assert nth > 12, "a copy makes more requests than that"
            return
        assert first.code == -signal.SIGKILL
        if not keep_state:
            shutil.rmtree(state, ignore_errors=True)
        second = rig.finish_warm(rig.start_warm(sandbox, warm, state))
        assert second.code == 0, f"request {nth}: {second.err}"
        assert len(rig.exports(sandbox)) == 1, f"request {nth}: {second.err}"
        assert [image.image_id for image in rig.copies(sandbox)] == [second.image_id], f"request {nth}"
        assert sandbox.request_log.count("CreateImageExportTask", status=200) == 1
        assert sandbox.request_log.count("CreateImage", status=200) == 1
    pytest.fail("a copy should not need that many requests")
