"""`cors`: web pages of the origins named may upload with pre-signed URLs, and no rule that was there is lost."""

from __future__ import annotations

import httpx

from omicopy.cli.commands.cors import _row
from omicopy.cloud.object_storage import Storage
from omicopy.cloud.presign import presign
from omicopy.cloud.profiles.profile import Account, resolve_profile
from omicopy.cloud.retry import Pace
from omicopy.manifests.cors import MAX_RULES, CorsRule, Rule, with_origins
from omicopy.model.s3_location import S3Object
from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.cli.test_output import at_a_terminal
from tests.support.children import PATIENCE
from tests.support.cors_rules import APP, upload_rule
from tests.support.hostile import HTML, JSON, PAGE, XML, Reply, hostile, transport
from tests.support.tool import Ran, Tool

THEIRS: list[Rule] = [
    {
        "ID": "the shop's own",
        "AllowedHeaders": ["content-type", "x-amz-*"],
        "AllowedMethods": ["GET", "PUT", "DELETE"],
        "AllowedOrigins": ["https://shop.example.com", "http://*.shop.example.com"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 7,
    },
    {"AllowedMethods": ["HEAD"], "AllowedOrigins": ["https://monitor.example.com"], "MaxAgeSeconds": 0},
]
"""The second one has as little as can be: SeaweedFS answers with an age of 0 where none was set."""


def cors(tool: Tool, *args: str, bucket: str = "omi-exports", code: int = 0, **env: str) -> Ran:
    return tool.run("cors", f"s3://{bucket}", "--from", "source", *args, code=code, **env)


def owner(tool: Tool) -> Account:
    return resolve_profile("source", tool.env, tool.home)


def put_rules(tool: Tool, options: list[Rule]) -> None:
    Storage(owner(tool), transport(), Pace(), 1.0).put_cors_rules("omi-exports", options)
    tool.forget()


def ask(url: str, origin: str, method: str = "PUT") -> str | None:
    """What the store says to a browser's question before an upload: the origin that may, if any."""
    question = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,x-amz-meta-tag",
    }
    answer = httpx.options(url, headers=question, timeout=PATIENCE)
    allowed = method in answer.headers.get("access-control-allow-methods", "")
    return answer.headers.get("access-control-allow-origin") if allowed else None


def test_a_browser_may_upload_from_the_named_origins_only(tool) -> None:
    put_rules(tool, THEIRS)
    url = presign(owner(tool), S3Object("omi-exports", "folder/new.bin"), method="PUT").url
    assert ask(url, APP) is None
    ran = cors(tool, "--allow-origin", f"{APP}/", "--allow-origin", "http://*.example.com:8080")
    assert ran.out.splitlines()[2:] == [f"{APP},http://*.example.com:8080\tPUT\t*\tETag,x-amz-meta-tag\t3000"]
    assert ran.err == f"Added a rule to s3://omi-exports: PUT from {APP}, http://*.example.com:8080\n"
    for origin in (APP, "http://any.example.com:8080"):
        assert ask(url, origin) == origin
    for origin in ("https://elsewhere.example.com", "http://app.example.com", "http://any.example.com"):
        assert ask(url, origin) is None
    assert ask(url, APP, method="DELETE") is None
    url = presign(owner(tool), S3Object("omi-exports", "folder/new.bin"), method="PUT", content_type="text/plain").url
    done = httpx.put(
        url, content=b"from a page", headers={"Origin": APP, "Content-Type": "text/plain"}, timeout=PATIENCE
    )
    assert (done.status_code, done.headers["access-control-allow-origin"]) == (200, APP)
    assert "ETag" in done.headers["access-control-expose-headers"]
    assert tool.get("folder/new.bin") == b"from a page"


def test_every_existing_rule_is_kept(tool) -> None:
    put_rules(tool, THEIRS)
    before = cors(tool, "-o", "json").json
    assert (before["rules"], before["changed"]) == (THEIRS, False)
    assert tool.writes() == []
    added = cors(tool, "--allow-origin", APP, "-o", "json").json
    assert added == {
        "schema": "omicopy/1",
        "bucket": "omi-exports",
        "changed": True,
        "rules": [*THEIRS, upload_rule(APP)],
    }
    assert cors(tool, "-o", "json").json["rules"] == added["rules"]
    url = presign(owner(tool), S3Object("omi-exports", "key"), method="PUT").url
    assert [ask(url, origin) for origin in (APP, "https://monitor.example.com")] == [APP, None]


