"""What is refused before a copy begins: usage, configuration, rights, images and buckets that can't be used."""

from __future__ import annotations

import pytest

from omicopy.sandbox.model.region_state import OmiState
from tests.support.tool import LINUX


def test_a_wrong_request_is_refused_before_any_call(tool) -> None:
    base = ["--from", "source", "--to", "target", "--bucket", "omi-exports"]
    wrong = {
        "omi_exports": ["copy", LINUX, *base, "--bucket", "omi_exports"],
        "'soon'": ["copy", LINUX, *base, "--export-timeout", "soon"],
        "--bucket": ["copy", LINUX, "--from", "source", "--to", "target"],
        "vmdk": ["copy", LINUX, *base, "--format", "vmdk"],
        "perhaps": ["copy", LINUX, *base, "--if-exists", "perhaps"],
        "'a/../b' is not a usable prefix": ["copy", LINUX, *base, "--prefix", "a/../b"],
        "at most 6d23h": ["copy", LINUX, *base, "--min-validity", "7d"],
        "more than 0": ["copy", LINUX, *base, "--poll-min", "0"],
        "is not a location, an ID or a URL": ["url", "golden-linux", "--from", "source"],
        "is not the s3:// location of an object": ["url", "s3://omi-exports", "--from", "source"],
    }
    ran = tool.together([lambda words=words: tool.run(*words, code=2) for words in wrong.values()])
    assert [text for text, one in zip(wrong, ran, strict=True) if text not in one.err] == []
    assert {one.out for one in ran} == {""}
    assert tool.writes() == []


