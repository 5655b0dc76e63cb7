"""OUTSCALE's older client, osc-cli, works against the sandbox unchanged: other signed headers, two slashes, no port."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.support import children

OSC_CLI = Path(sys.executable).parent / "osc-cli"


def osc_cli(sandbox, *words):
    return children.run([OSC_CLI, "api", *words], env=sandbox.env)


def test_osc_cli_reads_with_a_filter(sandbox) -> None:
    done = osc_cli(
        sandbox, "ReadImages", "--profile", "source", "--Filters", json.dumps({"ImageNames": ["golden-linux"]})
    )
    assert done.returncode == 0, done.stderr
    assert [image["ImageId"] for image in json.loads(done.stdout)["Images"]] == ["ami-00000001"]


def test_osc_cli_writes(sandbox) -> None:
    export = json.dumps({"DiskImageFormat": "qcow2", "OsuBucket": "omi-exports"})
    words = ["CreateImageExportTask", "--profile", "source", "--ImageId", "ami-00000001", "--OsuExport", export]
    assert json.loads(osc_cli(sandbox, *words).stdout)["ImageExportTask"]["State"] == "pending/queued"
    assert sandbox.request_log.count("CreateImageExportTask", account="source") == 1


def test_osc_cli_reads_regions_unsigned(sandbox) -> None:
    done = osc_cli(sandbox, "ReadRegions", "--profile", "target")
    assert len(json.loads(done.stdout)["Regions"]) == 2
    [request] = sandbox.request_log
    assert request.account is None


def test_osc_cli_shows_a_refusal(sandbox) -> None:
    done = osc_cli(sandbox, "DeleteImage", "--profile", "source", "--ImageId", "ami-99999999")
    assert done.returncode != 0
    assert "5023" in done.stderr
