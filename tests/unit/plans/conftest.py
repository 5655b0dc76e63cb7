"""A virtual cloud with images to plan with."""

from __future__ import annotations

import pytest

from tests.support.plan_requests import filled
from tests.support.virtual_cloud import Cloud


@pytest.fixture
def cloud() -> Cloud:
    return filled()
