"""Limits how many exports and imports of one account run at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from omicopy.model.export import Phase
from omicopy.model.lookup import Present, Unasked
from omicopy.model.request import CopyRequest, Source
from omicopy.reconcile.copy_state import CopyState
from omicopy.reconcile.decide.decisions import Decision, Done, Fail, Fetch, Import, Retry, Stage, StartExport, Wait
from omicopy.reconcile.state import QuotaState

Account = tuple[str, str, Stage]


@dataclass(slots=True)
class LearnedLimits:
    """Limits learned from quota refusals: no more than were running when the service refused.

    After every `patience` seconds one more is tried, because others may have freed their slots.
    """

    patience: float
    _refused: dict[Account, tuple[int, float]] = field(default_factory=dict)

    def refused(self, account: Account, under_way: int, ticks: float) -> None:
        self._refused[account] = (max(1, under_way), ticks)

    def forget(self, account: Account) -> None:
        """Forgets the limit: the quota has no room at all, and each copy finds that out itself."""
        self._refused.pop(account, None)

    def bound(self, account: Account, ticks: float) -> int | None:
        if account not in self._refused:
            return None
        under_way, since = self._refused[account]
        return under_way + int((ticks - since) / self.patience)


class ConcurrencyLimiter:
    """The slots of one tick: those in use, and those that are free."""

    def __init__(
        self,
        steps: Mapping[CopyState, Decision],
        parallel: int | None,
        quotas: LearnedLimits | None = None,
        ticks: float = 0.0,
    ) -> None:
        self._steps = steps
        self._parallel = parallel
        self._quotas = quotas
        self._ticks = ticks

    @cached_property
    def _taken(self) -> dict[Account, set[int]]:
        """Slots in use. Computed only when something is to start."""
        taken: dict[Account, set[int]] = defaultdict(set)
        for copy_state, step in self._steps.items():
            stage = _active_stage(copy_state, step)
            if stage is not None:
                taken[_account(copy_state.request, stage)].add(_work(copy_state, stage))
        return taken

    @cached_property
    def _bounds(self) -> dict[Account, int]:
        """The limit of each account; the smallest of all jobs that use it."""
        bounds: dict[Account, int] = {}
        for request in (copy_state.request for copy_state in self._steps):
            bound = self._parallel or request.parallel
            if bound is not None:
                for account in _accounts(request):
                    bounds[account] = min(bound, bounds.get(account, bound))
        return bounds

    def is_full(self, copy_state: CopyState, step: Decision) -> bool:
        """True if the step would exceed the account's limit."""
        stage = _stage_started_by(step)
        if stage is None:
            return False
        return self._has_no_room(copy_state, stage)

    def take(self, copy_state: CopyState, step: Decision) -> None:
        stage = _stage_started_by(step)
        if stage is not None:
            self._taken[_account(copy_state.request, stage)].add(_work(copy_state, stage))

    def admit(self, steps: Mapping[CopyState, Decision]) -> list[CopyState]:
        """Of the copies that would read the bucket next, those that could use the result now; reserves their slots.

        A bucket is read once per export, so the others must not read it yet, however many they are (R7).
        """
        wanting = [copy_state for copy_state, step in steps.items() if step is Fetch.BUCKET]
        for copy_state, step in steps.items():
            if not isinstance(copy_state.seen.stored, Unasked) and not isinstance(step, Done | Fail):
                self._reserve(copy_state)
        return [copy_state for copy_state in wanting if self._reserve(copy_state)]

    def _reserve(self, copy_state: CopyState) -> bool:
        stage = _next_stage(copy_state)
        if stage is None:
            return True
        if self._has_no_room(copy_state, stage):
            return False
        self._taken[_account(copy_state.request, stage)].add(_work(copy_state, stage))
        return True

    def _has_no_room(self, copy_state: CopyState, stage: Stage) -> bool:
        account = _account(copy_state.request, stage)
        taken = self._taken[account]
        learned = self._quotas.bound(account, self._ticks) if self._quotas else None
        bounds = [bound for bound in (self._bounds.get(account), learned) if bound is not None]
        return bool(bounds) and len(taken) >= min(bounds) and _work(copy_state, stage) not in taken

    def learn(self, copy_state: CopyState, step: Decision) -> None:
        """Learns from a quota refusal, so that others don't ask in vain (R7)."""
        stage = _stage_started_by(step)
        memory: QuotaState = copy_state.export if stage is Stage.EXPORTING else copy_state.image
        if stage is None or self._quotas is None or memory.quota_refusal is None:
            return
        account = _account(copy_state.request, stage)
        taken = self._taken[account]
        taken.discard(_work(copy_state, stage))
        if memory.quota_refused_alone > 1:
            self._quotas.forget(account)
        else:
            self._quotas.refused(account, len(taken), memory.quota_refused_at)


def _stage_started_by(step: Decision) -> Stage | None:
    if isinstance(step, StartExport):
        return Stage.EXPORTING
    return Stage.IMPORTING if isinstance(step, Import) else None


def _next_stage(copy_state: CopyState) -> Stage | None:
    """Returns the next stage of the copy, as far as it is known before reading the bucket."""
    source, tasks = copy_state.request.source, copy_state.seen.tasks
    if not isinstance(source, Source) or not isinstance(tasks, Present):
        raise TypeError("the bucket is read only after the export tasks")
    if not any(task.key == source.export and task.phase is Phase.COMPLETE for task in tasks.value):
        return Stage.EXPORTING
    return Stage.IMPORTING if copy_state.request.target else None


def _active_stage(copy_state: CopyState, step: Decision) -> Stage | None:
    """Returns the stage that the service is working on, or may be working on, for the copy."""
    if isinstance(step, Wait):
        return step.stage if step.is_ours else None
    if isinstance(step, Retry):
        if copy_state.image.doubt_since is not None:
            return Stage.IMPORTING
        return Stage.EXPORTING if copy_state.export.doubt_since is not None else None
    return None


def _accounts(request: CopyRequest) -> list[Account]:
    stages = [Stage.EXPORTING] if isinstance(request.source, Source) else []
    stages += [Stage.IMPORTING] if request.target else []
    return [_account(request, stage) for stage in stages]


def _account(request: CopyRequest, stage: Stage) -> Account:
    if stage is Stage.EXPORTING and isinstance(request.source, Source):
        account = request.source.account
    elif request.target:
        account = request.target.account
    else:
        raise TypeError("neither a source account nor a target")
    return (account.account_id, account.region, stage)


def _work(copy_state: CopyState, stage: Stage) -> int:
    """Copies of one export share its slot."""
    return id(copy_state.export) if stage is Stage.EXPORTING else id(copy_state)
