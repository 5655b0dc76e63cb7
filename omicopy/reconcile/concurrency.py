"""How many exports and imports of one account may be under way at once, as far as this run is concerned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from omicopy.model.export import Phase
from omicopy.model.lookup import Present, Unasked
from omicopy.model.request import CopyRequest, Origin
from omicopy.reconcile.copy_state import Flight
from omicopy.reconcile.decide.decisions import Done, Fail, Import, Look, LookAgain, Stage, StartExport, Step, Wait
from omicopy.reconcile.state import QuotaMemory

Account = tuple[str, str, Stage]


@dataclass(slots=True)
class Quotas:
    """What the service's refusals teach: no more of an account may be under way than when it refused. One more is tried
    after every `patience` seconds, as others may have ended what held the slots."""

    patience: float
    _refused: dict[Account, tuple[int, float]] = field(default_factory=dict)

    def refused(self, account: Account, under_way: int, ticks: float) -> None:
        self._refused[account] = (max(1, under_way), ticks)

    def forget(self, account: Account) -> None:
        """The quota leaves room for none at all: that is for each copy to find out."""
        self._refused.pop(account, None)

    def bound(self, account: Account, ticks: float) -> int | None:
        if account not in self._refused:
            return None
        under_way, since = self._refused[account]
        return under_way + int((ticks - since) / self.patience)


class Slots:
    """The slots of one tick: taken by what the service is busy with for us, or may be; a new one is asked for."""

    def __init__(
        self, steps: Mapping[Flight, Step], parallel: int | None, quotas: Quotas | None = None, ticks: float = 0.0
    ) -> None:
        self._steps = steps
        self._parallel = parallel
        self._quotas = quotas
        self._ticks = ticks

    @cached_property
    def _taken(self) -> dict[Account, set[int]]:
        """By whose work. Asked for only when something is to begin."""
        taken: dict[Account, set[int]] = defaultdict(set)
        for flight, step in self._steps.items():
            stage = _busy_with(flight, step)
            if stage is not None:
                taken[_account(flight.request, stage)].add(_work(flight, stage))
        return taken

    @cached_property
    def _bounds(self) -> dict[Account, int]:
        """Of several jobs that use an account the smallest bound holds."""
        bounds: dict[Account, int] = {}
        for request in (flight.request for flight in self._steps):
            bound = self._parallel or request.parallel
            if bound is not None:
                for account in _accounts(request):
                    bounds[account] = min(bound, bounds.get(account, bound))
        return bounds

    def are_full(self, flight: Flight, step: Step) -> bool:
        """Whether the step would start more than the account may have under way."""
        stage = _starts(step)
        if stage is None:
            return False
        return self._has_no_room(flight, stage)

    def take(self, flight: Flight, step: Step) -> None:
        stage = _starts(step)
        if stage is not None:
            self._taken[_account(flight.request, stage)].add(_work(flight, stage))

    def turns(self, steps: Mapping[Flight, Step]) -> list[Flight]:
        """Of the copies that would look into the bucket next, those that could use what they find there: it is read
        once an export, so that the others, however many they are, must not (R7). Uses these slots up."""
        wanting = [flight for flight, step in steps.items() if step is Look.BUCKET]
        for flight, step in steps.items():
            if not isinstance(flight.seen.stored, Unasked) and not isinstance(step, Done | Fail):
                self._reserve(flight)
        return [flight for flight in wanting if self._reserve(flight)]

    def _reserve(self, flight: Flight) -> bool:
        stage = _heads_for(flight)
        if stage is None:
            return True
        if self._has_no_room(flight, stage):
            return False
        self._taken[_account(flight.request, stage)].add(_work(flight, stage))
        return True

    def _has_no_room(self, flight: Flight, stage: Stage) -> bool:
        account = _account(flight.request, stage)
        taken = self._taken[account]
        learned = self._quotas.bound(account, self._ticks) if self._quotas else None
        bounds = [bound for bound in (self._bounds.get(account), learned) if bound is not None]
        return bool(bounds) and len(taken) >= min(bounds) and _work(flight, stage) not in taken

    def learn(self, flight: Flight, step: Step) -> None:
        """What came of a create: where a quota refused it, the others needn't ask in vain (R7)."""
        stage = _starts(step)
        memory: QuotaMemory = flight.export if stage is Stage.EXPORTING else flight.image
        if stage is None or self._quotas is None or memory.quota_refusal is None:
            return
        account = _account(flight.request, stage)
        taken = self._taken[account]
        taken.discard(_work(flight, stage))
        if memory.quota_refused_alone > 1:
            self._quotas.forget(account)
        else:
            self._quotas.refused(account, len(taken), memory.quota_refused_at)


def _starts(step: Step) -> Stage | None:
    if isinstance(step, StartExport):
        return Stage.EXPORTING
    return Stage.IMPORTING if isinstance(step, Import) else None


def _heads_for(flight: Flight) -> Stage | None:
    """What the service will be asked to do for the copy, as far as can be told before a look into the bucket."""
    source, tasks = flight.request.source, flight.seen.tasks
    if not isinstance(source, Origin) or not isinstance(tasks, Present):
        raise TypeError("nobody looks into a bucket before the export tasks were read")
    if not any(task.key == source.export and task.phase is Phase.COMPLETE for task in tasks.value):
        return Stage.EXPORTING
    return Stage.IMPORTING if flight.request.destination else None


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
