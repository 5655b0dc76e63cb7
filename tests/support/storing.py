"""A store that gives prepared answers, and how its failures are caught."""

from __future__ import annotations

from botocore.session import Session

from tests.support.hostile import Hostile, Reply


def ready(server: Hostile, *replies: Reply) -> Hostile:
    server.replies, server.requests = list(replies), []
    return server


VARIABLES = sorted(
    {
        name
        for _, names, *_ in Session.SESSION_VARIABLES.values()
        for name in ([names] if isinstance(names, str) else names or [])
    }
    | {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT"}
    | {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
)
