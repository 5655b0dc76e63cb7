"""Which images may still be importing from an export, by the journal and by what the targets show (R4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omicopy.deletion.importers import ImagesRead, why_kept
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.state.journal import OpenImage
from tests.support.builders import COPY_ID, MARKER, NAME, RENAMED, SOURCE_ID, TARGET, image

ENTRY = {"kind": "image", "account": TARGET.account_id, "region": TARGET.region, "name": NAME, "marker": MARKER}
ABOUT = {
    "image": SOURCE_ID,
    "account": "111111111111",
    "region": "eu-west-2",
    "bucket": "omi-exports",
    "prefix": "a b",
    "format": "raw",
    "from": "source",
    "to": "target@us-east-2",
}
OPEN = OpenImage(ENTRY, None, 0.0, ABOUT)
ANSWERED = OpenImage(ENTRY, COPY_ID, 0.0, ABOUT)
FRESH, OLD = True, False
OTHER_ID = "ami-000000c2"
NOT_READ = OmicopyError(ErrorCode.TEMPORARY, "ReadImages in target: no answer")


@pytest.mark.parametrize(
    ("one", "shown", "is_fresh", "why"),
    [
        pytest.param(OPEN, [], OLD, None, id="nothing was made"),
        pytest.param(OPEN, [], FRESH, "may have just started", id="what was made may not show yet"),
        pytest.param(ANSWERED, [], FRESH, "may have just started", id="what was made does not show yet"),
        pytest.param(ANSWERED, [], OLD, None, id="what was made is gone"),
        pytest.param(ANSWERED, [image()], FRESH, None, id="it is there"),
        pytest.param(ANSWERED, [image(State="failed")], FRESH, None, id="it failed"),
        pytest.param(ANSWERED, [image(State="pending")], OLD, f"{COPY_ID}, the copy", id="it is being made"),
        pytest.param(ANSWERED, [image(State="")], OLD, "in an unknown state", id="R6: its state is not told"),
        pytest.param(ANSWERED, [image(State="reticulating")], OLD, "it is reticulating", id="R6: an unknown state"),
        pytest.param(
            OPEN, [image(ImageName=RENAMED, State="pending")], OLD, "it is pending", id="under its other name"
        ),
        pytest.param(OPEN, [image(State="failed")], FRESH, "may have just started", id="an older one failed"),
        pytest.param(OPEN, [image()], OLD, None, id="one is there"),
        pytest.param(
            ANSWERED, [image(), image(OTHER_ID, State="pending")], OLD, f"{OTHER_ID}, the copy", id="a second one"
        ),
        pytest.param(OPEN, [image(Description="", State="pending")], OLD, None, id="not a copy of that image"),
        pytest.param(OPEN, [image(ImageName="else", State="pending")], OLD, None, id="another copy of it"),
        pytest.param(OPEN, [image(AccountId="333333333333", State="pending")], OLD, None, id="another account's"),
        pytest.param(
            OPEN, NOT_READ, OLD, "imports from them: ReadImages in target: no answer", id="the target can't be read"
        ),
        pytest.param(OPEN, None, OLD, "has no profile of that account", id="the target is not at hand"),
    ],
)
def test_the_targets_images_settle_journal_entries(
    one: OpenImage, shown: ImagesRead, is_fresh: bool, why: str | None
) -> None:
    message = why_kept(one, shown, is_fresh)
    assert (message is None) is (why is None)
    if message is not None and why is not None:
        assert why in message
        assert "the copy 'golden' of ami-0000000a in account 222222222222 (us-east-2)" in message


def test_an_unsettled_copy_is_named_with_the_command_to_run() -> None:
    message = why_kept(OPEN, None, OLD) or ""
    assert message.endswith(
        "to settle it, run: omicopy copy ami-0000000a --name golden --from source --to target@us-east-2 "
        "--bucket omi-exports --prefix 'a b' --format raw"
    )
    keyed = why_kept(replace(OPEN, about={**OPEN.about, "storage": "aws:own"}), None, OLD) or ""
    assert "--bucket omi-exports --storage aws:own --prefix" in keyed
    booted = why_kept(replace(OPEN, about={**OPEN.about, "boot": "--boot-mode uefi --no-tpm"}), None, OLD) or ""
    assert booted.endswith(" --boot-mode uefi --no-tpm")
    old = why_kept(OpenImage(ENTRY, None, 0.0), None, OLD) or ""
    assert "omicopy copy ami-0000000a --name golden, and the options of the first run" in old
