"""What a client's own type checker says of the public functions."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support import children

ROOT = Path(__file__).parent.parent.parent
CLIENT = '''
"""A program that uses every public function."""

from datetime import datetime, timedelta
from pathlib import Path

from omicopy import (
    build_manifest,
    cancel,
    copy,
    cors,
    doctor,
    export,
    import_image,
    inspect,
    presign,
    presign_upload,
    prune,
    resign,
    run_plan,
    status,
)
from omicopy.api import BootMode, Budgets, ConnectionOptions, CopyResult, IfExists, RunOptions, exit_code

connection = ConnectionOptions(retry=timedelta(minutes=5), warn=print)
options = RunOptions(Budgets(export=timedelta(hours=12)))

copies: list[CopyResult] = copy(
    ["golden"],
    source="eu",
    targets=["us"],
    bucket="exports",
    if_exists=IfExists.SKIP,
    boot_modes=[BootMode.UEFI],
    tags={"team": "base"},
    min_validity="12h",
    options=options,
    connection=connection,
)
copies += export(["golden"], source="eu", bucket="exports", options=options)
copies += import_image("handoff.txt", target="us", name="golden")
copies += run_plan(Path("nightly.yaml"), only=["base"])
image_ids: list[str] = [each.image_id for each in copies if each.image_id]
code: int = exit_code(copies)

link = presign("ami-12345678", profile="eu", expires=timedelta(days=2), handoff=True)
text: str = link.handoff or link.url.url
until: datetime | None = link.expiry.at
upload: str = presign_upload("s3://uploads/disk.qcow2", profile="eu", content_type="application/gzip").url.url
renewed: str = str(resign("image-export-12345678", profile="eu", allow_key_prefixes=["shared/"]).location)
alive: bool = not inspect("handoff.txt", probe=True).problems()
built: str = str(build_manifest("s3://uploads/web", profile="eu", name="web", dry_run=True).location)
origins: tuple[str, ...] = cors("s3://uploads", profile="eu", allow_origins=["https://example.com"]).added[0].origins
states: list[str | None] = [each.state for each in cancel(["image-export-12345678"], profile="eu").exports]

errors: list[str] = [error.message for error in status(source="eu", targets=["us"]).errors]
to_delete: list[str] = [entry.why for entry in prune("nightly.yaml", connection=connection).entries]
failed: list[str] = [check.hint for check in doctor(["golden"], source="eu")]
'''
MISTAKES = """
from omicopy import cors, presign, resign

presign(7, profile="eu")
presign("ami-12345678", profil="eu")
number: int = resign("ami-12345678", profile="eu").location
cors("s3://uploads", profile="eu").rules[0].nonsense
"""


def test_a_clients_own_mypy_is_content_and_finds_mistakes(tmp_path: Path) -> None:
    """One run for both: most of its time it reads the package."""
    (tmp_path / "client.py").write_text(CLIENT)
    (tmp_path / "mistakes.py").write_text(MISTAKES)
    cache = ["--cache-dir", str(ROOT / ".mypy_cache" / "client")]  # another cache: other settings would spoil ours
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *cache, "client.py", "mistakes.py"]
    ran = children.run(command, cwd=tmp_path)
    found = [line for line in ran.stdout.splitlines() if "error:" in line]
    assert [line for line in found if not line.startswith("mistakes.py")] == [], ran.stdout
    assert [int(line.split(":")[1]) for line in found] == [4, 5, 6, 7]
