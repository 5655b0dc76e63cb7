"""Boot settings over the whole way: copied, compared, handed over, shown."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from omicopy.sandbox.model.behaviours import Behaviour, BootParameters as Service
from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support import children

GOLDEN, UEFI_ID = "golden-uefi", "ami-00000008"


def booting(tool: Any) -> list[tuple[tuple[str, ...], bool]]:
    return [(made.boot_modes, made.tpm_mandatory) for made in tool.copies()]


def test_a_uefi_image_is_copied_and_found_as_one(tool) -> None:
    blank = {"OMICOPY_TPM": "  ", "OMICOPY_BOOT_MODE": " "}  # as a job's file may set them, without a value
    assert tool.copy(GOLDEN, **blank).copy["status"] == "copied"
    assert booting(tool) == [(("uefi",), True)]
    assert tool.on_other_machine().copy(GOLDEN).copy["status"] == "present"
    other = tool.copy(GOLDEN, "--name", "other", "--boot-mode", "legacy", "--boot-mode", "uefi", "--no-tpm")
    assert other.copy["status"] == "copied"
    assert booting(tool)[1] == (("uefi", "legacy"), False) or booting(tool)[1] == (("legacy", "uefi"), False)
    again = tool.copy(GOLDEN, "--name", "other", code=8).copy
    assert again["error"]["message"].endswith(
        "boot modes legacy, uefi instead of uefi; TPM not mandatory instead of mandatory"
    )


@pytest.mark.parametrize("service", [Service.IGNORED, Service.REFUSED, Service.UNKNOWN])
def test_boot_settings_that_the_service_ignores_are_exit_8(tool, service) -> None:
    """They are named; the copy is kept."""
    tool.again(behaviour=Behaviour(boot=service))
    failed = tool.copy(GOLDEN, code=8)
    (copy,) = tool.copies()
    assert failed.copy["target"]["image_id"] == copy.image_id
    assert (
        "boot modes legacy instead of uefi; TPM not mandatory instead of mandatory" in failed.copy["error"]["message"]
    )
    assert f"SourceImageId {copy.image_id}" in failed.copy["error"]["hint"]
    assert dict(copy.tags)["omicopy:copy"] == copy.image_id
    assert ("asking without" in failed.err) is (service is not Service.IGNORED)
    assert tool.count("CreateImage", status=200) == 1
    assert tool.copy("golden-three").copy["status"] == "copied"


def test_a_hand_off_states_the_boot_settings(tool) -> None:
    """Its commands ask for them."""
    key = tool.exported(UEFI_ID)
    (task,) = tool.tasks()
    texts = [tool.url(source, "--handoff").out for source in (UEFI_ID, task.task_id)]
    for text in texts:
        assert "Boot:      uefi, TPM mandatory; manifests don't contain it, the commands below do" in text
        commands = [
            shlex.split(line) for line in text.splitlines() if line.startswith(("omicopy ", "octl ", "osc-cli "))
        ]
        assert commands[0][-3:] == ["--boot-mode", "uefi", "--tpm"]
        assert commands[1][-3:] == ["--BootModes", "uefi", "--TpmMandatory"]
    unknown = tool.url(f"s3://omi-exports/{key}", "--handoff").out
    assert "Boot:      unknown, manifests" in unknown
    assert "--tpm\n" not in unknown
    file = tool.home / "handoff.txt"
    file.write_text(texts[0])
    words = [{"YOUR_PROFILE": "target", "handoff.txt": str(file)}.get(word, word) for word in commands[0]]
    assert tool.run(*words[1:]).row[2] == "copied"
    words = [{"YOUR_PROFILE": "target", GOLDEN: "by-osc-cli"}.get(word, word) for word in commands[2]]
    done = children.run([str(Path(sys.executable).parent / words[0]), *words[1:]], env=tool.sandbox.env)
    assert json.loads(done.stdout)["Image"]["ImageName"] == "by-osc-cli", done.stderr
    assert booting(tool) == [(("uefi",), True)] * 2
    plain = tool.import_(tool.sign(key), "--name", "plain")
    assert "legacy is used unless you give --boot-mode uefi" in plain.err
    assert (plain.copy["status"], booting(tool)[2]) == ("copied", (("legacy",), False))


def test_inspect_and_doctor_show_the_boot_settings(tool) -> None:
    """They name what is not copied."""
    key = tool.exported(UEFI_ID)
    (task,) = tool.tasks()
    for source in (UEFI_ID, task.task_id):
        parts = tool.run("inspect", source, "--from", "source").out
        assert "\nBoot:          uefi, TPM mandatory, as the image says; the manifest does not\n" in parts
    parts = tool.run("inspect", f"s3://omi-exports/{key}", "--from", "source").out
    assert "\nBoot:" not in parts
    assert "\nNot in it:     boot modes and TPM (--boot-mode, --tpm), tags (--tag), launch permissions" in parts
    as_json = tool.run("inspect", UEFI_ID, "--from", "source", "-o", "json").json
    assert (as_json["boot_modes"], as_json["tpm_mandatory"]) == (["uefi"], True)
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "ReadImages"))
    as_json = tool.run("inspect", UEFI_ID, "--from", "source", "-o", "json").json
    assert (as_json["boot_modes"], as_json["tpm_mandatory"]) == (None, None)
    tool.sandbox.faults.clear()
    rows = [line.split("\t") for line in tool.run("doctor", GOLDEN, "--from", "source").out.splitlines()]
    message = {row[1]: row[2] for row in rows}
    assert message[f"{GOLDEN} {UEFI_ID}"] == "available, 1 volume, 10 GiB, boots by uefi, TPM mandatory"
    assert "contains no boot modes" in message["what does not travel"]


def test_a_plans_target_gets_its_own_boot_settings(tool) -> None:
    file = tool.home / "plan.yaml"
    file.write_text(f"""
version: 1
jobs:
  - name: nightly
    from: source
    bucket: omi-exports
    images: [{{name: {GOLDEN}}}]
    to: [{{profile: target}}, {{profile: target-other, boot_modes: [legacy], tpm: false}}]
""")
    tool.run("run", str(file))
    assert booting(tool) == [(("uefi",), True)]
    (other,) = tool.copies("target-other")
    assert (other.boot_modes, other.tpm_mandatory) == (("legacy",), False)
    assert tool.run("run", str(file)).out.count("present") == 2
