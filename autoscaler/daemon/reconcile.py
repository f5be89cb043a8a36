"""Compares what is wanted with what is, and begins the next steps. Called after every inbox item.

It remembers nothing of its own: the plan is made anew each time from the whole state, so a missed
event or a killed daemon only costs time.
"""

from __future__ import annotations

from autoscaler.daemon import hooking, schema
from autoscaler.daemon.actions import Actions
from autoscaler.daemon.history import HistorySink
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.looking import Looking
from autoscaler.daemon.ports import Parts
from autoscaler.daemon.publishing import Publishing
from autoscaler.daemon.state import RoleState, State
from autoscaler.model import Member, Step, StepKind
from autoscaler.plan import MemberView, RolePlan, RoleView, plan_role

_TAKING_DOWN = frozenset({StepKind.UNPUBLISH, StepKind.DRAIN, StepKind.BEFORE_STOP, StepKind.STOP})


class Reconciler:
    """Makes the world look like the wish, a step at a time."""

    def __init__(
        self,
        state: State,
        journal: Journal,
        history: HistorySink,
        actions: Actions,
        boot_id: str,
    ) -> None:
        self._state = state
        self._journal = journal
        self._history = history
        self._actions = actions
        self._boot_id = boot_id

    def update(self, parts: Parts, publishing: Publishing, looking: Looking, now: float) -> None:
        """Plan every role, publish what should be served, begin the steps that are due.

        While the engine does not answer nothing is begun: what is known may be wrong.
        """
        if not self._state.engine_up or self._state.looked_at is None:
            return
        steps: list[tuple[RoleState, Step]] = []
        for role in self._state.roles.values():
            hooking.settle(role, self._state.publication)
            self._give_up_on_late(role, looking, now)
            plan = plan_role(self._view(role, publishing, now))
            role.chosen, role.serve = plan.chosen, plan.serve
            role.steps = plan.steps
            self._note_leaving(role, plan)
            hooking.expect(role, plan.steps)
            self.store(role)
            steps += [(role, step) for step in plan.steps]
        publishing.update(parts, now)
        if self._state.publish_first:
            return
        for role, step in steps:
            if role.track(step.member).retry_at <= now:
                self._actions.begin(parts, role, step)

    def plan_only(self, publishing: Publishing, now: float) -> None:
        """Find the chosen members without doing anything: for a dry run."""
        for role in self._state.roles.values():
            role.chosen = plan_role(self._view(role, publishing, now)).chosen

    def _view(self, role: RoleState, publishing: Publishing, now: float) -> RoleView:
        views = tuple(self._member_view(role, m, publishing, now) for m in role.members.values())
        minimum, maximum = role.policy.minimum, role.policy.maximum
        if role.overrides.pin_forced:
            minimum = min(minimum, role.memory.desired)
            maximum = max(maximum, role.memory.desired)
        return RoleView(
            role.name,
            role.memory.desired,
            minimum,
            maximum,
            views,
            frozen=role.overrides.freeze,
            starts_wait=self._state.publication.unreachable,
        )

    def _member_view(
        self, role: RoleState, member: Member, publishing: Publishing, now: float
    ) -> MemberView:
        track = role.track(member.name)
        publication = self._state.publication
        endpoint = publishing.endpoint(role, member) if track.ready else None
        return MemberView(
            member,
            ready=track.ready,
            exposed=publication.exposed(role.name, member.name),
            published=endpoint is not None and publication.published(endpoint),
            coming_up=track.coming_up(role.rules, now),
            condemned=track.condemned,
            quarantined=track.quarantined(now),
            steady=track.steady_at(role.hands.settle) <= now,
            failed_starts=track.failed_starts(now),
            slow=track.slow and not track.ready,
            awaited=role.hands.awaits(member.name),
            drained=track.drained,
            busy=track.busy,
            hooks_due=hooking.due(role, member),
            stays=now < track.stop_refused_until,
        )

    def _give_up_on_late(self, role: RoleState, looking: Looking, now: float) -> None:
        """Condemn members that did not become healthy in time; the primary is only told of."""
        for member in role.members.values():
            track = role.track(member.name)
            if track.told_late:
                continue
            why = hooking.overdue(role, member, now)
            if track.overdue(role.rules, now):
                why = (
                    f"not healthy within start_timeout of {role.rules.start_timeout:g} s: "
                    f"{track.probe_detail or 'no answer'}"
                )
            if not why:
                continue
            track.told_late = True
            track.condemned = not member.protected and member.name != role.primary
            if track.condemned:
                track.step_done()  # its stop does not wait until the hook would be tried again
            looking.start_failed(role, member, why, now)

    @staticmethod
    def _note_leaving(role: RoleState, plan: RolePlan) -> None:
        """Keep the list of runs being taken down: once begun, until stopped or wanted again."""
        going = {s.member for s in plan.steps if s.kind in _TAKING_DOWN}
        going |= {name for name, t in role.tracks.items() if t.busy in _TAKING_DOWN}
        going |= role.leaving.keys()
        wanted = {name for name in plan.chosen if not role.track(name).condemned}
        going -= wanted
        for track in map(role.track, wanted):
            if track.busy is not StepKind.STOP:
                track.stopped_by_us = False  # a stop that failed is not what ends it from now on
        role.leaving = {
            name: role.members[name].run
            for name in sorted(going)
            if name in role.members and role.members[name].running
        }

    def store(self, role: RoleState) -> None:
        """Put the role's memory on its way to disk if it changed."""
        known = frozenset(role.known)
        found = (role.memory, dict(role.leaving), dict(role.owing), dict(role.let_go), known)
        if role.stored == found:
            return
        role.stored = found
        clock = self._journal.clock
        record = schema.RoleRecord(
            role.memory,
            role.leaving,
            known,
            clock.wall().timestamp(),
            clock.monotonic(),
            self._boot_id,
            dict(role.owing),
            dict(role.let_go),
            role.last_change,
        )
        self._history.write([schema.role_state(role.name, record)])

    def next_at(self, now: float) -> float | None:
        """Return when something here changes by time alone, None if nothing will."""
        times: list[float] = []
        for role in self._state.roles.values():
            awaited = role.hands.next_at()
            if awaited is not None:
                times.append(awaited)
            for track in role.tracks.values():
                changes = [track.retry_at, track.quarantined_until, track.stop_refused_until]
                if track.hook_trouble is not None:
                    changes.append(track.up_since + role.rules.start_timeout)
                if track.quarantined(now) and track.ready:
                    changes.append(track.steady_at(role.hands.settle))
                times += [t for t in changes if t > now]
                if track.coming_up(role.rules, now):
                    times.append(track.up_since + role.rules.start_timeout)
        return min(times, default=None)
