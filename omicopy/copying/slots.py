"""How many exports and imports of one account may be under way at once, as far as this run is concerned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from omicopy.copying.flight import Flight
from omicopy.copying.steps import Import, LookAgain, Stage, StartExport, Step, Wait
from omicopy.model.request import CopyRequest, Origin

Account = tuple[str, str, Stage]


class Slots:
    """The slots of one tick: taken by what the service is busy with for us, or may be; a new one is asked for."""

    def __init__(self, steps: Mapping[Flight, Step], parallel: int | None) -> None:
        self._parallel = parallel
        self._taken: dict[Account, set[int]] = defaultdict(set)
        self._bounds: dict[Account, int] = {}
        for flight, step in steps.items():
            for account in _accounts(flight.request):
                self._note_bound(account, flight.request)
            stage = _busy_with(flight, step)
            if stage is not None:
                self._taken[_account(flight.request, stage)].add(_work(flight, stage))

    def are_full(self, flight: Flight, step: Step) -> bool:
        """Whether the step would start more than the account may have under way."""
        stage = _starts(step)
        if stage is None:
            return False
        account = _account(flight.request, stage)
        taken, bound = self._taken[account], self._bounds.get(account)
        return bound is not None and len(taken) >= bound and _work(flight, stage) not in taken

    def take(self, flight: Flight, step: Step) -> None:
        stage = _starts(step)
        if stage is not None:
            self._taken[_account(flight.request, stage)].add(_work(flight, stage))

    def _note_bound(self, account: Account, request: CopyRequest) -> None:
        """Of several jobs that use an account the smallest bound holds."""
        bound = self._parallel or request.parallel
        if bound is not None:
            self._bounds[account] = min(bound, self._bounds.get(account, bound))


def _starts(step: Step) -> Stage | None:
    if isinstance(step, StartExport):
        return Stage.EXPORTING
    return Stage.IMPORTING if isinstance(step, Import) else None


def _busy_with(flight: Flight, step: Step) -> Stage | None:
    """What the service does for the copy, or may be doing."""
    if isinstance(step, Wait):
        return step.stage if step.is_ours else None
    if isinstance(step, LookAgain):
        if flight.image.doubt_since is not None:
            return Stage.IMPORTING
        return Stage.EXPORTING if flight.export.doubt_since is not None else None
    return None


def _accounts(request: CopyRequest) -> list[Account]:
    stages = [Stage.EXPORTING] if isinstance(request.source, Origin) else []
    stages += [Stage.IMPORTING] if request.destination else []
    return [_account(request, stage) for stage in stages]


def _account(request: CopyRequest, stage: Stage) -> Account:
    if stage is Stage.EXPORTING and isinstance(request.source, Origin):
        party = request.source.party
    elif request.destination:
        party = request.destination.party
    else:
        raise TypeError("neither a source account nor a target")
    return (party.account_id, party.region, stage)


def _work(flight: Flight, stage: Stage) -> int:
    """Copies that are fed by one export share its slot."""
    return id(flight.export) if stage is Stage.EXPORTING else id(flight)
