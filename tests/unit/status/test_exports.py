"""Which exports `status` shows."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from omicopy.manifests.find import BucketFact
from omicopy.model.export import ExportKey
from omicopy.model.lookup import ABSENT
from omicopy.status import exports
from omicopy.status.exports import MAX_BUCKET_READS, ExportFilter, export_entries
from tests.support.builders import NOON, SOURCE, SOURCE_ID, task


@pytest.mark.parametrize(("deep", "looked_into"), [(False, MAX_BUCKET_READS), (True, MAX_BUCKET_READS + 1)])
def test_of_many_named_exports_some_are_not_searched_for(
    monkeypatch: pytest.MonkeyPatch, deep: bool, looked_into: int
) -> None:
    def look(_: object, keys: Sequence[ExportKey], *__: object) -> dict[ExportKey, BucketFact]:
        return dict.fromkeys(keys, ABSENT)

    monkeypatch.setattr(exports, "_read_buckets", look)
    prefixes = [f"p{number}/{SOURCE_ID}" for number in range(MAX_BUCKET_READS + 1)]
    tasks = [
        task(
            f"image-export-{number:08x}",
            OsuExport={"OsuBucket": "omi-exports", "OsuPrefix": prefix, "DiskImageFormat": "qcow2"},
        )
        for number, prefix in enumerate(prefixes)
    ]
    wanted = ExportFilter((SOURCE_ID,), deep=deep)
    session: Any = SimpleNamespace(ref=SOURCE)
    shown = export_entries(session, [], tasks, wanted, {SOURCE_ID}, NOON)
    assert len(shown.exports) == len(tasks)
    assert sum(entry.found is not None for entry in shown.exports) == looked_into
    assert shown.left_out == len(tasks) - looked_into
