"""Does the steps of a plan: records each, runs it beside the controller thread, tells the outcome.

An action is on record before it is done (or, after a second of waiting, done all the same and the
missing record told) and again with its outcome.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from autoscaler.actuation.drain import Drained
from autoscaler.actuation.drainer import Leaving
from autoscaler.daemon import hooking, schema
from autoscaler.daemon.history import HistorySink, Record
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.ports import Parts
from autoscaler.daemon.state import RoleState
from autoscaler.daemon.worker import Pool
from autoscaler.errors import (
    AutoscalerError,
    EngineUnavailableError,
    MemberUnusableError,
    NoSuchMemberError,
)
from autoscaler.model import Member, Step, StepKind

RECORD_SECONDS = 1.0
"""How long an action waits for its record before it is done without."""


@dataclass(frozen=True, slots=True)
class _Doing:
    """A step under way on one run of a member."""

    key: str
    role: RoleState
    member: Member
    step: Step


class Actions:
    """Starts, drains and stops members and runs their hooks.

    `look` asks for a fresh look once something was done.
    """

    def __init__(
        self,
        journal: Journal,
        history: HistorySink,
        pool: Pool,
        look: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._history = history
        self._pool = pool
        self._look = look
        self._open: dict[str, tuple[str, str]] = {}

    def begin(self, parts: Parts, role: RoleState, step: Step) -> bool:
        """Begin a step if it is one that is done here; return whether it was begun."""
        member = role.members[step.member]
        if step.kind is StepKind.START:
            role.track(member.name).started_by_us = True
            self._run(role, member, step, lambda: parts.lifecycle.start(member), self._started)
        elif step.kind is StepKind.DRAIN:
            leaving, cancelled = self._leaving(role, member)
            timeout = role.settings.drain_timeout
            self._run(
                role,
                member,
                step,
                lambda: parts.drain(leaving, timeout, cancelled),
                self._drained,
            )
        elif step.kind is StepKind.STOP:
            role.track(member.name).stopped_by_us = True
            seconds = role.settings.stop_timeout
            self._run(
                role, member, step, lambda: parts.lifecycle.stop(member, seconds), self._stopped
            )
        elif step.kind in hooking.HOOKS:
            run = hooking.call(parts, role, member, step.kind)
            self._run(role, member, step, run, self._hooked)
        else:
            return False
        return True

    @staticmethod
    def _leaving(role: RoleState, member: Member) -> tuple[Leaving, Callable[[], bool]]:
        """Return what to drain and a look at whether that is still wanted."""
        track = role.track(member.name)
        leaving = Leaving(member.pid, member.port, track.old_workers, track.unpublished_at)
        run = member.run

        def cancelled() -> bool:
            return track.run != run or not track.running or member.name in role.serve

        return leaving, cancelled

    def record(self, role: RoleState, member: Member, step: Step) -> tuple[str, Record]:
        """Put an action on record; return its key and the record to wait for."""
        key = uuid.uuid4().hex
        action = schema.ActionRecord(
            key,
            self._journal.clock.wall().timestamp(),
            role.name,
            member.name,
            member.container_id,
            step.kind,
            step.reason,
        )
        self._open[key] = (role.name, step.kind.value)
        return key, self._history.write([schema.action_begun(action)])

    def ended(self, key: str, outcome: str, detail: str = "") -> None:
        """Put the outcome of an action on record: `ok` or `failed`."""
        if key in self._open:
            self._journal.counts.acted(*self._open.pop(key), outcome)
        wall = self._journal.clock.wall().timestamp()
        self._history.write([schema.action_ended(key, wall, outcome, detail)])

    def _run(
        self,
        role: RoleState,
        member: Member,
        step: Step,
        call: Callable[[], object],
        then: Callable[[_Doing, object, float], None],
    ) -> None:
        track = role.track(member.name)
        track.busy, track.done_at, track.step_told = step.kind, None, False
        key, record = self.record(role, member, step)
        doing = _Doing(key, role, member, step)
        begun = self._journal.clock.monotonic()

        def work() -> tuple[bool, object]:
            recorded = record.wait(RECORD_SECONDS)
            return recorded, call()

        def done(result: tuple[bool, object]) -> None:
            recorded, value = result
            if not recorded:
                self.unrecorded(role, member, step)
            self.ended(key, "ok")
            track.step_done()
            then(doing, value, self._journal.clock.monotonic() - begun)

        self._pool.submit(
            f"{step.kind} {member.name}", work, done, lambda error: self._failed(doing, error)
        )

    def unrecorded(self, role: RoleState, member: Member, step: Step) -> None:
        """Tell that an action was done without its record."""
        self._journal.warning(
            "history.late",
            role=role.name,
            member=member.name,
            action=step.kind.value,
            reason=f"its record could not be put on disk within {RECORD_SECONDS:g} s; it was done "
            "all the same",
        )

    def _settle(self, doing: _Doing) -> None:
        """Keep the member out of planning until a look that begins now shows the effect."""
        doing.role.track(doing.member.name).done_at = self._journal.clock.monotonic()
        self._look()

    def _started(self, doing: _Doing, _value: object, seconds: float) -> None:
        self._journal.info(
            "member.started",
            role=doing.role.name,
            member=doing.member.name,
            reason=doing.step.reason,
            seconds=round(seconds, 3),
        )
        self._settle(doing)

    def _drained(self, doing: _Doing, value: object, _seconds: float) -> None:
        track = doing.role.track(doing.member.name)
        track.busy = None
        if not isinstance(value, Drained) or value.cancelled:
            return
        same_run = track.run == doing.member.run
        track.drained = same_run and doing.member.name not in doing.role.serve
        tell = self._journal.info if value.complete else self._journal.warning
        tell(
            "member.drained",
            role=doing.role.name,
            member=doing.member.name,
            reason="no request is left in it"
            if value.complete
            else f"drain_timeout of {doing.role.settings.drain_timeout:g} s is over",
            seconds=round(value.seconds, 3),
            awaited_connections=value.awaited_connections,
            cut_connections=value.cut_connections,
            awaited_workers=value.awaited_workers,
            left_workers=value.left_workers,
        )

    def _hooked(self, doing: _Doing, _value: object, seconds: float) -> None:
        hooking.succeeded(doing.role, doing.member, doing.step.kind, seconds, self._journal)

    def _stopped(self, doing: _Doing, _value: object, seconds: float) -> None:
        self._journal.info(
            "member.stopped",
            role=doing.role.name,
            member=doing.member.name,
            reason=doing.step.reason,
            seconds=round(seconds, 3),
        )
        self._settle(doing)

    def _failed(self, doing: _Doing, error: AutoscalerError) -> None:
        """A step failed: back off, and leave a member alone that cannot be started as it is."""
        self.ended(doing.key, "failed", str(error))
        track = doing.role.track(doing.member.name)
        now = self._journal.clock.monotonic()
        track.step_told = True
        if doing.step.kind in hooking.HOOKS:
            hooking.failed(doing.role, doing.member, doing.step.kind, error, self._journal)
            self._settle(doing)
            return
        if isinstance(error, NoSuchMemberError):
            self._settle(doing)
            return
        starting = doing.step.kind is StepKind.START
        if starting and not isinstance(error, EngineUnavailableError):
            track.started_by_us = False
            seconds = track.quarantine(doing.role.rules, now)
            unusable = isinstance(error, MemberUnusableError)
            event = "member.unusable" if unusable else "member.start_failed"
        else:
            seconds = track.step_failed(now)
            event = f"member.{doing.step.kind.value}_failed"
        self._journal.warning(
            event,
            role=doing.role.name,
            member=doing.member.name,
            reason=str(error),
            retry_seconds=seconds,
        )
        self._settle(doing)
