"""Importing an image from a manifest's URL that somebody else printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from omicopy.api.connection import ConnectionOptions, Duration, check_lists, connect, duration
from omicopy.api.copies import settings_of
from omicopy.api.run_prepared import Watch, no_progress, run_prepared
from omicopy.cloud.clients import Clients
from omicopy.manifests.check import read_importable
from omicopy.manifests.read_input import read_url
from omicopy.model.boot import check_boot
from omicopy.model.choices import BootMode, IfExists
from omicopy.model.image import check_image_name
from omicopy.model.request import CopyRequest, SharedManifest
from omicopy.model.result import CopyResults
from omicopy.plans.build_request import TargetOptions, import_request
from omicopy.reconcile.run import RunOptions


def import_image(
    source: str,
    *,
    target: str,
    name: str | None = None,
    description: str | None = None,
    if_exists: IfExists = IfExists.FAIL,
    tags: Mapping[str, str] | None = None,
    share_with: Sequence[str] = (),
    boot_modes: Sequence[BootMode] = (),
    tpm: bool | None = None,
    min_validity: Duration = "10m",
    allow_private: bool = False,
    options: RunOptions | None = None,
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
    introduce: Callable[[SharedManifest], None] = lambda _: None,
    watch: Watch = no_progress,
) -> CopyResults:
    """Imports an image into the account of the profile `target` from a manifest; safe to repeat.

    `source` is the manifest's pre-signed URL, a file that holds one, or `-` for stdin. Returns one result. Raises
    USAGE, CONFIGURATION, EXPIRED, NOT_FOUND, DAMAGED or a ServiceError where the manifest or the account can't be used,
    and Interrupted, which tells how the image stands.

    `name` and `description` None take the manifest's. `min_validity` is for how long every URL must still work. Hosts
    of this machine and of private networks are asked only where the URL itself names them, or with `allow_private`.
    `introduce` is called with the manifest before the first request to the API.

        [result] = import_image("https://…", target="us", name="golden")
    """
    check_lists(share_with=share_with, boot_modes=boot_modes)
    options = (options or RunOptions()).begun()
    url, validity = read_url(source), duration("min_validity", min_validity)
    settings, boot = settings_of(tags, True, share_with), check_boot(boot_modes, tpm)
    wanted = TargetOptions(name, description, if_exists, settings, boot)
    if name is not None:
        check_image_name(name)
    known = clients or connect(target, connection=connection)

    def prepare() -> list[CopyRequest]:
        shared = read_importable(known, url, validity, allow_private, datetime.now(UTC))
        introduce(shared)
        return [import_request(shared, known.session(target).ref, wanted, validity)]

    return run_prepared(known, prepare, options, watch)
