"""Copying images from one account to others, and who may watch it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from omicopy.api.connection import ConnectionOptions, Duration, connect, duration
from omicopy.cloud.clients import Clients
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.boot import check_boot
from omicopy.model.choices import BootMode, DiskFormat, IfExists
from omicopy.model.events import Listener
from omicopy.model.image_settings import ImageSettings, check_account_id, check_tag
from omicopy.model.request import CopyRequest
from omicopy.model.result import CopyResult
from omicopy.model.urls.presigned_url import LONGEST_VALIDITY
from omicopy.model.urls.validity import check_validity
from omicopy.reconcile.requests_from_args import CopyOptions, ExportOptions, copy_requests
from omicopy.reconcile.run import RunOptions, run_requests, with_interrupted_results

Watch = Callable[[Sequence[CopyRequest]], AbstractContextManager[Listener]]
"""Is given what is about to be carried out, and makes the listener that hears how it gets on."""


@contextmanager
def no_progress(_: Sequence[CopyRequest]) -> Iterator[Listener]:
    """Nobody hears anything."""
    yield lambda _: None


def copy(
    images: Sequence[str],
    *,
    source: str,
    targets: Sequence[str],
    bucket: str,
    storage: str | None = None,
    prefix: str = "",
    name: str = "{name}",
    description: str | None = None,
    disk_format: DiskFormat | None = None,
    if_exists: IfExists = IfExists.FAIL,
    tags: Mapping[str, str] | None = None,
    copy_tags: bool = True,
    share_with: Sequence[str] = (),
    boot_modes: Sequence[BootMode] = (),
    tpm: bool | None = None,
    cleanup: bool = False,
    re_export: bool = False,
    create_bucket: bool = False,
    min_validity: Duration | None = None,
    options: RunOptions | None = None,
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
    watch: Watch = no_progress,
) -> list[CopyResult]:
    """Copies images (IDs or exact names) of the profile `source` to every one of `targets`; safe to repeat.

    One result an image and target. `name` is a template with {name}, {date}, {region} and {image_id}; `description`
    None keeps the source's, and so do no `boot_modes` and `tpm` None. `disk_format` None takes an export that is there
    in any, else makes one in qcow2. `create_bucket`: a bucket that is not there is wanted, and the service makes it.
    `storage` (`PROFILE`, `aws:NAME`, `none`) is whose key opens the source's bucket, else its own; `clients`
    have their own connection. `min_validity` is for how long every URL must work, else the import budget.
    """
    options = (options or RunOptions()).begun()
    pairs = dict(check_tag(key, value) for key, value in (tags or {}).items())
    wanted = CopyOptions(
        export=ExportOptions(_several(images, "images"), source, bucket, prefix, disk_format, re_export, create_bucket),
        targets=list(dict.fromkeys(_several(targets, "targets"))),
        name=name,
        description=description,
        if_exists=if_exists,
        min_validity=min(options.budgets.import_, LONGEST_VALIDITY)
        if min_validity is None
        else duration("min_validity", min_validity, check_validity),
        boot=check_boot(boot_modes, tpm),
        settings=ImageSettings(pairs, copy_tags, tuple(check_account_id(account) for account in share_with)),
        cleanup=cleanup,
    )
    clients = clients or connect(source, *wanted.targets, storage={source: storage}, connection=connection)
    with clients.time_limit.until(options.mode.ends):
        requests = copy_requests(clients, wanted)
        with with_interrupted_results(requests), watch(requests) as listener:
            return run_requests(clients, requests, options, listener)


def _several(values: Sequence[str], what: str) -> Sequence[str]:
    """A single text is a sequence of letters, which nobody means."""
    if isinstance(values, str) or not values:
        raise OmicopyError(ErrorCode.USAGE, f"{what} must be a list with something in it", f"Write {what}=[…].")
    return values
