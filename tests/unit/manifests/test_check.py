"""R4: only URLs into the own export, at the account's own store, are trusted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.own_manifest import problem_of_own, trust
from tests.support.planting import ELSEWHERE, PLACE, manifest


def test_a_fingerprint_is_the_images_and_a_digest_has_the_folder() -> None:
    """Two exports of one image that were signed anew are one copy (DOMAIN.md §3), wherever they lie."""
    moved = manifest(ELSEWHERE["another bucket"])
    assert moved.fingerprint() == manifest().fingerprint()
    assert moved.digest() != manifest().digest()


@pytest.mark.parametrize("change", ELSEWHERE.values(), ids=ELSEWHERE)
def test_r4_only_urls_into_the_own_export_are_trusted(change: Callable[[str], str]) -> None:
    assert trust(manifest(), PLACE) == manifest()
    with pytest.raises(OmicopyError) as caught:
        trust(manifest(change), PLACE)
    assert caught.value.code is ErrorCode.DAMAGED
    assert problem_of_own(manifest(change), PLACE, "https://oos.eu-west-2.outscale.com")


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("https://oos.eu-west-2.outscale.com", None),
        ("https://oos.us-east-2.outscale.com", "points to https://oos.eu-west-2.outscale.com"),
        ("http://oos.eu-west-2.outscale.com", "points to https://oos.eu-west-2.outscale.com"),
    ],
)
def test_r4_an_own_manifest_leads_to_the_accounts_store(endpoint: str, message: str | None) -> None:
    problem = problem_of_own(manifest(), PLACE, endpoint)
    assert problem is None if message is None else message in str(problem)
