"""What becomes of one copy in one tick: its step is followed, its progress told, its end written down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.model.clock import Clock, Moment
from omicopy.model.events import Ended, Listener, Moved, Warned
from omicopy.model.export import Phase
from omicopy.model.image import Image
from omicopy.model.lookup import Present
from omicopy.model.own_tags import EXPORT_TAG
from omicopy.model.request import Origin
from omicopy.model.result import Status
from omicopy.model.units import ANY_DURATION, say_duration
from omicopy.reconcile.copy_state import Flight
from omicopy.reconcile.decide.decisions import (
    Annotate,
    Done,
    Fail,
    Import,
    Look,
    LookAgain,
    Stage,
    StartExport,
    Step,
    Wait,
    Write,
)
from omicopy.reconcile.postponed import Postponed
from omicopy.reconcile.results import Ending, describe_wait, describe_write, given_up, planned, result_of
from omicopy.reconcile.writes import Actor
from omicopy.state.journal import Journal, export_entry, image_entry

LEAST_TRIES = 5
"""A write that is turned away is sent at least so often before its copy is given up, however long that takes."""


@dataclass(frozen=True, slots=True)
class Mode:
    """How far a run goes: `dry_run` writes nothing, `wait` False ends it once the service is busy for us.

    `deadline` is for the run as a whole, from `began` on, a moment of the monotonic clock; None: from the call of the
    public function that carries the run out. `fail_fast` ends it with the first failure. `parallel` bounds the exports
    and imports of every account that are under way at once, whatever the requests say of that.
    """

    wait: bool = True
    dry_run: bool = False
    deadline: timedelta | None = None
    fail_fast: bool = False
    parallel: int | None = None
    began: float | None = None

    @property
    def ends(self) -> float:
        """The moment at which the deadline is over; infinity without one, or where nobody said when the run began."""
        if self.deadline is None or self.began is None:
            return math.inf
        return self.began + self.deadline.total_seconds()

    def __post_init__(self) -> None:
        if self.deadline is not None:
            with named("deadline"):
                ANY_DURATION.read(self.deadline)
        if self.parallel is not None and self.parallel < 1:
            raise OmicopyError(ErrorCode.USAGE, f"parallel: {self.parallel} lets nothing be done", "Give 1 or more.")


@dataclass(frozen=True, slots=True)
class Pilot:
    """Takes each copy one step further. Raises nothing but Interrupted: a failure is the copy's result (R3)."""

    actor: Actor
    journal: Journal
    listener: Listener
    mode: Mode
    clock: Clock
    began: float

    def follow(self, flight: Flight, step: Step, now: Moment) -> bool:
        """Does what was decided; whether the copy moved on, so that it may soon do so again."""
        match step:
            case Wait():
                self._wait(flight, step, now)
            case Done(status, image):
                self._end(flight, Ending(status, image=image))
            case Fail(error, image):
                self._end(flight, Ending(Status.FAILED, image=image, error=error))
            case LookAgain():
                return self._look_again(flight, step, now)
            case Look():
                pass
            case _:
                return self._write(flight, step, now)
        return False

    def locked_out(self, flight: Flight, lock_wait: timedelta) -> None:
        """Another run on this machine is at the same copy: wait for it, or leave it to it."""
        what = f"another run on this machine is at {flight.request.label}"
        if self.clock.ticks() - self.began < lock_wait.total_seconds():
            self._tell(flight, "locked", what, None)
            return
        error = OmicopyError(
            ErrorCode.LOCKED, what, f"Let it finish, or wait with --lock-wait (now {say_duration(lock_wait)})."
        )
        self._end(flight, Ending(Status.FAILED, error=error))

    def mark_export(self, flight: Flight) -> None:
        """Tags the export that an earlier run started and had no time to tag, once a run."""
        export, source, tasks = flight.export, flight.request.source, flight.seen.tasks
        if export.is_marked or export.task_id is None or self.mode.dry_run or not isinstance(source, Origin):
            return
        for task in tasks.value if isinstance(tasks, Present) else ():
            if task.task_id == export.task_id:
                export.is_marked = True
                if EXPORT_TAG not in task.tags and task.phase is not Phase.FAILED:
                    self.actor.tag_export(flight.request, task.task_id)

    def hold(self, flight: Flight, now: Moment) -> None:
        """As many as may be are under way: this copy's turn comes later, and its budget begins then."""
        flight.out_of_trouble()
        flight.stage_since = now.ticks
        self._tell(flight, "queued", "until others of its account are done", None)
        if not self.mode.wait:
            message = "Nothing could be started yet: as many exports or imports as may be are under way"
            hint = "Run the same command again later, or without --no-wait."
            self._end(flight, Ending(Status.FAILED, error=OmicopyError(ErrorCode.TEMPORARY, message, hint)))

    def call_off(self, flight: Flight, error: OmicopyError) -> None:
        """Ends a copy that the run has no time for any more, or gives up. What the service does for it goes on."""
        self._end(flight, given_up(flight, error))

    def _wait(self, flight: Flight, step: Wait, now: Moment) -> None:
        flight.out_of_trouble()
        flight.enter(step.stage, now.ticks)
        flight.is_served, flight.image_awaited = step.is_ours, step.image
        flight.export.is_followed = step.is_ours  # who waits for a slot is about to start it
        if step.stage is Stage.EXPORTING:
            flight.export.forecast.learn(now.ticks, step.progress)
            flight.left = flight.export.forecast.left(now.ticks)
        self._tell(flight, step.stage.value, describe_wait(step), step.progress)
        if self.mode.dry_run and not step.is_ours:
            self._end(flight, Ending(Status.PLANNED))
        elif not self.mode.wait and not step.is_ours:
            self._end(flight, Ending(Status.FAILED, error=_not_begun(step)))
        elif not self.mode.wait or self.mode.dry_run:
            self._end(flight, Ending(Status.RUNNING, image=step.image))
        elif flight.time_left(now.ticks) <= 0:
            self._mind_the_time(flight, now, f"{step.resource} is {step.state}", step.image)

    def _look_again(self, flight: Flight, step: LookAgain, now: Moment) -> bool:
        moved = self._tell(flight, "looking", step.why, None)
        flight.export.is_followed = False
        if step.error is None:
            flight.out_of_trouble()
            self._mind_the_time(flight, now, step.why)
        elif step.error.code not in (ErrorCode.TEMPORARY, ErrorCode.OUT_OF_TIME):  # the loop itself minds the deadline
            self._end(flight, Ending(Status.FAILED, error=step.error))
        else:
            self._bear(flight, step.error, now, is_tried=True)  # a read has been tried many times over
        return moved

    def _write(self, flight: Flight, step: Write, now: Moment) -> bool:
        if self.mode.dry_run:
            self._tell(flight, "planned", describe_write(step)[1], None)
            self._end(flight, planned(step))
            return True
        if isinstance(step, Import):
            flight.enter(Stage.IMPORTING, now.ticks)
        self._tell(flight, *describe_write(step), None)
        try:
            self.actor.act(flight, step)
        except Postponed as postponed:
            flight.refused_writes += 1
            self._bear(flight, postponed.error, now, is_tried=flight.refused_writes >= LEAST_TRIES)
            return False
        except OmicopyError as error:
            self._end(flight, Ending(Status.FAILED, image=getattr(step, "image", None), error=error))
            return True
        flight.out_of_trouble()
        if isinstance(step, Annotate) and step.is_last:
            status = Status.COPIED if flight.image.made_here else Status.PRESENT
            self._end(flight, Ending(status, image=step.image))
            return False
        if not self.mode.wait and self._is_answered(flight, step):
            self._end(flight, Ending(Status.RUNNING, name=step.name if isinstance(step, Import) else None))
        return True

    @staticmethod
    def _is_answered(flight: Flight, step: Write) -> bool:
        """Whether a write is known to have happened; a create in doubt is looked for even with --no-wait."""
        if isinstance(step, StartExport):
            return flight.export.task_id is not None
        return flight.image.created_id is not None if isinstance(step, Import) else True

    def _bear(self, flight: Flight, error: OmicopyError, now: Moment, is_tried: bool) -> None:
        """A failure that may pass is borne for --retry; then the run ends, and the next one goes on."""
        flight.trouble_since = now.ticks if flight.trouble_since is None else flight.trouble_since
        if is_tried and self.clock.ticks() - flight.trouble_since >= flight.budgets.retry.total_seconds():
            self._end(flight, Ending(Status.FAILED, error=error))
        else:
            self._mind_the_time(flight, now, error.message)

    def _mind_the_time(self, flight: Flight, now: Moment, waits_for: str, image: Image | None = None) -> None:
        if flight.time_left(now.ticks) <= 0:
            self._end(flight, given_up(flight, flight.out_of_time(waits_for), image))

    def _tell(self, flight: Flight, phase: str, detail: str, progress: int | None) -> bool:
        """Emits what changed; whether the copy moved on."""
        news = (phase, detail, progress)
        if flight.told == news:
            return False
        moved = flight.told is None or flight.told[0] != phase
        flight.told = news
        seconds = self.clock.ticks() - self.began
        self.listener(Moved(flight.request, phase, detail, progress, seconds, flight.task_id))
        return moved

    def _end(self, flight: Flight, ending: Ending) -> None:
        flight.result = result_of(flight, ending, self.clock.ticks() - self.began)
        if flight.result.status in (Status.COPIED, Status.PRESENT) and not self.mode.dry_run:
            self._close_entries(flight)
            self._name_superfluous(flight)
        if flight.lock is not None:
            flight.lock.release()
        self.listener(Ended(flight.result))

    def _close_entries(self, flight: Flight) -> None:
        """What was created is there and complete; an export only when it was seen, and has fed all of its copies.

        A copy that is present says nothing of an export that another copy's killed run may have started.
        """
        request = flight.request
        flight.export.waiting -= 1
        if isinstance(request.source, Origin) and flight.export.is_whole and not flight.export.waiting:
            self.journal.close(export_entry(request.source))
        if request.destination:
            self.journal.close(image_entry(request, request.destination))

    def _name_superfluous(self, flight: Flight) -> None:
        """An export that we started for a copy that another machine made meanwhile, and no other copy of ours needs."""
        export = flight.export
        task_id = export.task_id if export.started else None
        if flight.image.made_here or flight.request.destination is None or export.waiting:
            return
        if task_id and task_id not in export.cancelled:
            export.cancelled |= {task_id}
            self.listener(Warned(f"{task_id} is superfluous: another run made the copy meanwhile"))


def _not_begun(step: Wait) -> OmicopyError:
    message = f"Nothing could be started yet: {step.resource} is {step.state}"
    return OmicopyError(ErrorCode.TEMPORARY, message, "Run the same command again later, or without --no-wait.")
