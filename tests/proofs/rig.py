"""A copy run for real in a process of its own, and what the two worlds hold afterwards."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omicopy.sandbox.main import Sandbox
from tests.support.children import PATIENCE, Child
from tests.support.warm import StartedCommand, Warm

COPY = ("copy", "golden-linux", "--from", "source", "--to", "target", "--bucket", "omi-exports", "-o", "json")
FAST = {
    "OMICOPY_POLL_MIN": "0.05s",
    "OMICOPY_POLL_MAX": "0.1s",
    "OMICOPY_GRACE": "1s",
    "OMICOPY_HTTP_TIMEOUT": "60s",
    "OMICOPY_RETRY": "2m",
}
MARKER = "[omicopy eu-west-2 ami-00000001]"


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def image_id(self) -> str | None:
        image_id: str | None = json.loads(self.out)["copies"][0]["target"]["image_id"]
        return image_id


def start(sandbox: Sandbox, state: Path, args: Sequence[str] = COPY, env: Mapping[str, str] | None = None) -> Child:
    environment = {**sandbox.env, **FAST, "XDG_STATE_HOME": str(state), **(env or {})}
    command = [sys.executable, "-m", "omicopy", *args]
    return Child(command, environment)


def finish(process: Child, seconds: float = PATIENCE) -> Ran:
    """Waits for the end. A run that doesn't end fails the test, and is not left to disturb others."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.end()
    return Ran(process.returncode, out, err)


def run(
    sandbox: Sandbox,
    state: Path,
    args: Sequence[str] = COPY,
    env: Mapping[str, str] | None = None,
    seconds: float = PATIENCE,
) -> Ran:
    return finish(start(sandbox, state, args, env), seconds)


def start_warm(
    sandbox: Sandbox, warm: Warm, state: Path, args: Sequence[str] = COPY, env: Mapping[str, str] | None = None
) -> StartedCommand:
    """As `start`, without a cold start; to be ended by `finish_warm`."""
    return warm.start(args, {**sandbox.env, **FAST, "XDG_STATE_HOME": str(state), **(env or {})})


def finish_warm(process: StartedCommand) -> Ran:
    return Ran(*process.finish(PATIENCE))


def exports(sandbox: Sandbox) -> list[Any]:
    """Every export task of the source account, by the truth and not by a read."""
    return list(sandbox.region_state("eu-west-2").tasks.all())


def copies(sandbox: Sandbox) -> list[Any]:
    """Every image in the target's Region that says it is a copy."""
    return [image for image in sandbox.region_state("us-east-2").images.all() if "[omicopy " in image.description]


def locked(home: Path) -> list[Path]:
    """The files of locks, below a folder, of which any process holds any byte."""
    return [path for path in home.rglob("omicopy/locks/*.lock") if _is_locked(path)]


def _is_locked(path: Path) -> bool:
    whole_file = struct.pack("@hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    with path.open("rb") as file:
        answer = fcntl.fcntl(file, fcntl.F_OFD_GETLK, whole_file)
    return bool(struct.unpack("@hhqqi4x", answer)[0] != fcntl.F_UNLCK)
