"""CORS rules: which origins there are, which rule is enough, and that no rule is lost."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, strategies as st

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.cors import check_origin, with_origins
from tests.support.cors_rules import APP, upload_rule


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("HTTPS://App.Example.com/", "https://app.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://*.example.com", "https://*.example.com"),
        ("https://*", "https://*"),
        ("*", "*"),
    ],
)
def test_origins_that_a_browser_sends_are_accepted(typed, sent) -> None:
    assert check_origin(typed) == sent
    assert check_origin(sent) == sent


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "null",
        "app.example.com",
        "ftp://app.example.com",
        "https://",
        "https:///",
        "https://app.example.com//",
        "https://app.example.com/page",
        "https://app.example.com?x=1",
        "https://app.example.com#x",
        "https://me@app.example.com",
        "https://app..example.com",
        "https://*.*.example.com",
        "http*://app.example.com",
        "https://app.example.com:*",
        "https://app.example.com:",
        "https://app.example.com:0",
        "https://app.example.com:65536",
        "https://app.example.com:443",  # browsers leave it out: such a rule would never fit
        "http://app.example.com:80",
        "https://app.example.com\n",
        " https://app.example.com",
        "https://app\x00.example.com",
        "https://äpp.example.com",
        "https://\u212a.example.com",  # the Kelvin sign, a "k" in lower case
        "*/",
        "**",
    ],
)
def test_anything_else_is_no_origin(text) -> None:
    with pytest.raises(OmicopyError) as caught:
        check_origin(text)
    assert caught.value.code is ErrorCode.USAGE
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("pattern", "origin", "enough"),
    [
        (APP, APP, True),
        ("*", APP, True),
        ("*", "https://*.example.com", True),
        ("https://*.example.com", APP, True),
        ("https://*", "https://*.example.com", True),
        ("http*://app.example.com", APP, True),
        ("https://app*.example.com", APP, True),
        ("https://App.example.com", APP, False),
        ("http://app.example.com", APP, False),
        ("https://app.example.com/", APP, False),
        ("https://app.example.com:8443", APP, False),
        ("https://*.example.com", "https://example.com", False),
        ("https://app.ex*example.com", APP, False),
        (APP, "https://*.example.com", False),
        ("https://*.example.com", "*", False),
    ],
)
def test_a_rule_is_enough_if_it_covers_the_whole_origin(pattern, origin, enough) -> None:
    options = [upload_rule(pattern)]
    assert with_origins(options, [origin]) == (options if enough else [*options, upload_rule(origin)])


@pytest.mark.parametrize(
    "changed",
    [
        {"AllowedMethods": ["GET", "POST"]},
        {"AllowedHeaders": ["content-type", "x-amz-*"]},
        {"AllowedHeaders": None},
    ],
)
def test_a_rule_without_put_or_without_any_header_is_not_enough(changed) -> None:
    rule = {key: value for key, value in (upload_rule(APP) | changed).items() if value is not None}
    assert with_origins([rule], [APP]) == [rule, upload_rule(APP)]


HOSTS = st.sampled_from(["a.example", "b.example", "*.example", "*", "a.*", "a.example:8080"])
ORIGINS = st.one_of(st.just("*"), st.builds("{}://{}".format, st.sampled_from(["http", "https"]), HOSTS))
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "AllowedMethods": st.lists(st.sampled_from(["GET", "PUT", "DELETE"]), min_size=1, unique=True),
            "AllowedOrigins": st.lists(ORIGINS, min_size=1, max_size=3),
        },
        optional={
            "ID": st.text(max_size=5),
            "AllowedHeaders": st.lists(st.sampled_from(["*", "x-amz-*", "content-type"]), max_size=2),
            "ExposeHeaders": st.lists(st.sampled_from(["ETag", "x-other"]), max_size=2),
            "MaxAgeSeconds": st.integers(0, 9000),
            "Unknown": st.text(max_size=3),
        },
    ),
    max_size=5,
)


@given(options=RULES, origins=st.lists(ORIGINS, max_size=4))
def test_no_rule_is_ever_lost_or_changed(options, origins) -> None:
    """A second run adds nothing."""
    before = copy.deepcopy(options)
    once = with_origins(options, origins)
    assert options == before == once[: len(before)]
    assert len(once) <= len(before) + 1
    assert with_origins(once, origins) == once
    assert with_origins(once, reversed(origins)) == once
    for added in once[len(before) :]:
        assert added == upload_rule(*added["AllowedOrigins"])
        assert set(added["AllowedOrigins"]) <= set(origins)
