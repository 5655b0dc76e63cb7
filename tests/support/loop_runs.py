"""What tests of the whole loop in virtual time share: requests, many copies, and how a run ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from omicopy.cloud.errors import Answer, refused
from omicopy.errors import ErrorCode
from omicopy.model.events import WarningMessage
from omicopy.model.image import parse_image
from omicopy.model.request import CopyRequest, Source, Target
from omicopy.model.result import CopyResult
from omicopy.reconcile.apply import RunMode
from omicopy.state.journal import export_entry, image_entry
from tests.support.builders import A_SOURCE, KEY, SOURCE, TARGET, copy_request
from tests.support.virtual_cloud import Cloud, Machine, Trouble

HOUR = 3600.0
NO_WAIT, DRY_RUN = RunMode(wait=False), RunMode(dry_run=True)
COPY = copy_request()
EXPORT_ENTRY, IMAGE_ENTRY = export_entry(A_SOURCE), image_entry(COPY, COPY.target or Target(TARGET, "", ""))
ONE_OF_EACH = Counter(CreateImageExportTask=1, CreateImage=1, CreateTags=2)


def copies(cloud: Cloud, number: int) -> list[CopyRequest]:
    """So many different images of the source account, each to be copied."""
    requests = []
    for index in range(number):
        image = parse_image(cloud.add_image("source", f"ami-{index + 0x5000:08x}", AccountId=SOURCE.account_id))
        assert image is not None
        source = Source(SOURCE, image, replace(KEY, image_id=image.image_id))
        requests.append(CopyRequest(source, Target(TARGET, f"copy {index}", ""), timedelta(hours=6)))
    return requests


def refusing(action: str, answer: Answer) -> Trouble:
    return lambda profile, asked: refused(action, profile, answer) if asked == action else None


def ended(results: list[CopyResult]) -> ErrorCode | None:
    [result] = results
    return result.error.code if result.error else None


def warnings(machine: Machine) -> str:
    return "\n".join(event.message for event in machine.events if isinstance(event, WarningMessage))
