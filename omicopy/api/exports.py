"""Exports that need not run any more."""

from __future__ import annotations

from collections.abc import Sequence

from omicopy.api.connection import ConnectionOptions, Duration, check_lists, connect, duration
from omicopy.cloud.clients import Clients
from omicopy.deletion.cancel import Canceller, CancelReport, check_task_ids
from omicopy.model.events import Event, WarningMessage
from omicopy.reconcile.run import state_folder
from omicopy.state.journal import Journal


def cancel(
    task_ids: Sequence[str],
    *,
    profile: str,
    grace: Duration = "60s",
    dry_run: bool = False,
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
) -> CancelReport:
    """Cancels export tasks of ours, as long as they wait in the service's queue; returns what became of each.

    A task that was cancelled within `grace` of the request counts as cancelled. With `dry_run` nothing is cancelled.
    What can't be cancelled is an `error` of its entry. `clients` have their own connection.

    Raises USAGE for what is no export task's ID, CONFIGURATION, and the ServiceError of an account that can't be read
    before anything was asked for.

        cancel(["image-export-12345678"], profile="source").exports[0].state
    """
    check_lists(task_ids=task_ids)
    check_task_ids(task_ids)
    pause = duration("grace", grace)
    clients = clients or connect(profile, connection=connection)

    def listen(event: Event) -> None:
        if isinstance(event, WarningMessage):
            clients.tell(event.message)

    journal = Journal(state_folder() / "journal", listen)
    return Canceller(clients.session(profile), journal, pause, dry_run).cancel(task_ids)
