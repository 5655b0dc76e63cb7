"""Checking whether a copy will work, before it starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from omicopy.api.connection import ConnectionOptions, check_lists, connect
from omicopy.cloud.profiles.storage_key import resolve_accounts
from omicopy.doctor.findings import Check
from omicopy.doctor.run import DoctorOptions, check_profiles_file, run_checks
from omicopy.errors import OmicopyError

LONGEST_RETRY = timedelta(seconds=15)
"""For one check. An operator who asks if it works now should not wait five minutes for an answer."""


def doctor(
    images: Sequence[str] = (),
    *,
    source: str | None = None,
    targets: Sequence[str] = (),
    bucket: str | None = None,
    prefix: str = "",
    storage: str | None = None,
    create_bucket: bool = False,
    writes: bool = True,
    connection: ConnectionOptions | None = None,
) -> list[Check]:
    """Checks keys, rights, Regions, clock, quotas, and the source's bucket and images if they are named.

    Returns one check a question, each with its status; what fails is a check, too. Raises USAGE where there is nothing
    to check, and CONFIGURATION for a proxy or a certificate that can't be used. `writes` puts one small object into the
    bucket and deletes it; all else changes nothing. No request is repeated for longer than `LONGEST_RETRY`.

        failed = [check for check in doctor(source="eu", targets=["us"]) if check.status is CheckStatus.FAIL]
    """
    check_lists(images=images, targets=targets)
    options = DoctorOptions(source, targets, bucket, prefix, images, writes, create_bucket)
    storages, unusable = {source: storage} if source else {}, dict[str, OmicopyError]()
    for profile in options.profiles:
        try:
            resolve_accounts([profile], storages, os.environ)
        except OmicopyError as error:
            unusable[profile] = error
    connection = connection or ConnectionOptions()
    connection = replace(connection, retry=min(connection.retry, LONGEST_RETRY))
    usable = [profile for profile in options.profiles if profile not in unusable]
    clients = connect(*usable, storage=storages, connection=connection)
    checks = run_checks(clients, options, unusable, datetime.now(UTC))
    return [*checks, *check_profiles_file(options.profiles, os.environ)]
