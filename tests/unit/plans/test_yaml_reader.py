"""Reading a plan file: variables, limits, and mistakes reported with file, line and key."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from ruamel.yaml.composer import Composer
from ruamel.yaml.scanner import Scanner

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.plans import yaml_reader
from omicopy.plans.model import parse_plan
from omicopy.plans.schema import allowed_keys
from tests.support.plan_texts import SMALL, job, read, with_job, with_target


def refusal(text: str, **environ: str) -> OmicopyError:
    with pytest.raises(OmicopyError) as caught:
        read(text, **environ)
    assert caught.value.code is ErrorCode.USAGE
    assert caught.value.message.startswith("plan.yaml")
    return caught.value


def test_variables_are_filled_in_in_all_values() -> None:
    text = with_job('prefix: "${STAGE}/a-$$-${EMPTY}-$"').replace("name: golden", 'name_regex: "^${STAGE}$"')
    found = job(with_job("parallel: ${N}"), N="8")
    assert found.parallel == 8
    found = job(text, STAGE="prod", EMPTY="")
    assert (found.prefix, found.images[0].name_regex) == ("prod/a-$--$", "^prod$")


def test_keys_are_not_filled_in() -> None:
    assert "'${KEY}': unknown key" in refusal(with_job("${KEY}: x"), KEY="prefix").message


def test_a_variables_content_is_never_read_as_yaml() -> None:
    assert job(with_job("prefix: ${P}"), P="a, cleanup: on-success").prefix == "a, cleanup: on-success"
    assert "cleanup: must be" in refusal(with_job("cleanup: ${C}"), C="[never]").message


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("${NOT_THERE}", "the environment variable NOT_THERE is not set"),
        ("${}", "contains ${ without"),
        ("${A-B}", "contains ${ without"),
        ("${A", "contains ${ without"),
        ("${OSC_SECRET_KEY}", "${OSC_SECRET_KEY} is a secret, and a plan must not contain secrets"),
        ("${COPY_OF_IT}", "${COPY_OF_IT} is a secret, and a plan must not contain secrets"),
        ("${src_access_key}", "${src_access_key} is a secret, and a plan must not contain secrets"),
    ],
)
def test_r8_a_missing_or_secret_variable_is_named_without_value(value: str, parts: str) -> None:
    keys = {"OSC_SECRET_KEY": "geheimgeheim", "COPY_OF_IT": "geheimgeheim", "src_access_key": "AKIDAKID"}
    error = refusal(with_job(f'prefix: "{value}"'), **keys)
    assert error.message.startswith("plan.yaml, line 8, jobs[0].prefix: ")
    assert parts in error.message
    assert not [key for key in keys.values() if key in error.message + error.hint]


@pytest.mark.parametrize(
    ("text", "parts", "hint"),
    [
        (with_job("parallels: 3"), "line 8, jobs[0].parallels: unknown key", "export_timeout"),
        (with_target("share_wth: ['3']"), "line 7, jobs[0].to[0].share_wth: unknown key", "profile, name, description"),
        (SMALL.replace("name: golden", "nam: x"), "line 6, jobs[0].images[0].nam: unknown key", "id, name, name_regex"),
        (f"default: {{}}\n{SMALL}", "line 1, default: unknown key", "version, defaults, jobs"),
        (with_job("retention: {keep: 3}"), "line 8, jobs[0].retention.keep: unknown key", "keep_last, keep_within"),
        (f"defaults: {{name: x}}\n{SMALL}", "line 1, defaults.name: unknown key", "bucket, prefix, format"),
        (with_target("secret_key: x"), "jobs[0].to[0].secret_key: unknown key", ""),
        (with_target("'a b\\u0007': x"), "unknown key", "profile"),
        (SMALL.replace("version: 1", "version: 2"), "line 1, version: is not 1", ""),
        (SMALL.replace("version: 1\n", ""), "line 1: version is missing", "version, defaults, jobs"),
        (SMALL.replace("    from: source\n", ""), "line 3, jobs[0]: from is missing", "here or in defaults"),
        (SMALL.replace("    bucket: omi-exports\n", ""), "line 3, jobs[0]: bucket is missing", "here or in defaults"),
        (SMALL.replace("profile: target", ""), "line 7, jobs[0].to[0]: profile is missing", "share_with"),
        (with_job("bucket: again"), "line 8, jobs[0].bucket: is given twice", ""),
        (SMALL.replace("omi-exports", "s3://x"), "line 5, jobs[0].bucket: 's3://x' is not a bucket name", "3 to 63"),
        (with_job("prefix: a/../b"), "line 8, jobs[0].prefix: 'a/../b' is not a usable prefix", ""),
        (with_job("prefix:"), "line 8, jobs[0].prefix: is empty", "remove the key"),
        (with_job("cleanup: yes"), "line 8, jobs[0].cleanup: must be 'never' or 'on-success'", ""),
        (with_job("if_exists: [skip]"), "line 8, jobs[0].if_exists: must be 'fail', 'skip' or 'rename'", ""),
        (with_job("format: vmdk"), "line 8, jobs[0].format: must be 'qcow2' or 'raw'", ""),
        (with_job("export_timeout: soon"), "jobs[0].export_timeout: 'soon' is not a duration", "15m"),
        (with_job("import_timeout: 0"), "jobs[0].import_timeout: must be more than 0", ""),
        (with_job("export_timeout: -1h"), "jobs[0].export_timeout: '-1h' is not a duration", ""),
        (with_job("min_validity: 7d"), "jobs[0].min_validity: No URL can still be valid for 7d", "6d23h"),
        (with_job("parallel: 0"), "jobs[0].parallel: must be a whole number of at least 1", ""),
        (with_job("parallel: 1.5"), "jobs[0].parallel: must be a whole number of at least 1", ""),
        (with_job("retention: {}"), "jobs[0].retention: keeps nothing", "keep_last, keep_within"),
        (with_job("retention: 3"), "jobs[0].retention: must contain keys with values", "keep_last, keep_within"),
        (with_job("retention: {keep_last: 0}"), "jobs[0].retention.keep_last: must be a whole number", ""),
        (with_job("retention: {keep_within: 0d}"), "jobs[0].retention.keep_within: must be more than 0", ""),
        (SMALL.replace("name: small", "name: a b"), "line 3, jobs[0].name: is not a job name", "letters"),
        (SMALL.replace("name: small", 'name: ""'), "line 3, jobs[0].name: is not a job name", "letters"),
        (SMALL.replace("[{name: golden}]", "[]"), "line 6, jobs[0].images: is empty", ""),
        (SMALL.replace("[{profile: target}]", "[]"), "line 7, jobs[0].to: is empty", ""),
        (SMALL.replace("[{profile: target}]", "target"), "line 7, jobs[0].to: must be a list", ""),
        (
            SMALL.replace("{profile: target}", "target"),
            "line 7, jobs[0].to[0]: must contain keys with values",
            "profile",
        ),
        (SMALL.replace("profile: target", "profile: [target]"), "jobs[0].to[0].profile: must be a single value", ""),
        (SMALL.replace("profile: target", "profile: ' '"), "jobs[0].to[0].profile: must be one line of text", ""),
        (SMALL.replace("{name: golden}", "{latest: 1}"), "jobs[0].images[0]: selects no images", "name_regex"),
        (SMALL.replace("{name: golden}", "{tags: {}}"), "jobs[0].images[0].tags: is empty", ""),
        (SMALL.replace("{name: golden}", "{tags: x}"), "jobs[0].images[0].tags: must contain keys with values", ""),
        (
            SMALL.replace("name: golden", "id: golden"),
            "jobs[0].images[0].id: 'golden' is not an image ID",
            "ami-12345678",
        ),
        (
            SMALL.replace("name: golden", "name_regex: ("),
            "jobs[0].images[0].name_regex: is not a regular expression",
            "",
        ),
        (SMALL.replace("name: golden", f"name_regex: {'a' * 201}"), "name_regex: is longer than 200 characters", ""),
        (with_target("name: '{nam}'"), "jobs[0].to[0].name: {nam} is not a field of a name template", "{image_id}"),
        (with_target("name: '{'"), "jobs[0].to[0].name: Invalid name template '{'", ""),
        (with_target("share_with: ['3']"), "jobs[0].to[0].share_with[0]: '3' is not an account ID", "12 digits"),
        (with_target("share_with: '333333333333'"), "jobs[0].to[0].share_with: must be a list", ""),
        (with_target("tags: {'omicopy:copy': x}"), "jobs[0].to[0].tags: Tags that begin with 'omicopy:'", ""),
        (with_target("best_effort: maybe"), "jobs[0].to[0].best_effort: is neither true nor false", ""),
        (with_target("tags: {a: [b]}"), "jobs[0].to[0].tags.a: must be a single value", ""),
        (with_target("tags: {[a]: b}"), "jobs[0].to[0].tags: contains a key that is not plain text", ""),
        (with_target('tags: {a: "\\a"}'), "jobs[0].to[0].tags.a: contains control characters", ""),
        (with_target("tags: {a: !x b}"), "jobs[0].to[0].tags.a: has a YAML tag", ""),
        (with_target("tags: {<<: {a: b}}"), "jobs[0].to[0].tags.'<<': must be a single value", ""),
        (
            SMALL.replace("{profile: target}", "{profile: x}, {profile: x}"),
            "line 7, jobs[0].to[1].profile: is already a target",
            "",
        ),
        ("version: 1\njobs: []\n", "line 2, jobs: is empty", ""),
        ("- version: 1\n", "line 1: must contain keys with values", "version, defaults, jobs"),
        ("!!python/object:os.system x", "line 1: has a YAML tag", ""),
        ("", ": the file is empty", "--schema"),
        ("# nothing", ": the file is empty", "--schema"),
        ("a: b: c", "line 1, column 5: not YAML", "--schema"),
        ("a: 1\n\tb: 2", "line 2, column 1: not YAML", ""),
        ("a: 1\n---\nb: 2", "not YAML", ""),
        ("- " * 3000, "too many nested levels", ""),
        ("? " * 3000, "too many nested levels", ""),
        ("[" * 50 + "]" * 50, "too many nested levels", ""),
        ("&a [*a]", "too many nested levels", ""),
        ("#" * (1024 * 1024 + 1), "are allowed", ""),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_what_is_valid(text: str, parts: str, hint: str) -> None:
    error = refusal(text)
    assert parts in error.message
    assert hint in error.hint


def test_the_first_mistakes_are_listed_in_the_files_order() -> None:
    text = with_job("cleanup: yes").replace("omi-exports", "s3://x").replace("profile: target", "profil: target")
    lines = refusal(text).message.splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "plan.yaml, line 5, jobs[0].bucket",
        "plan.yaml, line 7, jobs[0].to[0]",
        "plan.yaml, line 7, jobs[0].to[0].profil",
        "plan.yaml, line 8, jobs[0].cleanup",
    ]
    many = with_target(f"tags: {{{', '.join(f'{key}: [x]' for key in 'abcdefgh')}}}")
    assert refusal(many).message.splitlines()[5:] == ["… and 3 more"]


def test_two_jobs_of_one_name_are_a_mistake() -> None:
    second = SMALL[SMALL.index("  - name") :]
    assert "line 8, jobs[1].name: is also the name of jobs[0]" in refusal(SMALL + second).message


def test_aliases_that_expand_to_a_billion_are_refused_fast() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert "its aliases expand to too much" in refusal("\n".join(levels)).message


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " + "{" * 100_000, "[\n" * 100_000, "[[" * 9 + "x" * 900_000])
def test_too_many_brackets_are_refused_early(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its work grows with the square of the open brackets: half a minute for 100,000."""
    looks = []
    look = Scanner.stale_possible_simple_keys
    monkeypatch.setattr(Scanner, "stale_possible_simple_keys", lambda self: (looks.append(1), look(self))[1])
    assert "too many nested levels" in refusal(text).message
    assert len(looks) < 200


