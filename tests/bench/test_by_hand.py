"""The benchmarks' yardstick, the documented procedure as a shell script, does what it is compared for."""

from __future__ import annotations

import subprocess
from pathlib import Path

from omicopy.sandbox.model.region_state import OmiState
from omicopy.sandbox.model.settings import EXPORT_BUCKET
from tests.support import children
from tests.support.tool import LINUX, Tool

SCRIPT = Path(__file__).with_name("by_hand.sh")


def by_hand(tool: Tool, name: str, bucket: str = EXPORT_BUCKET) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(SCRIPT), "source", "target", bucket, LINUX, name]
    env = tool.sandbox.env | {"POLL": "0.1"}
    return children.run(command, env=env)


def test_the_documented_procedure_copies_an_image(tool: Tool) -> None:
    ran = by_hand(tool, "copied by hand")
    assert ran.returncode == 0, ran.stderr
    (copy,) = tool.copies()
    assert (ran.stdout.strip(), copy.state) == (copy.image_id, OmiState.AVAILABLE)
    assert copy.name == "copied by hand"
    assert tool.writes() == ["CreateImageExportTask", "CreateImage"]


def test_the_documented_procedure_ends_where_its_export_fails(tool: Tool) -> None:
    ran = by_hand(tool, "never", bucket="other-exports")
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", f"{LINUX}: failed\n")
    assert tool.copies() == []
