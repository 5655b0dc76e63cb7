"""Ended runs, and the samples of their metrics."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.result import CallCount, CopyResult, Status
from tests.support.builders import copy_request

CALLS = {"source": CallCount(9, 1, 2), "env:SRC": CallCount(3, 2)}
DENIED = OmicopyError(ErrorCode.DENIED, "ReadImages in eu-west-2: HTTP 401", "Check the access key.")
RUN, LAST = "omicopy_run_timestamp_seconds", "omicopy_last_success_timestamp_seconds"


def result(status: Status = Status.COPIED, job: str | None = None, **changed: Any) -> CopyResult:
    error = DENIED if status is Status.FAILED else None
    request = replace(changed.pop("request", copy_request()), job=job, best_effort=changed.pop("best_effort", False))
    return CopyResult(request, status, changed=True, seconds=1.5, error=error, **changed)


_SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (\S+)')


def samples(text: str) -> dict[str, float]:
    """Every sample by its name and labels as written; each family is described once, and stands together."""
    found: dict[str, float] = {}
    described: list[str] = []
    assert text.endswith("\n")
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            described.append(line.split(" ")[2])
        elif line.startswith("#"):
            assert line == f"# TYPE {described[-1]} gauge"
        else:
            sample = _SAMPLE.fullmatch(line)
            assert sample, line
            key, _, value = line.rpartition(" ")
            assert sample[1] == described[-1]
            assert key not in found
            found[key] = float(value)
    assert len(set(described)) == len(described)
    return found