def test_too_many_values_are_refused_while_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    compose = Composer.compose_node
    monkeypatch.setattr(yaml_reader, "_MAX_NODES", 1_000)  # to read the 50,000 of a real plan takes seconds
    monkeypatch.setattr(Composer, "compose_node", lambda *args: (read.append(1), compose(*args))[1])
    assert "is too long" in refusal("[" + "[]," * 300_000 + "]").message
    assert len(read) <= 2_001


def test_the_size_of_filled_in_variables_is_bounded() -> None:
    """The environment is searched once."""
    asked = Counter[str]()

    class Environment(dict[str, str]):
        def items(self) -> Any:
            asked["items"] += 1
            return super().items()

    text = with_job("prefix: '" + "${LONG}" * 20_000 + "'")
    with pytest.raises(OmicopyError, match="expand to more than 1048576 characters"):
        parse_plan(text, "plan.yaml", Environment(LONG="x" * 100))
    assert asked["items"] == 1


def outcome(text: str) -> OmicopyError | None:
    try:
        read(text, A="b")
    except OmicopyError as error:
        return error
    return None


WORDS = [
    "version: 1",
    "jobs:",
    "- name: a",
    "from: b",
    "to:",
    "- {profile: x}",
    "images:",
    "- {id: ami-12345678}",
    "${A}",
]
TEXTS = st.one_of(
    st.text(),
    st.text(alphabet="{}[]:,-&*!|>'\"%@` \n\t#?ab1~$"),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([*WORDS, "? ", "&a", "*a", "|", "!!x y"]))).map(
        lambda lines: "\n".join("  " * indent + word for indent, word in lines)
    ),
)


@given(TEXTS)
@settings(max_examples=150)
@example('"\\ud800": 1')
@example("a: \udc80")
@example("%YAML 1.1\n---\n2026-99-99: !!int x")
@example("a: !!float []")
@example("? |\n  a\n: !<tag:yaml.org,2002:str> b")
def test_any_text_is_a_plan_or_a_reported_mistake(text: str) -> None:
    error = outcome(text)
    assert error is None or error.code is ErrorCode.USAGE
    assert error is None or all(line.isprintable() for line in error.message.splitlines())


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text("ab${}"), st.sampled_from(["12h", "1", "fail"])
    ),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "tags", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(allowed_keys(("jobs",))), VALUES, min_size=1))
@settings(max_examples=100)
def test_any_value_of_any_key_is_read_or_reported(values: dict[str, Any]) -> None:
    base = {"name": "a", "from": "b", "bucket": "abc", "images": [{"name": "x"}], "to": [{"profile": "t"}]}
    error = outcome(json.dumps({"version": 1, "jobs": [base | values]}))
    assert error is None or error.code is ErrorCode.USAGE
