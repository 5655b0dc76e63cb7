"""Which URLs are signed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from omicopy.cloud.presign import presign
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.s3_location import S3Object
from tests.support.hostile import account


@pytest.mark.parametrize("seconds", [-1, 0, 0.5, 604_801, 10**9])
def test_no_url_is_signed_that_a_store_refuses(seconds: float) -> None:
    with pytest.raises(OmicopyError) as caught:
        presign(account("https://oos.example"), S3Object("omi-exports", "x"), timedelta(seconds=seconds))
    assert caught.value.code is ErrorCode.USAGE


@pytest.mark.parametrize("key", ["a b", "a+b", "ä/ö", "%41", "a//b", "~x", "a?b#c&d=e", "..", "a/../b"])
def test_any_key_survives_being_signed(key: str) -> None:
    signed = presign(account("https://oos.example"), S3Object("omi-exports", key))
    assert (signed.bucket, signed.key, signed.signed_for) == ("omi-exports", key, "eu-west-2")
    assert "Expires=604800" in signed.url
