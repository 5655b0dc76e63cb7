"""This machine's clock against theirs: signed URLs live by the service's, so a difference is said where one is made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.support import hostile
from tests.support.hostile import Reply


@pytest.mark.parametrize(("off", "message"), [(-600, "ahead of"), (600, "behind"), (0, None)])
def test_a_url_signed_with_a_wrong_clock_comes_with_a_warning(tool, monkeypatch, off, message) -> None:
    def date(*_: object) -> str:
        return format_datetime(datetime.now(UTC) + timedelta(seconds=off), usegmt=True)

    monkeypatch.setattr(hostile._Handler, "date_time_string", date)
    with hostile.hostile(Reply(body=b"an object")) as store:
        api = tool.sandbox.api_urls["eu-west-2"] + "/api/v1"
        env = tool.profiles(source={"endpoints": {"api": api, "oos": store.url}})
        ran = tool.url("s3://omi-exports/x", **env)
    assert ran.out.startswith(store.url)
    assert ("Warning: This machine's clock is" in ran.err) is bool(message)
    assert f"{message or ''} that of the object storage" in ran.err or not message
