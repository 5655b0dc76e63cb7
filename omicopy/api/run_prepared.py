"""Runs the requests of `copy`, `export`, `import_image` and `run_plan`: prepares them, runs them, counts the calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from omicopy.cloud.clients import Clients
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.events import Listener, WarningMessage
from omicopy.model.request import CopyRequest, RejectedCopy
from omicopy.model.result import CopyResult, CopyResults, Status
from omicopy.plans.requests_from_plan import PreparedPlan
from omicopy.reconcile.run import RunOptions, run_requests, with_interrupted_results

Watch = Callable[[Sequence[CopyRequest]], AbstractContextManager[Listener]]
"""Called with the requests before the first one starts; returns the listener that receives their events."""


@contextmanager
def no_progress(_: Sequence[CopyRequest]) -> Iterator[Listener]:
    """Ignores all events."""
    yield lambda _: None


def run_prepared(
    clients: Clients,
    prepare: Callable[[], PreparedPlan | list[CopyRequest]],
    options: RunOptions,
    watch: Watch,
    needed_elsewhere: Callable[[PreparedPlan], Callable[[CopyRequest], bool]] = lambda _: lambda _: False,
) -> CopyResults:
    """Returns one result a request, then one for each copy that could not be asked for.

    Raises what `prepare` raises, and Interrupted, which then tells how every copy stands. `needed_elsewhere`
    tells of a request whether something else needs its export, which is then not cleaned up.
    """
    with clients.time_limit.until(options.mode.ends), clients.counted():
        found = prepare()
        prepared = found if isinstance(found, PreparedPlan) else PreparedPlan(found)
        failed, requests = [_rejected(failure) for failure in prepared.failures], prepared.requests
        with with_interrupted_results(requests, failed):
            clients.warn_of_clocks()
            with watch(requests) as listener:
                for note in prepared.notes:
                    listener(WarningMessage(note))
                if options.mode.fail_fast and any(not failure.best_effort for failure in prepared.failures):
                    results = failed + [_not_begun(request) for request in requests]
                else:
                    is_needed = needed_elsewhere(prepared)
                    results = run_requests(clients, requests, options, listener, is_needed, known=failed)
    return CopyResults(results, clients.counts())


def _rejected(failure: RejectedCopy) -> CopyResult:
    status = Status.NOT_BEGUN if failure.error.code is ErrorCode.OUT_OF_TIME else Status.FAILED
    return CopyResult(failure, status, False, 0.0, error=failure.error)


def _not_begun(request: CopyRequest) -> CopyResult:
    message = "Not begun, because other copies of the plan could not even be asked for (--fail-fast)"
    error = OmicopyError(ErrorCode.FAILED, message, "Fix the causes, then run the same command again.")
    return CopyResult(request, Status.FAILED, False, 0.0, error=error)
