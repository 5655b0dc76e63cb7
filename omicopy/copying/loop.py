"""Ticks: look at everything at once, decide for each copy, do one write each, wait. Emits events; knows no screen."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from omicopy.cloud.clients import Clients
from omicopy.copying.act import Actor, Postponed
from omicopy.copying.clock import Clock
from omicopy.copying.decide import decide
from omicopy.copying.events import Ended, Listener, Moved
from omicopy.copying.facts import ExportMemory, Moment
from omicopy.copying.flight import Flight
from omicopy.copying.journal import Journal, export_entry, image_entry
from omicopy.copying.observe import Observer, forget
from omicopy.copying.outcome import Ending, describe_wait, describe_write, planned, result_of
from omicopy.copying.situation import Situation
from omicopy.copying.steps import (
    Annotate,
    Done,
    Fail,
    Import,
    Look,
    LookAgain,
    Resign,
    Stage,
    StartExport,
    Step,
    Wait,
    Write,
)
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.report import CopyResult, Status
from omicopy.model.request import Budgets, CopyRequest, Origin

GROWTH, JITTER = 1.3, 0.2


@dataclass(frozen=True, slots=True)
class Mode:
    """How far a run goes: `dry_run` writes nothing, `wait` False ends it once the service is busy for us."""

    wait: bool = True
    dry_run: bool = False


@dataclass(slots=True)
class Loop:
    """Carries any number of requests to their end. Raises nothing but Interrupted: every failure is a result (R3)."""

    clients: Clients
    journal: Journal
    listener: Listener
    budgets: Budgets
    mode: Mode = field(default_factory=Mode)
    clock: Clock = field(default_factory=Clock)
    _began: float = 0.0
    _pause: float = 0.0

    def run(self, requests: Sequence[CopyRequest]) -> list[CopyResult]:
        """One result a request, in their order."""
        self._began = self.clock.ticks()
        self._pause = self.budgets.poll_min.total_seconds()
        flights = self._flights(requests)
        observer = Observer(self.clients)
        actor = Actor(self.clients, self.journal, self.clock, self.listener)
        while open_flights := [flight for flight in flights if flight.result is None]:
            if self._tick(open_flights, observer, actor):
                self._pause = self.budgets.poll_min.total_seconds()
            self._sleep([flight for flight in open_flights if flight.result is None])
        return [flight.result for flight in flights if flight.result is not None]

    def _flights(self, requests: Sequence[CopyRequest]) -> list[Flight]:
        exports: dict[object, ExportMemory] = {}
        flights = []
        for request in requests:
            shared = request.source
            key = (
                (shared.party.account_id, shared.party.region, shared.export)
                if isinstance(shared, Origin)
                else object()
            )
            flight = Flight(request, exports.setdefault(key, ExportMemory()), self._began)
            self._recall(flight)
            flights.append(flight)
        return flights

    def _recall(self, flight: Flight) -> None:
        """What an earlier run may have begun is in doubt from the start."""
        request = flight.request
        if isinstance(request.source, Origin):
            is_open, task_id = self.journal.find(export_entry(request.source))
            if is_open:
                flight.export.task_id, flight.export.doubt_since = task_id, self._began
        if request.destination:
            is_open, image_id = self.journal.find(image_entry(request, request.destination))
            if is_open:
                flight.image.created_id, flight.image.doubt_since = image_id, self._began
                flight.image.journaled = frozenset([image_id] if image_id else [])

    def _tick(self, flights: Sequence[Flight], observer: Observer, actor: Actor) -> bool:
        """One round for every open copy; whether anything moved, so that the next look should come soon."""
        now = self.clock.now()
        steps = self._decide_all(flights, observer, now)
        moved = False
        written: set[int] = set()
        for flight in flights:
            step = steps[flight]
            if id(flight.export) in written and not isinstance(step, Done):
                continue  # what it saw of the export is older than our last write
            if self._follow(flight, step, actor, now):
                moved = True
                if isinstance(step, StartExport | Resign):
                    written.add(id(flight.export))
        return moved

    def _decide_all(self, flights: Sequence[Flight], observer: Observer, now: Moment) -> dict[Flight, Step]:
        """Looks at as much as the decisions need, and at nothing else."""
        for flight in flights:
            forget(flight)
        steps: dict[Flight, Step] = {flight: self._decide(flight, now) for flight in flights}
        while wanting := [flight for flight in flights if isinstance(steps[flight], Look)]:
            for what in Look:
                group = [flight for flight in wanting if steps[flight] is what]
                if group:
                    observer.look(what, group, now)
            steps.update({flight: self._decide(flight, now) for flight in wanting})
        return steps

    def _decide(self, flight: Flight, now: Moment) -> Step:
        return decide(Situation(flight.request, flight.seen, flight.image, flight.export, self.budgets, now))

    def _follow(self, flight: Flight, step: Step, actor: Actor, now: Moment) -> bool:
        match step:
            case Done(status, image, stored):
                self._end(flight, Ending(status, image=image, stored=stored))
            case Fail(error, image):
                self._end(flight, Ending(Status.FAILED, image=image, error=error))
            case Wait():
                return self._wait(flight, step, now)
            case LookAgain():
                return self._look_again(flight, step, now)
            case Look():
                return False
            case _:
                return self._write(flight, step, actor, now)
        return True

    def _wait(self, flight: Flight, step: Wait, now: Moment) -> bool:
        flight.trouble_since = None
        flight.enter(step.stage, now.ticks)
        moved = self._tell(flight, step.stage.value, describe_wait(step), step.progress)
        if not self.mode.wait or self.mode.dry_run:
            self._end(flight, Ending(Status.RUNNING))
        else:
            self._mind_the_time(flight, now, f"{step.resource} is {step.state}")
        return moved

    def _look_again(self, flight: Flight, step: LookAgain, now: Moment) -> bool:
        moved = self._tell(flight, "looking", step.why, None)
        if step.error is None:
            flight.trouble_since = None
            self._mind_the_time(flight, now, step.why)
        elif step.error.code is not ErrorCode.TEMPORARY:
            self._end(flight, Ending(Status.FAILED, error=step.error))
        else:
            self._bear(flight, step.error, now)
        return moved

    def _write(self, flight: Flight, step: Write, actor: Actor, now: Moment) -> bool:
        if self.mode.dry_run:
            self._tell(flight, "planned", describe_write(step)[1], None)
            self._end(flight, planned(step))
            return True
        if isinstance(step, Import):
            flight.enter(Stage.IMPORTING, now.ticks)
        self._tell(flight, *describe_write(step), None)
        try:
            actor.act(flight, step)
        except Postponed as postponed:
            self._bear(flight, postponed.error, now)
            return False
        except OmicopyError as error:
            self._end(flight, Ending(Status.FAILED, image=getattr(step, "image", None), error=error))
            return True
        flight.trouble_since = None
        if isinstance(step, Annotate):
            status = Status.COPIED if flight.image.made_here else Status.PRESENT
            self._end(flight, Ending(status, image=step.image))
        elif not self.mode.wait and self._is_answered(flight, step):
            self._end(flight, Ending(Status.RUNNING))
        return True

    @staticmethod
    def _is_answered(flight: Flight, step: Write) -> bool:
        """Whether a create of ours is known to have happened; one in doubt is looked for even with --no-wait."""
        if isinstance(step, StartExport):
            return flight.export.task_id is not None
        return flight.image.created_id is not None if isinstance(step, Import) else isinstance(step, Resign)

    def _bear(self, flight: Flight, error: OmicopyError, now: Moment) -> None:
        """A failure that may pass is borne for --retry; then the run ends, and the next one goes on."""
        flight.trouble_since = now.ticks if flight.trouble_since is None else flight.trouble_since
        if self.clock.ticks() - flight.trouble_since >= self.budgets.retry.total_seconds():
            self._end(flight, Ending(Status.FAILED, error=error))

    def _mind_the_time(self, flight: Flight, now: Moment, waits_for: str) -> None:
        if flight.time_left(self.budgets, now.ticks) <= 0:
            error = flight.out_of_time(self.budgets, waits_for)
            self._end(flight, Ending(Status.FAILED, error=error))

    def _tell(self, flight: Flight, phase: str, detail: str, progress: int | None) -> bool:
        """Emits what changed; whether the copy moved on."""
        news = (phase, detail, progress)
        if flight.told == news:
            return False
        moved = flight.told is None or flight.told[0] != phase
        flight.told = news
        seconds = self.clock.ticks() - self._began
        self.listener(Moved(flight.request, phase, detail, progress, seconds))
        return moved

    def _end(self, flight: Flight, ending: Ending) -> None:
        flight.result = result_of(flight, ending, self.clock.ticks() - self._began)
        if flight.result.status in (Status.COPIED, Status.PRESENT):
            self._close_entries(flight)
        self.listener(Ended(flight.result))

    def _close_entries(self, flight: Flight) -> None:
        request = flight.request
        if self.mode.dry_run:
            return
        if isinstance(request.source, Origin):
            self.journal.close(export_entry(request.source))
        if request.destination:
            self.journal.close(image_entry(request, request.destination))

    def _sleep(self, flights: Sequence[Flight]) -> None:
        """Waits for the next tick: longer each time nothing moved, and never past the end of a budget."""
        if not flights:
            return
        ticks = self.clock.ticks()
        soonest = min(flight.time_left(self.budgets, ticks) for flight in flights)
        jittered = self._pause * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  no secret
        self.clock.sleep(max(0.0, min(jittered, soonest)))
        self._pause = min(self._pause * GROWTH, self.budgets.poll_max.total_seconds())
