"""Manifests of another age, and their keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from omicopy.sandbox.model.behaviours import Behaviour
from tests.support.tool import LINUX, Tool

WEEK, DAY = 604_800, 86_400
THREE_MONTHS = 90 * DAY


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def aged(tool: Tool, image: str = LINUX, age: int = WEEK + DAY, **behaviour: object) -> str:
    """The `s3://` location of an export that ended so many seconds ago."""
    tool.again(embedded_url_age_seconds=age, behaviour=Behaviour(**behaviour))
    return f"s3://omi-exports/{tool.exported(image)}"


def object_key(location: str) -> str:
    return location.strip().removeprefix("s3://omi-exports/")
