"""Proofs 2 and 6 (R1, R2, R8): whatever goes wrong at any action, a copy ends well or says why; no secret gets out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from omicopy.sandbox.faults import Fault, FaultKind
from omicopy.sandbox.sandbox import Sandbox
from omicopy.sandbox.settings import Settings
from tests.proofs import rig

pytestmark = pytest.mark.proof
QUICK = Settings(export_seconds=0.15, import_seconds=0.15)
API = ("ReadAccounts", "ReadImages", "ReadImageExportTasks", "CreateImageExportTask", "CreateTags", "CreateImage")
STORAGE = ("ListObjects", "GetObject")
ON_STORAGE = {kind for kind in FaultKind if not kind.startswith("throttle-a") and kind is not FaultKind.UNKNOWN_STATE}
DEFINITE = {FaultKind.DENIED: {12}, FaultKind.NOT_FOUND: {4, 8}}
"""The faults that no patience cures, and the exit codes they may end a copy with."""
WORTH_A_WARNING = {"CreateTags"}
"""A refusal to tag the export task is said, and the copy goes on."""


def cases() -> list[tuple[str, str, FaultKind]]:
    on_api = [("api", action, kind) for action in API for kind in FaultKind]
    on_storage = [("oos", action, kind) for action in STORAGE for kind in FaultKind if kind in ON_STORAGE]
    return on_api + on_storage


@pytest.mark.parametrize(("service", "action", "kind"), cases())
def test_a_fault_never_makes_two_of_anything_and_lets_no_secret_out(
    sandbox: Sandbox, tmp_path: Path, service: str, action: str, kind: FaultKind
) -> None:
    sandbox.reset(QUICK)
    fault = sandbox.faults.add(Fault(kind, action, service=service, retry_after=0.2, lag_seconds=0.5))
    ran = rig.run(sandbox, tmp_path, (*rig.COPY, "-vv", "--log-format", "json"), {"OMICOPY_HTTP_TIMEOUT": "0.5s"})
    assert sandbox.faults.struck(fault) == 1, "the fault was never met"
    made = len(rig.exports(sandbox)), len(rig.copies(sandbox))
    if kind in DEFINITE and ran.code != 0:
        assert ran.code in DEFINITE[kind], ran.err
        assert made <= (1, 1)
        assert '"event": "failed"' in ran.err
    else:
        assert ran.code == 0, ran.err[-3000:]
        assert made == (1, 1)
        assert rig.copies(sandbox)[0].image_id == ran.image_id
    assert "Traceback" not in ran.err
    expect_no_secret(sandbox, ran, tmp_path)


def expect_no_secret(sandbox: Sandbox, ran: rig.Ran, state: Path) -> None:
    """No key of any account and no signature, in any stream and any file that was written."""
    files = "".join(file.read_text() for file in state.rglob("*") if file.is_file())
    for text in (ran.out, ran.err, files):
        for account in sandbox.accounts.values():
            assert account.secret_key not in text
            assert account.access_key not in text
        assert not re.search(r"Signature(=|%3D)(?!REDACTED)\w{8}", text, re.IGNORECASE)
        assert not re.search(r"[0-9a-f]{64}", text), "a signature, perhaps"
