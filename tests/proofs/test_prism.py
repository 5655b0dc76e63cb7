"""Somebody else's judge: Prism between the tool and the sandbox, with OUTSCALE's own API file, objects to nothing.

The sandbox judges by the same file, and might read it wrongly. Needs Prism (npm install @stoplight/prism-cli), on PATH
or named by OMICOPY_PRISM.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from omicopy.sandbox.api.openapi import official_openapi
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.region_state import OmiState
from omicopy.sandbox.process.ports import free_ports
from tests.support.children import Child
from tests.support.tool import EXPORT_BUCKET, LINUX, THREE, Tool

PRISM = os.environ.get("OMICOPY_PRISM") or shutil.which("prism")
pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(PRISM is None, reason="Prism is not there: neither on PATH nor named by OMICOPY_PRISM"),
]
REFUSALS = ("400", "401", "403", "404", "405", "409", "429", "500", "503")
WRITES = {
    "CreateImage",
    "CreateImageExportTask",
    "CreateTags",
    "DeleteExportTask",
    "DeleteImage",
    "UpdateImage",
}
READY = "Prism is listening"
RECEIVED = re.compile(r"post (\S+) .*Request received")
ENVIRONMENT = {"PATH": os.environ["PATH"], "NO_COLOR": "1", "FORCE_COLOR": "0"}


def document() -> dict[str, Any]:
    """OUTSCALE's file, below the path that its servers have, with the refusals that it lacks (DOMAIN.md §5)."""
    official = dict(official_openapi().document)
    schema = {"$ref": "#/components/schemas/ErrorResponse"}
    refusal = {"description": "A refusal.", "content": {"application/json": {"schema": schema}}}
    paths = {}
    for path, item in official["paths"].items():
        call = dict(item["post"])
        call["responses"] = dict.fromkeys(REFUSALS, refusal) | call["responses"]
        paths[f"/api/v1{path}"] = {"post": call}
    return official | {"paths": paths, "servers": [{"url": "/"}]}


class Judged:
    """One Prism before each Region's API; the tool's profiles lead to them."""

    def __init__(self, tool: Tool, folder: Path) -> None:
        file = folder / "outscale.json"
        file.write_text(json.dumps(document(), default=str))
        self._logs: list[Path] = []
        api_urls = tool.sandbox.api_urls
        ports = dict(zip(api_urls, free_ports(len(api_urls)), strict=True))
        for region, port in ports.items():
            command = [str(PRISM), "proxy", str(file), api_urls[region], "--errors", "-h", "127.0.0.1", "-p", str(port)]
            log = folder / f"prism-{region}.log"
            self._logs.append(log)
            with log.open("w") as message:
                Child(command, ENVIRONMENT | {"HOME": str(folder)}, stdout=message, stderr=message)
        tool.wait(lambda: all(READY in log.read_text() for log in self._logs))
        self.env = tool.profiles(
            **{
                account.profile: {
                    "endpoints": {
                        "api": f"http://127.0.0.1:{ports[account.region]}/api/v1",
                        "oos": tool.sandbox.oos_urls[account.region],
                    }
                }
                for account in tool.sandbox.accounts.values()
            }
        )

    def received(self) -> set[str]:
        """The calls that came through."""
        return {path.rpartition("/")[2] for log in self._logs for path in RECEIVED.findall(log.read_text())}

    def objections(self) -> list[str]:
        """What it says of requests and answers that break the file."""
        lines = [line for log in self._logs for line in log.read_text().splitlines()]
        return [line for line in lines if re.search(r"violation|✖|terminated|unprocessable", line, re.IGNORECASE)]


def test_prism_objects_to_no_request_and_to_no_answer(tool: Tool, tmp_path: Path) -> None:
    tool.again(check_signatures=False)
    judged = Judged(tool, tmp_path)
    to = ("--from", "source", "--to", "target")

    def run(*args: str, code: int = 0) -> str:
        return tool.run(*args, code=code, **judged.env).out.strip()

    assert run("doctor", *to, "--bucket", EXPORT_BUCKET)
    failed = tool.existing("golden-linux", f"golden [omicopy eu-west-2 {LINUX}]", state=OmiState.FAILED)
    tool.target.change_image(failed.image_id, tags=(("omicopy:copy", failed.image_id),))
    for action in ("ReadImages", "CreateTags"):
        tool.sandbox.faults.add(Fault(FaultKind.THROTTLE_CALL, action, account="target"))
    shared = ("--tag", "team=blue", "--share-with", "200000000002")
    assert "\tgolden-linux\tcopied" in run("copy", LINUX, *to, "--bucket", EXPORT_BUCKET, *shared)
    assert run("copy", "no-such-image", *to, "--bucket", EXPORT_BUCKET, code=4) == ""
    exported = run("export", THREE, "--from", "source", "--bucket", EXPORT_BUCKET)
    url = run("url", exported, "--from", "source")
    assert "\tcopied" in run("import", url, "--to", "target", "--name", "by hand")
    assert LINUX in run("status", *to)
    tool.hold()
    running = run("export", LINUX, "--from", "source", "--bucket", EXPORT_BUCKET, "--prefix", "again", "--no-wait")
    assert run("cancel", running, "--from", "source") == f"{running}\tcancelled"
    tool.go()
    assert run("prune", *to, "--keep-last", "1", "--yes") is not None
    assert judged.objections() == []
    assert judged.received() == set(tool.calls()) >= WRITES
