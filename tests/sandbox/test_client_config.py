"""Clients of other authors (aws, s3cmd, osc-cli) work with the configuration of the sandbox."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from omicopy.sandbox.main import Sandbox
from tests.support import children
from tests.support.children import PATIENCE

Run = Callable[..., str]
OSC_CLI = Path(sys.executable).parent / "osc-cli"


@pytest.fixture
def run(sandbox: Sandbox, tmp_path: Path) -> Run:
    """Runs a command inside the sandbox; what it prints comes back, or what it says when it fails."""

    def run(*command: str, fails: bool = False) -> str:
        done = children.run(command, env=sandbox.env, cwd=tmp_path)
        assert (done.returncode != 0) is fails, done.stderr + done.stdout
        return done.stderr if fails else done.stdout

    return run


def test_aws_copies_lists_and_signs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "here").write_text("text")
    run("aws", "--profile", "source", "s3", "cp", "here", "s3://omi-exports/a folder/there")
    assert "a folder/there" in run("aws", "--profile", "source", "s3", "ls", "--recursive", "s3://omi-exports")
    run("aws", "--profile", "source", "s3", "cp", "s3://omi-exports/a folder/there", "back")
    assert (tmp_path / "back").read_text() == "text"
    url = run("aws", "--profile", "source", "s3", "presign", "s3://omi-exports/a folder/there").strip()
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    assert httpx.get(url, timeout=PATIENCE).text == "text"


def test_aws_uploads_a_large_file_in_parts(run: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(9_000_000))
    run("aws", "--profile", "target", "s3", "cp", "--quiet", "large", "s3://omi-imports/large")
    assert sandbox.request_log.count("UploadPart", account="target") == 2
    assert "9000000" in run("aws", "--profile", "target", "s3", "ls", "s3://omi-imports")


def test_aws_is_refused_where_its_account_has_no_rights(run: Run) -> None:
    assert "AccessDenied" in run("aws", "--profile", "source-other", "s3", "ls", "s3://omi-exports", fails=True)
    assert "NoSuchBucket" in run("aws", "--profile", "source", "s3", "ls", "s3://nowhere", fails=True)


def test_s3cmd_puts_lists_gets_and_signs_with_sigv2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "here").write_text("text")
    run("s3cmd", "put", "here", "s3://omi-exports/folder/there")
    assert "s3://omi-exports/folder/there" in run("s3cmd", "ls", "--recursive", "s3://omi-exports")
    run("s3cmd", "get", "s3://omi-exports/folder/there", "back")
    assert (tmp_path / "back").read_text() == "text"
    url = run("s3cmd", "signurl", "s3://omi-exports/folder/there", "+60").strip()
    assert "AWSAccessKeyId=" in url
    assert httpx.get(url, timeout=PATIENCE).text == "text"
    assert httpx.get(url.replace("there", "elsewhere"), timeout=PATIENCE).status_code == 403
    run("s3cmd", "del", "s3://omi-exports/folder/there")
    assert httpx.get(url, timeout=PATIENCE).status_code == 404


def test_s3cmd_has_a_configuration_for_every_account(run: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "here").write_text("text")
    target = str(sandbox.home / ".s3cfg-target")
    run("s3cmd", "-c", target, "put", "here", "s3://omi-imports/there")
    assert "there" in run("s3cmd", "-c", target, "ls", "s3://omi-imports")


def test_s3cmd_sets_a_cors_rule(run: Run, tmp_path: Path) -> None:
    rule = "<AllowedOrigin>https://example.com</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>"
    (tmp_path / "rules").write_text(f"<CORSConfiguration><CORSRule>{rule}</CORSRule></CORSConfiguration>")
    run("s3cmd", "setcors", "rules", "s3://omi-exports")
    asked = run("aws", "--profile", "source", "s3api", "get-bucket-cors", "--bucket", "omi-exports")
    assert "https://example.com" in asked


def test_only_the_owner_can_read_the_files(sandbox: Sandbox) -> None:
    for name in (".osc/config.json", ".aws/config", ".aws/credentials", ".s3cfg", ".s3cfg-target"):
        assert (sandbox.home / name).stat().st_mode & 0o777 == 0o600, name


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
