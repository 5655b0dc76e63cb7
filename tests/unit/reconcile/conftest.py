"""A virtual cloud with one source image, and a machine that runs the loop against it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builders import SOURCE, SOURCE_ID
from tests.support.virtual_cloud import Cloud, Machine


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud()
    cloud.add_image("source", SOURCE_ID, AccountId=SOURCE.account_id, Description="")
    return cloud


@pytest.fixture
def machine(tmp_path: Path, cloud: Cloud) -> Machine:
    return Machine(tmp_path, cloud)