def test_an_incomplete_profile_is_named_with_its_file(tool) -> None:
    """The message names what it lacks. A missing profile is named likewise."""
    lacking = tool.profiles(target={"secret_key": None}, source={"region": None})
    file = lacking["OSC_CONFIG_FILE"]
    fillers = {"OSC_REGION": "eu-west-2", "OSC_SECRET_KEY": "S" * 40, "OSC_ACCESS_KEY": "A" * 20}
    fine = {"OSC_CONFIG_FILE": str(tool.sandbox.profiles)}

    def copy(source: str, target: str, env: dict[str, str]):
        words = ["copy", LINUX, "--from", source, "--to", target, "--bucket", "omi-exports"]
        return lambda: tool.run(*words, code=2, **env, **fillers)

    ran = tool.together(
        [
            copy("source", "target", lacking),
            copy("source@eu-west-2", "target", lacking),
            copy("nobody", "target", lacking),
            copy("source", "target", {"OSC_CONFIG_FILE": "/nowhere/config.json"}),
            copy("env:NONE", "target", fine),
        ]
    )
    expected = [
        ('"source"', file, "region"),
        ('"target"', file, "secret_key"),
        ('"nobody"', file, "Its profiles: "),
        ("/nowhere/config.json",),
        ("env:NONE", "NONE_ACCESS_KEY"),
    ]
    for one, texts in zip(ran, expected, strict=True):
        assert [text for text in texts if text not in one.err] == []
    assert len(tool.sandbox.request_log) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"access_key": "CLÉ" + "A" * 17}, "access_key contains a letter that is not ASCII"),
        ({"secret_key": "S" * 20 + "\u00a0" + "S" * 19}, "secret_key contains a no-break space (U+00A0)"),
        ({"access_key": "A" * 10 + "\u200b" + "A" * 10}, "access_key contains a zero width space (U+200B)"),
        ({"endpoints": {"api": f"https://{'h' * 64}.example/api/v1"}}, "the host name is invalid"),
        ({"endpoints": None, "region": "r" * 64}, "region is not a Region name"),
    ],
)
@pytest.mark.parametrize("side", ["source", "target"])
def test_a_key_that_no_request_can_hold_is_the_profiles_fault(
    tool, side: str, wrong: dict[str, object], message: str
) -> None:
    """It was "unreadable answer, run again later", and exit code 5."""
    env = tool.profiles(**{side: wrong})
    words = ["copy", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports"]
    ran = tool.run(*words, code=2, **env)
    assert f'Profile "{side}" in {env["OSC_CONFIG_FILE"]}' in ran.err
    assert message in ran.err
    assert "again later" not in ran.err
    assert len(tool.sandbox.request_log) == 0


def test_the_same_account_on_both_sides_is_refused_with_a_hint(tool) -> None:
    ran = tool.copy("golden-linux", to=["target", "source"], code=2)
    assert "the same account 100000000001 in eu-west-2" in ran.err
    assert "CreateImage" in ran.err
    assert tool.writes() == []


def test_an_unexportable_image_is_refused_with_the_reason(tool) -> None:
    expected = {
        "golden-lin*": ["'golden-lin*'", "source (account 100000000001, eu-west-2)"],
        "ami-0000dead": ["ami-0000dead"],
        "private-linux": ["There is no image 'private-linux'"],
        "twin": ["ami-00000006, ami-00000007", "Use the ID of one of them"],
        "shared-linux": ["100000000002", "only an owner", "SourceImageId"],
        "failed-image": ["ami-00000005", "The image could not be created."],
    }
    ran = tool.together([lambda image=image: tool.copy(image, code=4) for image in expected])
    for one, texts in zip(ran, expected.values(), strict=True):
        assert [text for text in texts if text not in one.err] == []
    assert [one.copy["error"]["code"] for one in ran[-2:]] == ["not-exportable", "not-exportable"]
    assert tool.writes() == []


@pytest.mark.parametrize(("bucket", "exit_code"), [("no-such-bucket", 4), ("other-exports", 12)])
def test_an_unusable_bucket_is_found_before_the_export(tool, bucket, exit_code) -> None:
    ran = tool.copy("golden-linux", "--bucket", bucket, code=exit_code)
    assert f"s3://{bucket}" in ran.copy["error"]["message"]
    assert ran.copy["error"]["hint"]
    assert tool.writes() == []


def test_create_bucket_creates_a_missing_bucket(tool) -> None:
    words = ("golden-linux", "--bucket", "a-new-one")
    refused = tool.copy(*words, code=4)
    assert "--create-bucket" in refused.copy["error"]["hint"]
    planned = tool.copy(*words, "--create-bucket", "--dry-run")
    assert planned.copy["status"] == "planned"
    assert "which creates the bucket a-new-one" in planned.err
    assert tool.writes() == []
    ran = tool.copy(*words, OMICOPY_CREATE_BUCKET="1")
    assert (ran.copy["status"], ran.copy["manifest"].startswith("s3://a-new-one/")) == ("copied", True)
    assert tool.copy(*words).copy["status"] == "present"
    again = tool.run("export", LINUX, "--from", "source", "--bucket", "a-new-one", "--create-bucket")
    assert again.out.startswith("s3://a-new-one/")
    assert len(tool.tasks()) == 1
    tool.url("s3://a-newer-one/x/", code=4)


def test_a_source_that_is_still_pending_is_waited_for(tool) -> None:
    process = tool.start("copy", "still-pending", "--from", "source", "--to", "target", "--bucket", "omi-exports")
    tool.wait(lambda: tool.count("ListObjects") >= 2)
    assert tool.writes() == []
    tool.source.change_image("ami-00000004", state=OmiState.AVAILABLE)
    ran = tool.finish(process)
    assert (ran.code, ran.row[2]) == (0, "copied")


def test_refused_credentials_are_exit_12(tool) -> None:
    wrong = {
        "access key": tool.profiles(source={"access_key": "W" * 20}),
        "secret key": tool.profiles(target={"secret_key": "W" * 40}),
        "region": tool.profiles(source={"region": "eu-east-9"}),
    }
    for ran in tool.together([lambda env=env: tool.copy("golden-linux", code=12, **env) for env in wrong.values()]):
        assert "ReadAccounts" in ran.err
        assert "access key, its Region" in ran.err
        assert "W" * 20 not in ran.err
    for key in ("access key", "region"):
        assert tool.url("s3://omi-exports/x", code=12, **wrong[key]).out == ""
    assert tool.writes() == []
