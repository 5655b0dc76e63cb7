"""A bucket's CORS rules."""

from __future__ import annotations

from collections.abc import Sequence

from omicopy.api.connection import ConnectionOptions, check_lists, connect
from omicopy.cloud.clients import Clients
from omicopy.manifests.cors import CorsRule, CorsRules, check_origin, with_origins
from omicopy.model.s3_location import parse_s3_bucket


def cors(
    location: str,
    *,
    profile: str,
    storage: str | None = None,
    allow_origins: Sequence[str] = (),
    dry_run: bool = False,
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
) -> CorsRules:
    """Returns the CORS rules of the bucket `s3://BUCKET`, with one more for those of `allow_origins` that lack one.

    Web pages of these origins may then upload with pre-signed URLs. Rules that are there stay as they are. With
    `dry_run` nothing is written. `storage` (`PROFILE`, `aws:NAME`, `none`) is whose key opens the bucket, else the
    profile's own; `clients` have their own connection.

    Raises USAGE for a location or an origin that is none, QUOTA for a bucket that has as many rules as S3 takes,
    CONFIGURATION, or a ServiceError.

        cors("s3://uploads", profile="source", allow_origins=["https://app.example.com"]).added
    """
    check_lists(allow_origins=allow_origins)
    bucket, origins = parse_s3_bucket(location), tuple(check_origin(text) for text in allow_origins)
    clients = clients or connect(profile, storage={profile: storage}, connection=connection)
    store = clients.session(profile).storage
    there = store.cors_rules(bucket)
    rules = with_origins(there, origins)
    added = rules[len(there) :]
    is_changed = bool(added) and not dry_run
    if is_changed:
        store.put_cors_rules(bucket, rules)
    return CorsRules(bucket, origins, tuple(map(CorsRule, rules)), tuple(map(CorsRule, added)), is_changed)
