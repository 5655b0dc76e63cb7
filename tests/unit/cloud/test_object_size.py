"""The size of an object, from the headers of an answer."""

from __future__ import annotations

import pytest

from omicopy.cloud.object_size import object_size


@pytest.mark.parametrize(
    ("status", "content_range", "length", "size"),
    [
        (200, "", "974", 974),
        (200, "", "", None),
        (200, "bytes 0-0/974", "1", 974),
        (200, "bytes 0-0/974", "", 974),
        (200, "bytes 0-0/5", "974", 974),
        (206, "bytes 0-0/974", "1", 974),
        (206, "Bytes 0-0/1", "", 1),
        (206, "bytes 0-973/974", "974", 974),
        (206, "bytes 0-0/974", "974", None),
        (206, "bytes 0-0/0", "1", None),
        (206, "bytes 0-5/3", "6", None),
        (206, "bytes 5-5/974", "1", None),
        (206, "bytes 0-0/*", "1", None),
        (206, "bytes */974", "1", None),
        (206, "bytes 0-0/974, bytes 0-0/5", "1", None),
        (206, "bytes 0-0/-1", "1", None),
        (206, "0-0/974", "1", None),
        (206, "", "974", None),
        (416, "", "200", 0),
        (416, "bytes */0", "", 0),
        (416, "bytes */974", "", None),
        (416, "bytes 0-0/974", "", None),
    ],
)
def test_a_size_needs_headers_that_do_not_contradict(
    status: int, content_range: str, length: str, size: int | None
) -> None:
    assert object_size(status, {"Content-Range": content_range, "Content-Length": length}) == size
