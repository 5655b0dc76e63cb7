"""Commands that are interrupted, and the same commands again."""

from __future__ import annotations

import signal

from tests.support.children import Child
from tests.support.tool import LINUX, Ran, Tool

COPY = ("copy", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports")
FOR_EVER = {"OMICOPY_HTTP_TIMEOUT": "1h"}


def interrupted(tool: Tool, process: Child, number: signal.Signals) -> Ran:
    """Sends the signal, which ends what would go on for longer than any test does; the end must look like one."""
    ran = tool.finish(process, number)
    assert ran.code == 128 + number
    assert "Interrupted" in ran.err
    return ran
