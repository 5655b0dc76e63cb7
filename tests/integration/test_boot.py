"""How an image boots travels: it is asked for, done without where it is refused by name, and compared."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omicopy.cloud.errors import Answer, ServiceError, refused
from omicopy.errors import ErrorCode, Interrupted, OmicopyError
from omicopy.model.boot import Boot, boot_differences, boot_parameters, check_boot
from omicopy.model.events import WarningMessage
from omicopy.model.image import Image
from omicopy.model.request import CopyRequest
from omicopy.model.result import CopyResult, Status
from omicopy.model.verification import differences, flaws, image_properties, manifest_properties
from omicopy.plans.model import parse_plan
from omicopy.sandbox.model.behaviours import Behaviour
from omicopy.sandbox.model.behaviours import BootParameters as Service
from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support import children
from tests.support.builders import (
    ORIGIN,
    SOURCE,
    SOURCE_ID,
    copy_request,
    image,
    import_request,
    manifest,
    signed,
    source_image,
)
from tests.support.virtual_cloud import Cloud, Machine

UEFI, LEGACY = frozenset({"uefi"}), frozenset({"legacy"})
BOTH = UEFI | LEGACY
BY_UEFI = {"BootModes": ["uefi"], "TpmMandatory": True}
SOURCE_BY_UEFI = source_image(**BY_UEFI)
GOLDEN, UEFI_ID = "golden-uefi", "ami-00000008"


# ---- what is asked for


@pytest.mark.parametrize(
    ("asked", "source", "parameters"),
    [
        (Boot(), Boot(), {}),
        (Boot(), Boot(LEGACY, False), {}),
        (Boot(), Boot(UEFI, True), BY_UEFI),
        (Boot(), Boot(UEFI), {"BootModes": ["uefi"]}),
        (Boot(), Boot(BOTH, False), {"BootModes": ["legacy", "uefi"]}),
        (Boot(), Boot(LEGACY, True), {"TpmMandatory": True}),
        (Boot(), Boot(frozenset({"newer"}), None), {"BootModes": ["newer"]}),
        (Boot(LEGACY, False), Boot(), {"BootModes": ["legacy"], "TpmMandatory": False}),
        (Boot(LEGACY), Boot(UEFI, True), {"BootModes": ["legacy"], "TpmMandatory": True}),
        (Boot(tpm=False), Boot(UEFI, True), {"BootModes": ["uefi"], "TpmMandatory": False}),
        (Boot(UEFI), Boot(LEGACY, False), {"BootModes": ["uefi"]}),
    ],
)
def test_boot_parameters_are_the_users_or_the_sources(asked: Boot, source: Boot, parameters: Mapping[str, Any]) -> None:
    """Of the source's, only what not every image has."""
    assert boot_parameters(asked, source) == parameters


def test_an_unknown_boot_mode_is_refused() -> None:
    assert check_boot(["uefi", "uefi"], None) == Boot(UEFI)
    assert check_boot((), True) == Boot(None, True)
    for wrong in (["bios"], "uefi", [""]):
        with pytest.raises(OmicopyError) as caught:
            check_boot(wrong, None)
        assert caught.value.code is ErrorCode.USAGE


# ---- what differs


@pytest.mark.parametrize(
    ("wanted", "copy", "message"),
    [
        (Boot(UEFI, True), Boot(UEFI, True), []),
        (Boot(UEFI, True), Boot(), []),
        (Boot(), Boot(UEFI, True), []),
        (Boot(UEFI), Boot(LEGACY, True), ["boot modes legacy instead of uefi"]),
        (Boot(BOTH), Boot(LEGACY), ["boot modes legacy instead of legacy, uefi"]),
        (Boot(UEFI, True), Boot(UEFI, False), ["a TPM is not mandatory"]),
        (Boot(None, False), Boot(UEFI, True), ["a TPM is mandatory, and should not be"]),
    ],
)
def test_a_boot_mode_that_one_side_lacks_is_no_difference(wanted: Boot, copy: Boot, message: list[str]) -> None:
    """The same holds for the TPM."""
    assert boot_differences(wanted, copy) == message


