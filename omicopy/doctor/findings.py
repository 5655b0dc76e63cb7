"""The result of a check of `doctor`: the status, a message, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from omicopy.errors import ErrorCode, OmicopyError, shared_exit_code
from omicopy.model.result import SCHEMA


class CheckStatus(StrEnum):
    """The result of one check."""

    OK = "ok"
    WARN = "warn"
    """Unknown, or it works with a limitation that the message names."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One check of `doctor` and its result."""

    subject: str
    status: CheckStatus
    message: str
    hint: str = ""
    code: ErrorCode | None = None
    """Of a failure: the code of the error that a command would raise for the same reason."""


def failure(subject: str, error: OmicopyError) -> Check:
    """Returns a failed check with the error's message, hint and code."""
    return Check(subject, CheckStatus.FAIL, error.message, error.hint, error.code)


def describe_findings(findings: Sequence[Check]) -> dict[str, Any]:
    """Returns the JSON of `doctor`."""
    return {
        "schema": SCHEMA,
        "findings": [
            {
                "subject": finding.subject,
                "status": finding.status.value,
                "message": finding.message,
                "hint": finding.hint,
                "code": finding.code.word if finding.code else None,
            }
            for finding in findings
        ],
    }


def verdict_of(findings: Sequence[Check]) -> OmicopyError | None:
    """Returns one error for all failed checks, None if none failed. Its exit code is the one they share, else 1."""
    failed = [finding for finding in findings if finding.status is CheckStatus.FAIL]
    if not failed:
        return None
    errors = [OmicopyError(finding.code or ErrorCode.FAILED, finding.message) for finding in failed]
    shared = shared_exit_code(errors)
    code = next((error.code for error in errors if error.exit_code == shared), ErrorCode.FAILED)
    subjects = ", ".join(finding.subject for finding in failed)
    message = f"{len(failed)} of {len(findings)} checks failed: {subjects}"
    return OmicopyError(code, message, "Follow the hint of each failed check, then run the same command again.")
