"""Ticks: look at everything at once, decide for each copy, let each take one step, wait. Knows no screen."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from omicopy.cloud.clients import Clients
from omicopy.errors import ErrorCode, Interrupted, OmicopyError
from omicopy.model.clock import Clock, Moment
from omicopy.model.events import Listener
from omicopy.model.request import Budgets, CopyRequest, Origin
from omicopy.model.result import CopyResult
from omicopy.model.units import say_duration
from omicopy.reconcile.apply import Mode, Pilot
from omicopy.reconcile.concurrency import Quotas, Slots
from omicopy.reconcile.copy_state import Flight
from omicopy.reconcile.decide.decisions import Done, Look, LookAgain, Resign, StartExport, Step
from omicopy.reconcile.decide.image import decide
from omicopy.reconcile.garbage import no_garbage
from omicopy.reconcile.observe import Observer
from omicopy.reconcile.polling import pause
from omicopy.reconcile.results import standing
from omicopy.reconcile.state import ExportMemory
from omicopy.reconcile.writes import Actor
from omicopy.state.journal import Journal, export_entry, image_entry
from omicopy.state.locks import Lock, Locks

_TOUCHES_EXPORT = (StartExport, Resign)
"""The steps that two copies which share an export would each take. What they saw of it is old after the first."""


@dataclass(slots=True)
class Loop:
    """Carries any number of requests to their end. Raises nothing but Interrupted: every failure is a result (R3).

    `lock_wait` is for how long a copy waits for another run on this machine that is at the same copy.
    """

    clients: Clients
    journal: Journal
    locks: Locks
    listener: Listener
    budgets: Budgets
    mode: Mode = field(default_factory=Mode)
    clock: Clock = field(default_factory=Clock)
    lock_wait: timedelta = timedelta(0)
    _began: float = 0.0
    _moved_at: float = 0.0
    _quotas: Quotas = field(default_factory=lambda: Quotas(60.0))
    _all: list[Flight] = field(default_factory=list)

    def run(self, requests: Sequence[CopyRequest]) -> list[CopyResult]:
        """One result a request, in their order."""
        self._began = self._moved_at = self.clock.ticks()
        self._quotas = Quotas(self.budgets.poll_max.total_seconds())
        flights = self._all = self._flights(requests)
        observer = Observer(self.clients, self.listener)
        actor = Actor(self.clients, self.journal, self.clock, self.listener)
        pilot = Pilot(actor, self.journal, self.listener, self.mode, self.clock, self._began)
        try:
            with no_garbage():
                while open_flights := self._open(flights, pilot):
                    if self._tick(self._locked(open_flights, pilot), observer, pilot):
                        self._moved_at = self.clock.ticks()
                    self._sleep(self._open(flights, pilot))
        except Interrupted as interruption:
            self.account_for(interruption)
            raise
        finally:
            self.locks.end()
        return [flight.result for flight in flights if flight.result is not None]

    def account_for(self, interruption: Interrupted) -> None:
        """Notes how every copy stands now, in the order of the requests, and what the service goes on with."""
        seconds = self.clock.ticks() - self._began
        interruption.results = [standing(flight, seconds) for flight in self._all]
        interruption.goes_on = list(dict.fromkeys(text for flight in self._all if (text := flight.goes_on())))

    def _flights(self, requests: Sequence[CopyRequest]) -> list[Flight]:
        exports: dict[object, ExportMemory] = {}
        flights = []
        for request in requests:
            source = request.source
            key = (
                (source.party.account_id, source.party.region, source.export)
                if isinstance(source, Origin)
                else object()
            )
            export = exports.setdefault(key, ExportMemory())
            flight = Flight(request, export, self._began, request.budgets or self.budgets)
            flight.export.waiting += 1
            if isinstance(source, Origin):
                export.format = export.format or source.format
                self._recall(export, source)
            flights.append(flight)
        return flights

    def _recall(self, export: ExportMemory, source: Origin) -> None:
        """What another run may have begun is in doubt from the moment on in which its entry is found."""
        if not self.journal.has_news(export_entry(source)):
            return
        is_open, task_id = self.journal.find(export_entry(source), mend=not self.mode.dry_run)
        if is_open:
            export.task_id, export.doubt_since = task_id, self.clock.ticks()

    def _locked(self, flights: Sequence[Flight], pilot: Pilot) -> list[Flight]:
        """Those copies that no other run on this machine is at."""
        free = []
        for flight in flights:
            destination = flight.request.destination
            if destination is None or flight.lock is not None or self.mode.dry_run:
                free.append(flight)
                continue
            flight.lock = self.locks.take(image_entry(flight.request, destination))
            if flight.lock is None:
                flight.stage_since = self.clock.ticks()  # its own budgets begin when it does
                pilot.locked_out(flight, self.lock_wait)
                continue
            is_open, image_id = self.journal.find(image_entry(flight.request, destination))
            if is_open:
                flight.image.created_id, flight.image.doubt_since = image_id, self.clock.ticks()
                flight.image.journaled = frozenset([image_id] if image_id else [])
            free.append(flight)
        return free

    def _tick(self, flights: Sequence[Flight], observer: Observer, pilot: Pilot) -> bool:
        """One round for every copy; whether anything moved, so that the next look should come soon."""
        now = self.clock.now()
        moved = False
        written: set[int] = set()
        with self._export_locks(flights) as held:
            steps = self._decide_all(flights, observer, now)
            slots = Slots(steps, self.mode.parallel, self._quotas, now.ticks)
            for flight in flights:
                self._note_found(flight, pilot)
                step, export = steps[flight], id(flight.export)
                if export in written and not isinstance(step, Done):
                    continue  # what it saw of the export is older than our last write
                touches = isinstance(step, _TOUCHES_EXPORT) and not self.mode.dry_run
                if touches and export not in held:
                    flight.export.wants_lock = True
                    step = LookAgain("another run on this machine may be just about to do the same")
                if isinstance(step, Look) or (slots.are_full(flight, step) and not self.mode.dry_run):
                    pilot.hold(flight, now)
                    continue
                slots.take(flight, step)
                moves = pilot.follow(flight, step, now)
                slots.learn(flight, step)
                if moves:
                    moved = True
                    if touches and export in held:
                        written.add(export)
                        flight.export.wants_lock = False
        return moved

    def _note_found(self, flight: Flight, pilot: Pilot) -> None:
        """Makes up for an answer that was lost: what a read shows to be of our making is written down and marked."""
        image, destination = flight.image, flight.request.destination
        if destination and image.made_here and image.created_id and image.created_id not in image.journaled:
            image.journaled |= {image.created_id}
            self.journal.answered(image_entry(flight.request, destination), image.created_id)
        pilot.mark_export(flight)

    @contextlib.contextmanager
    def _export_locks(self, flights: Sequence[Flight]) -> Iterator[set[int]]:
        """Holds what may be exported anew from the last look to the answer, so that two runs share one export."""
        held: dict[int, Lock] = {}
        for flight in flights:
            source, export = flight.request.source, id(flight.export)
            is_free = not flight.export.is_followed or flight.export.wants_lock
            if isinstance(source, Origin) and is_free and export not in held and not self.mode.dry_run:
                lock = self.locks.take(export_entry(source))
                if lock is not None:
                    held[export] = lock
                    self._recall(flight.export, source)
        try:
            yield set(held)
        finally:
            for lock in held.values():
                lock.release()

    def _decide_all(self, flights: Sequence[Flight], observer: Observer, now: Moment) -> dict[Flight, Step]:
        """Looks at as much as the decisions need, and at nothing else."""
        situations = {flight: flight.look_anew(now) for flight in flights}
        steps: dict[Flight, Step] = {flight: decide(situation) for flight, situation in situations.items()}
        while looks := self._looks(steps, now):
            for what, group in looks.items():
                for flight in observer.look(what, group, now):
                    steps[flight] = decide(situations[flight])
        return steps

    def _looks(self, steps: Mapping[Flight, Step], now: Moment) -> dict[Look, list[Flight]]:
        """What the decisions hang on, and whose. What is left when there is nothing more waits for a slot."""
        looks: dict[Look, list[Flight]] = {}
        for flight, step in steps.items():
            if isinstance(step, Look):
                looks.setdefault(step, []).append(flight)
        if Look.IMAGES in looks and Look.TASKS in looks:  # the images' owners may need the tasks as well: one read
            return {Look.IMAGES: looks[Look.IMAGES]}
        if Look.BUCKET not in looks or self.mode.dry_run:
            return looks
        if len(looks) > 1:  # what is under way is known before anybody's turn comes
            return {what: group for what, group in looks.items() if what is not Look.BUCKET}
        turns = Slots(steps, self.mode.parallel, self._quotas, now.ticks).turns(steps)
        return {Look.BUCKET: turns} if turns else {}

    def _open(self, flights: Sequence[Flight], pilot: Pilot) -> list[Flight]:
        """What is still under way. All of it ends when the run's time is over, before another look or write; and with
        the first failure where that is asked."""
        failure = _first_failure(flights) if self.mode.fail_fast else None
        for flight in flights:
            error = self._out_of_deadline(flight) or failure
            if flight.result is None and error is not None:
                pilot.call_off(flight, error)
        return [flight for flight in flights if flight.result is None]

    def _out_of_deadline(self, flight: Flight) -> OmicopyError | None:
        if self.mode.deadline is None or self._time_left(self.mode.deadline) > 0:
            return None
        busy = f"it was {flight.told[0]} ({flight.told[1]})" if flight.told else "nothing was looked at for it yet"
        return OmicopyError(
            ErrorCode.OUT_OF_TIME,
            f"--deadline {say_duration(self.mode.deadline)} is over; {busy}",
            "Nothing is lost, the service goes on. The same command picks it up.",
        )

    def _time_left(self, deadline: timedelta) -> float:
        began = self._began if self.mode.began is None else self.mode.began
        return round(deadline.total_seconds() - (self.clock.ticks() - began), 6)

    def _sleep(self, flights: Sequence[Flight]) -> None:
        """Waits for the next tick, and never past the end of a budget."""
        if not flights:
            return
        ticks = self.clock.ticks()
        soonest = min(flight.time_left(ticks) for flight in flights)
        if self.mode.deadline is not None:
            soonest = min(soonest, self._time_left(self.mode.deadline))
        lefts = [flight.left for flight in flights if flight.left is not None]
        foretold = min(lefts) if len(lefts) == len(flights) else None
        self.clock.sleep(max(0.0, min(pause(ticks - self._moved_at, foretold, self.budgets), soonest)))


def _first_failure(flights: Sequence[Flight]) -> OmicopyError | None:
    for flight in flights:
        if flight.result and flight.result.error and not flight.request.best_effort:
            message = f"Given up because {flight.request.label} failed (--fail-fast)"
            return OmicopyError(ErrorCode.FAILED, message, "Mend that, then run the same command again: it goes on.")
    return None