def test_an_allowed_origin_is_not_written_again(tool) -> None:
    put_rules(tool, [*THEIRS, upload_rule("https://*.example.com", "http://localhost:3000")])
    origins = {"OMICOPY_ALLOW_ORIGIN": f"{APP} http://localhost:3000"}
    ran = cors(tool, "-o", "jsonl", **origins)
    assert (ran.json["changed"], len(ran.json["rules"]), len(ran.out.splitlines())) == (False, 3, 1)
    assert ran.err == f"Nothing is missing: s3://omi-exports lets {APP}, http://localhost:3000 PUT already\n"
    assert cors(tool, "-q", **origins).err == ""
    assert tool.writes() == []


def test_a_dry_run_shows_the_rules_and_writes_nothing(tool) -> None:
    ran = cors(tool, "--allow-origin", "*", "--dry-run", "-o", "json")
    assert (ran.json["changed"], ran.json["rules"]) == (False, [upload_rule("*")])
    assert ran.err.startswith("Would add a rule")
    shown = cors(tool)
    assert (shown.out, shown.err) == ("", "s3://omi-exports has no CORS rules\n")
    assert tool.writes() == []


def test_an_empty_part_is_printed_as_a_dash(tool) -> None:
    """A control character is not printed."""
    put_rules(tool, [*THEIRS[1:], {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://x\x9b31m"]}])
    ran, (_, screen) = cors(tool), at_a_terminal(tool, "cors", "s3://omi-exports", "--from", "source")
    assert ran.out == "https://monitor.example.com\tHEAD\t-\t-\t0\nhttps://x�31m\tGET\t-\t-\t0\n"
    assert _row(CorsRule({})) == [""] * 5
    assert "Exposed headers" in screen
    assert "https://x�31m" in screen


def test_an_impossible_request_has_its_exit_code_before_a_write(tool) -> None:
    cases = [
        (2, "is not an origin", ["--allow-origin", f"{APP}/page"], "omi-exports"),
        (2, "is not an origin", ["--allow-origin", APP, "--allow-origin", "https://u:hidden@x"], "omi-exports"),
        (2, "more than a bucket", [], "omi-exports/key"),
        (2, "is not a bucket name", [], "Exports"),
        (4, "NoSuchBucket", ["--allow-origin", APP], "no-such-bucket"),
        (12, "AccessDenied", ["--allow-origin", APP], "other-exports"),
    ]
    ran = tool.together(
        [lambda c=code, a=args, b=bucket: cors(tool, *a, bucket=b, code=c) for code, _, args, bucket in cases]
    )
    for one, (_, text, _, _) in zip(ran, cases, strict=True):
        assert text in one.err
        assert "hidden" not in one.err
        assert one.out == ""
    assert tool.writes() == []


def test_a_write_with_a_lost_answer_is_found_by_the_next_run(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.LOST_ANSWER, "PutBucketCors"))
    assert "later" in cors(tool, "--allow-origin", APP, code=5).err
    assert cors(tool, "--allow-origin", APP, "-o", "json").json["changed"] is False
    assert tool.count("PutBucketCors") == 1


HALF = b"<?xml version='1.0'?><CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>"
NO_RULES = [
    Reply(kind=HTML, body=PAGE),
    Reply(kind=XML, body=b""),
    Reply(kind=XML, body=b"<?xml version='1.0'?><html/>"),
    Reply(kind=XML, body=b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>"),
    Reply(kind=XML, body=HALF),
    Reply(kind=XML, body=HALF, missing=9),
    Reply(kind=JSON, body=b"{}"),
]


def test_an_unreadable_list_of_rules_is_not_an_empty_one(tool) -> None:
    with hostile(Reply()) as server:
        elsewhere = tool.profiles(source={"endpoints": {"oos": server.url, "api": server.url}})
        for reply in NO_RULES:
            server.replies = [reply]
            assert cors(tool, "--allow-origin", APP, "--retry", "0s", code=5, **elsewhere).out == ""
        assert {method for method, *_ in server.requests} == {"GET"}


def test_a_101st_rule_is_refused(tool) -> None:
    options = [upload_rule(f"https://{number}.example.com") for number in range(MAX_RULES)]
    assert with_origins(options, ["https://7.example.com"]) == options
    assert len(with_origins(options[1:], [APP, "https://b.example.com"])) == MAX_RULES
    put_rules(tool, options)
    assert "allows at most 100" in cors(tool, "--allow-origin", APP, code=13).err
    assert tool.writes() == []