def with_disk(**bsu: Any) -> Image:
    return image(BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Bsu": bsu}])


@pytest.mark.parametrize(
    ("source", "copy", "message"),
    [
        ({"VolumeType": "gp2"}, {"VolumeType": "standard"}, ["/dev/sda1 of type standard instead of gp2"]),
        ({"VolumeType": "gp2"}, {}, []),
        ({}, {"VolumeType": "standard"}, []),
        ({"VolumeType": "io1", "Iops": 9}, {"VolumeType": "io1", "Iops": 8}, ["/dev/sda1 with 8 IOPS instead of 9"]),
        ({"VolumeType": "io1", "Iops": 500}, {"VolumeType": "io1"}, []),
        ({"VolumeType": "io1", "Iops": 9}, {"Iops": 8}, ["/dev/sda1 with 8 IOPS instead of 9"]),
        ({"VolumeType": "gp2", "Iops": 100}, {"VolumeType": "gp2", "Iops": 300}, []),
        ({"VolumeType": "io1", "Iops": 9}, {"VolumeType": "gp2", "Iops": 8}, ["/dev/sda1 of type gp2 instead of io1"]),
        ({"DeleteOnVmDeletion": True}, {"DeleteOnVmDeletion": False}, ["/dev/sda1 outlives its VM"]),
        ({"DeleteOnVmDeletion": False}, {"DeleteOnVmDeletion": True}, ["/dev/sda1 is deleted with its VM"]),
        ({"DeleteOnVmDeletion": False}, {}, []),
        ({"DeleteOnVmDeletion": "false", "Iops": "9"}, {"DeleteOnVmDeletion": True}, []),
    ],
)  # fmt: skip
def test_volumes_are_compared_by_type_iops_and_deletion(
    source: dict[str, Any], copy: dict[str, Any], message: list[str]
) -> None:
    """Deletion: whether they are deleted with their VM."""
    assert differences(image_properties(with_disk(**source)), image_properties(with_disk(**copy))) == message


def test_a_shared_manifests_boot_settings_count() -> None:
    entry = {"Device": "/dev/sda1", "Size": 10 * 2**30, "PreSignedUrl": signed("a", None)}
    parts = manifest(Snapshots=[entry | {"VolumeType": "io1", "Iops": 500, "DeleteOnTermination": False}])
    there = with_disk(VolumeSize=10, VolumeType="io1", Iops=400, DeleteOnVmDeletion=True)
    assert differences(manifest_properties(parts), image_properties(there)) == [
        "/dev/sda1 with 400 IOPS instead of 500",
        "/dev/sda1 is deleted with its VM",
    ]
    assert differences(manifest_properties(manifest(Snapshots=[entry])), image_properties(there)) == []
    asked = import_request()
    assert asked.destination
    assert flaws(asked, image(**BY_UEFI)) == []
    wanted = replace(asked, destination=replace(asked.destination, boot=Boot(LEGACY, False)))
    assert flaws(wanted, image(**BY_UEFI)) == [
        "boot modes uefi instead of legacy",
        "a TPM is mandatory, and should not be",
    ]


# ---- what is refused by name, and nothing else, is done without


@pytest.mark.parametrize(
    ("code", "details", "names"),
    [
        ("3002", "FileLocation can't be combined with BootModes or TpmMandatory.", {"BootModes", "TpmMandatory"}),
        ("3001", "Unknown parameter in this request: 'TpmMandatory'.", {"TpmMandatory"}),
        ("3001", "Unknown parameter in this request: 'VmId'.", set()),
        ("3002", "Parameters that exclude each other.", set()),
        ("3001", "SecureBootModes", set()),
        ("4045", "BootModes", set()),
        ("", "BootModes", set()),
    ],
)
def test_r1_only_the_refused_parameters_are_left_out(code: str, details: str, names: set[str]) -> None:
    error = refused("CreateImage", "target", Answer(400, code, "InvalidParameter", details))
    assert error.refused_parameters(("BootModes", "TpmMandatory")) == names
    assert error.refused_parameters(()) == frozenset()


def by_uefi() -> CopyRequest:
    return replace(copy_request(), source=replace(ORIGIN, image=SOURCE_BY_UEFI))


class Refusing(Cloud):
    """Takes neither parameter with a manifest, and names the first that it meets."""

    def __init__(self, code: str = "3001", names: bool = True) -> None:
        super().__init__(export_seconds=6, import_seconds=6)
        self.add_image("source", SOURCE_ID, AccountId=SOURCE.account_id, Description="", **BY_UEFI)
        self.trouble = self.refuse
        self._code, self._names = code, names

    def refuse(self, profile: str, action: str) -> ServiceError | None:
        unwanted = [name for name in BY_UEFI if name in self.requests[-1][3]]
        if action != "CreateImage" or not unwanted:
            return None
        details = f"Unknown parameter in this request: '{unwanted[0]}'." if self._names else "Not valid."
        return refused(action, profile, Answer(400, self._code, "InvalidParameter", details))


def run(machine: Machine) -> CopyResult:
    [result] = machine.run(by_uefi())
    return result


def test_r1_a_create_is_decided_again_without_what_was_refused(tmp_path: Path) -> None:
    """The copy is compared with its source afterwards."""
    cloud = Refusing()
    machine = Machine(tmp_path, cloud)
    result = run(machine)
    asked = [[name for name in BY_UEFI if name in one] for one in cloud.sent("CreateImage")]
    assert asked == [["BootModes", "TpmMandatory"], ["TpmMandatory"], []]
    assert (result.status, len(cloud.images)) == (Status.COPIED, 2)  # it does not say how it boots
    assert machine.open_entries == []
    warned = [event.message for event in machine.events if isinstance(event, WarningMessage)]
    assert [("BootModes" in message, "TpmMandatory" in message) for message in warned] == [(True, False), (False, True)]


@pytest.mark.parametrize(("code", "names"), [("3002", False), ("4045", True)])
def test_r1_any_other_refusal_of_the_create_ends_the_copy(tmp_path: Path, code: str, names: bool) -> None:
    cloud = Refusing(code, names)
    machine = Machine(tmp_path, cloud)
    result = run(machine)
    assert (result.status, len(cloud.sent("CreateImage")), len(cloud.images)) == (Status.FAILED, 1, 1)
    assert not any(entry.name.startswith("image-") for entry in machine.open_entries)


def test_an_interruption_after_a_refusal_is_not_unfinished(tmp_path: Path) -> None:
    """It does not say that the service continues."""
    cloud = Refusing()
    refuse = cloud.trouble

    def stopping(profile: str, action: str) -> ServiceError | None:
        if cloud.sent("CreateImage") and action == "ReadImages":
            raise Interrupted(2)
        return refuse(profile, action)

    cloud.trouble = stopping
    with pytest.raises(Interrupted) as caught:
        run(Machine(tmp_path, cloud))
    assert caught.value.still_running == []
    assert [result.status for result in caught.value.results if isinstance(result, CopyResult)] == [Status.UNFINISHED]


class Killed(BaseException):
    """Nobody catches it: the process is gone."""


@pytest.mark.parametrize("after", [False, True], ids=["before-the-effect", "after-the-effect"])
def test_r2_killed_near_a_refusal_one_image_is_made(tmp_path: Path, after: bool) -> None:
    for nth in range(1, 60):
        cloud = Refusing()
        ask, left = cloud.ask, nth

        def killing(profile: str, action: str, parameters: Mapping[str, Any], ask: Any = ask) -> dict[str, Any]:
            nonlocal left
            left -= 1
            if left == 0 and not after:
                raise Killed
            try:
                return ask(profile, action, parameters)
            finally:
                if left == 0 and after:
                    raise Killed

        cloud.ask = killing  # type: ignore[method-assign]
        try:
            run(Machine(tmp_path / str(nth), cloud))
        except Killed:
            pass
        else:
            assert nth > 8, "a copy makes more requests than that"
            return
        machine = Machine(tmp_path / str(nth), cloud)
        assert run(machine).status in (Status.COPIED, Status.PRESENT), nth
        assert (len(cloud.exports), len(cloud.images)) == (1, 2), nth
        assert [entry.name for entry in machine.open_entries if entry.name.startswith("image-")] == []
    pytest.fail("a copy should not need that many requests")


# ---- what users see


def booting(tool: Any) -> list[tuple[tuple[str, ...], bool]]:
    return [(made.boot_modes, made.tpm_mandatory) for made in tool.copies()]


def test_a_uefi_image_is_copied_and_found_as_one(tool) -> None:
    blank = {"OMICOPY_TPM": "  ", "OMICOPY_BOOT_MODE": " "}  # as a job's file may set them, without a value
    assert tool.copy(GOLDEN, **blank).copy["status"] == "copied"
    assert booting(tool) == [(("uefi",), True)]
    assert tool.elsewhere().copy(GOLDEN).copy["status"] == "present"
    other = tool.copy(GOLDEN, "--name", "other", "--boot-mode", "legacy", "--boot-mode", "uefi", "--no-tpm")
    assert other.copy["status"] == "copied"
    assert booting(tool)[1] == (("uefi", "legacy"), False) or booting(tool)[1] == (("legacy", "uefi"), False)
    again = tool.copy(GOLDEN, "--name", "other", code=8).copy
    assert again["error"]["message"].endswith("boot modes legacy, uefi instead of uefi; a TPM is not mandatory")


@pytest.mark.parametrize("service", [Service.IGNORED, Service.REFUSED, Service.UNKNOWN])
def test_boot_settings_that_the_service_ignores_are_exit_8(tool, service) -> None:
    """They are named; the copy is kept."""
    tool.again(behaviour=Behaviour(boot=service))
    failed = tool.copy(GOLDEN, code=8)
    (copy,) = tool.copies()
    assert failed.copy["target"]["image_id"] == copy.image_id
    assert "boot modes legacy instead of uefi; a TPM is not mandatory" in failed.copy["error"]["message"]
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
        assert "Boot:      uefi, TPM mandatory; no manifest tells it, the commands below do" in text
        commands = [
            shlex.split(line) for line in text.splitlines() if line.startswith(("omicopy ", "octl ", "osc-cli "))
        ]
        assert commands[0][-3:] == ["--boot-mode", "uefi", "--tpm"]
        assert commands[1][-3:] == ["--BootModes", "uefi", "--TpmMandatory"]
    unknown = tool.url(f"s3://omi-exports/{key}", "--handoff").out
    assert "Boot:      not known here; ask" in unknown
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
    assert "legacy, unless --boot-mode uefi asks for it" in plain.err
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
    assert "not in an export" in message["what does not travel"]


def test_a_plan_sets_boot_modes_for_all_jobs_a_job_or_a_target() -> None:
    jobs = """
      - {name: as-source, from: a, bucket: abc, images: [{name: x}], to: [{profile: b}]}
      - name: mixed
        from: a
        bucket: abc
        tpm: false
        images: [{name: x}]
        to: [{profile: b}, {profile: c, boot_modes: [uefi, legacy], tpm: true}]
"""
    plain = parse_plan(f"version: 1\njobs:{jobs}", "plan.yaml", {})
    assert [target.boot for job in plain.jobs for target in job.targets] == [
        Boot(),
        Boot(None, False),
        Boot(BOTH, True),
    ]
    all_of_them = parse_plan(f"version: 1\ndefaults: {{boot_modes: [uefi]}}\njobs:{jobs}", "plan.yaml", {})
    assert [target.boot for job in all_of_them.jobs for target in job.targets] == [
        Boot(UEFI),
        Boot(UEFI, False),
        Boot(BOTH, True),
    ]
    for wrong, message in (("[]", "is empty"), ("[bios]", "'legacy' or 'uefi'"), ("uefi", "takes a list")):
        with pytest.raises(OmicopyError, match=message):
            parse_plan(f"version: 1\ndefaults: {{boot_modes: {wrong}}}\njobs:{jobs}", "plan.yaml", {})


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
