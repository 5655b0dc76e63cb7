"""The JSON examples of the documentation: commands, run in a sandbox, and what they print."""

from __future__ import annotations

import json
import os
import re
import shlex
import sysconfig
from typing import Any

import requests

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.storage.disk_images import GIB, make_disk
from tests.support import children

_OWN = "--from source -o json"
_WIDTH = 118
COMMANDS = {
    "copy": f"copy golden-linux --to target --bucket omi-exports {_OWN}",
    "url": f"url ami-00000001 {_OWN}",
    "inspect": f"inspect ami-00000001 --probe {_OWN}",
    "resign": f"resign ami-00000001 {_OWN}",
    "manifest build": f"manifest build s3://omi-exports/from-them --name theirs {_OWN}",
    "cors": f"cors s3://omi-exports --allow-origin https://www.example.com {_OWN}",
    "status": f"status ami-00000001 --to target {_OWN}",
    "prune": f"prune --bucket omi-exports --keep-last 1 {_OWN}",
    "doctor": f"doctor golden-linux --to target --bucket omi-exports {_OWN}",
    "cancel": f"cancel image-export-8600d53f {_OWN}",
}
"""In an order in which they can be run. Before that, somebody uploads a disk; last of all, an export is queued."""


def blocks() -> dict[str, str]:
    """The generated parts, by name."""
    with Sandbox() as sandbox:
        made = run_all(sandbox)
    return {f"json {name}": _block(COMMANDS[name], value) for name, value in made.items()}


def _block(command: str, value: Any) -> str:
    return f"\n`omicopy {command}`:\n\n```json\n{laid_out(value)}\n```\n\n"


def laid_out(value: Any, indent: str = "", label: str = "") -> str:
    """JSON as a person writes it: what fits on a line stands on one."""
    line = f"{indent}{label}{json.dumps(value, ensure_ascii=False)}"
    if len(line) <= _WIDTH or not isinstance(value, dict | list):
        return line
    named = value.items() if isinstance(value, dict) else (("", item) for item in value)
    inner = [laid_out(item, f"{indent}  ", f'"{name}": ' if name else "") for name, item in named]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{indent}{label}{opening}\n" + ",\n".join(inner) + f"\n{indent}{closing}"


def run_all(sandbox: Sandbox) -> dict[str, Any]:
    """What each command prints, with what is no example shortened."""
    upload = run(sandbox, "url -q --method put s3://omi-exports/from-them/disk.qcow2.gz --from source")
    requests.put(upload.strip(), make_disk("qcow2", 8 * GIB, "theirs"), timeout=60)
    made = {name: shortened(name, json.loads(run(sandbox, COMMANDS[name]))) for name in COMMANDS if name != "cancel"}
    sandbox.scheduler.hold()
    task = run(sandbox, "export golden-three --no-wait --bucket omi-exports --from source").strip()
    cancelled = json.loads(run(sandbox, f"cancel {task} {_OWN}"))
    sandbox.scheduler.resume()
    return made | {"cancel": cancelled}


def run(sandbox: Sandbox, command: str) -> str:
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
    env = sandbox.env | {"OMICOPY_POLL_MIN": "1s", "PATH": path}
    return children.run(["omicopy", *shlex.split(command)], env=env, check=True).stdout


def shortened(name: str, value: Any) -> Any:
    """Without the signature, and with two checks for all of them."""
    if name == "url":
        return value | {"url": re.sub(r"X-Amz-Credential=.*", "X-Amz-…", value["url"])}
    return value | {"findings": value["findings"][:2]} if name == "doctor" else value


def shown_in(block: str) -> Any:
    """The JSON of a block."""
    return json.loads(block.partition("```json\n")[2].rpartition("```")[0] or "null")


def shape(value: Any) -> Any:
    """The keys and types of a JSON value, without what differs from run to run."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__
