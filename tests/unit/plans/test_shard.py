"""Shards: together they make the whole plan, and none makes what another makes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings, strategies as st

from omicopy.plans.requests_from_plan import PreparedPlan
from tests.support.builders import SOURCE
from tests.support.plan_requests import copies, job, prepare, refusal, refusing
from tests.support.virtual_cloud import Cloud


def sharded(cloud: Cloud, count: int, *jobs: str) -> list[PreparedPlan]:
    return [prepare(cloud, *jobs, shard=(index, count)) for index in range(count)]


@given(st.sets(st.integers(0, 2**32 - 1), max_size=12), st.integers(1, 6))
@settings(max_examples=25)
def test_shards_together_are_the_whole_and_share_nothing(numbers: set[int], count: int) -> None:
    cloud = Cloud(trouble=refusing("source-alias"))
    for number in numbers:
        cloud.add_image("source", f"ami-{number:08x}", AccountId=SOURCE.account_id, ImageName=f"image-{number}")
    jobs = [
        job(
            "one",
            "[{name_regex: ^image}, {name: missing}, {name_regex: ^x}]",
            "[{profile: target}, {profile: source-alias}]",
        ),
        job("two", "[{name_regex: ^image}]", "[{profile: target, name: '{name}-2'}]"),
    ]
    whole, parts = prepare(cloud, *jobs), sharded(cloud, count, *jobs)
    assert sorted(each for part in parts for each in copies(part)) == sorted(copies(whole))
    assert by_image(part.failures for part in parts) == by_image([whole.failures])
    assert [note for part in parts for note in part.notes] == whole.notes
    for part in parts:
        mine = {image for _, image, _, _ in copies(part)}
        assert not [1 for other in parts if other is not part and mine & {image for _, image, _, _ in copies(other)}]


def by_image(failures: Any) -> list[tuple[str, str | None]]:
    return sorted(
        (failure.image.image_id if failure.image else "", failure.name) for part in failures for failure in part
    )


def test_a_failure_without_an_image_belongs_to_the_first_shard(cloud: Cloud) -> None:
    parts = sharded(cloud, 3, job("one", "[{name: missing}]"))
    assert [len(part.failures) for part in parts] == [1, 0, 0]


def test_a_contradiction_belongs_to_the_images_shard(cloud: Cloud) -> None:
    parts = sharded(cloud, 3, job("one"), job("two", more="bucket: another"))
    assert sorted(len(part.failures) for part in parts) == [0, 0, 1]


def test_two_profiles_of_one_account_are_refused_by_every_shard(cloud: Cloud) -> None:
    for index in range(3):
        refusal(cloud, job("one", to="[{profile: target}, {profile: target-alias}]"), shard=(index, 3))


def test_a_failure_that_hides_copies_fails_in_every_shard(cloud: Cloud) -> None:
    cloud.trouble = refusing("source")
    parts = sharded(cloud, 3, job("one"))
    assert [len(part.failures) for part in parts] == [1, 1, 1]
