"""Takes in what the engine shows: new runs, deaths, changes by hand, vanished members.

Everything here happens in the controller thread and only changes state; what follows from it is
the reconciler's business.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from autoscaler.daemon import hooking, renaming
from autoscaler.daemon.adopting import Adopting
from autoscaler.daemon.hands import Verdict
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.state import RoleState, State
from autoscaler.events import EngineEvent, EventKind
from autoscaler.model import (
    ContainerState,
    Health,
    Member,
    StepKind,
)

_EXIT_CODE = re.compile(r"exit code (-?\d+)")
_KILLED = 137  # 128 and SIGKILL
_HEALTH = {
    EventKind.HEALTHY: Health.HEALTHY,
    EventKind.UNHEALTHY: Health.UNHEALTHY,
    EventKind.HEALTH_STARTING: Health.STARTING,
}


class Looking:
    """Keeps the state's picture of the members in step with the engine."""

    def __init__(self, state: State, journal: Journal) -> None:
        self._state = state
        self._journal = journal
        self._adopting = Adopting(journal)

    def take_in(self, members: Sequence[Member], began: float, now: float) -> None:
        """Take in a full look that began at `began` (monotonic seconds)."""
        by_role: dict[str, dict[str, Member]] = {name: {} for name in self._state.roles}
        for member in members:
            if member.role in by_role:
                by_role[member.role][member.name] = member
        for role in self._state.roles.values():
            self._take_in_role(role, by_role[role.name], began, now)
            if not role.counted and not role.strangers:
                role.counted = True
                self._adopting.at_start(role)
        self._state.looked_at = now
        self.settle(now)

    def settle(self, now: float) -> None:
        """Act on members stopped by others whose case has become clear."""
        for role in self._state.roles.values():
            self._judge_hands(role, now)

    def _take_in_role(
        self, role: RoleState, members: dict[str, Member], began: float, now: float
    ) -> None:
        renaming.follow(role, members, now, self._journal)
        before = role.members
        role.members = members
        if before.keys() != members.keys():
            role.hands.changed(now)
        outside = {e.member for e in role.strangers}
        for name in before.keys() - members.keys():
            if name in outside:
                role.hands.forget(name)
            elif before[name].running:
                self._went_down(role, before[name], now)
            role.tracks.pop(name, None)
            role.leaving.pop(name, None)
        for name, found in list(members.items()):
            track = role.track(name)
            if track.died_at > began and name in before:
                # The look began before the death that an event has told since.
                members[name] = before[name]
                continue
            newer = track.health_told_at > began
            member = members[name] = _with_told(before.get(name), found, health=newer)
            if track.busy is not None and track.done_at is not None and began >= track.done_at:
                self._step_seen(role, member, now)
            self._observe(role, before.get(name), member, now)
        self._note_missing(role)

    def _step_seen(self, role: RoleState, member: Member, now: float) -> None:
        """A finished start or stop is now visible: the member is free for its next step."""
        track = role.track(member.name)
        kind, track.busy, track.done_at = track.busy, None, None
        failed, track.step_told = track.step_told, False
        if kind is StepKind.START and not member.running and not failed:
            track.started_by_us = False
            self.start_failed(role, member, _death(member), now)
        if kind is StepKind.STOP and member.exit_code == _KILLED and not failed:
            self._journal.warning(
                "member.killed",
                role=role.name,
                member=member.name,
                reason=f"it did not end within stop_timeout of {role.settings.stop_timeout:g} s",
                hint="no request was left in it; let it end on SIGTERM (a shell before it may keep "
                "the signal: `exec`), or raise STOP_TIMEOUT",
            )

    def _observe(self, role: RoleState, before: Member | None, member: Member, now: float) -> None:
        track = role.track(member.name)
        ran = track.running
        goes_on = track.run == member.run
        if track.observe(member, now):
            # Neither a restart policy nor an unpause asks for more members than before.
            wish = not goes_on and not member.restarts
            if not goes_on:
                hooking.begun(role, member)
            self._came_up(role, member, now, wish=wish)
        elif ran and not track.running:
            self._went_down(role, before or member, now, after=member)
        if before is not None and before.state is not member.state:
            role.hands.changed(now)

    def _came_up(self, role: RoleState, member: Member, now: float, *, wish: bool) -> None:
        """A member runs that did not: ours, the engine's restart policy's, or somebody's.

        `wish`: if it is not ours, then somebody wants it to run.
        """
        track = role.track(member.name)
        if role.hands.came_up(member):
            self._crashed(role, member.name, now)
        if role.leaving.get(member.name) != member.run:
            role.leaving.pop(member.name, None)
        ours = track.started_by_us
        track.started_by_us = False
        track.stopped_by_us = False
        track.our_run = member.run if ours else track.our_run
        if wish and not ours and role.counted and member.name not in role.chosen:
            self._adopting.started(role, member, now)

    def _went_down(
        self, role: RoleState, before: Member, now: float, after: Member | None = None
    ) -> None:
        """A member that ran does not any more."""
        name = before.name
        track = role.track(name)
        leaves = name in role.leaving and not track.stop_refusals
        if track.busy is StepKind.STOP or leaves or track.stopped_by_us:
            track.stopped_by_us = False
            role.leaving.pop(name, None)
            return
        if track.busy is StepKind.DRAIN:
            track.busy, track.done_at = None, None
        member = after or before
        self._journal.warning(
            "member.died",
            role=role.name,
            member=name,
            state=member.state.value if after else "gone",
            exit_code=member.exit_code,
            oom_killed=member.oom_killed,
            reason=_death(member) if after else "its container was removed or renamed",
            hint=_remedy(member) if after else None,
        )
        if member.state is ContainerState.PAUSED:
            return
        never_ready = not track.was_ready and track.our_run == before.run
        if never_ready and not role.hands.awaits(name):
            self.start_failed(role, member, _death(member), now)
        else:
            # An event that tells of a death sets `died_at` at this very moment; a look does not.
            role.hands.went_down(before, now, told=track.died_at == now)

    def start_failed(self, role: RoleState, member: Member, why: str, now: float) -> None:
        """A start did not lead to a healthy member: leave it alone for a while."""
        seconds = role.track(member.name).quarantine(role.rules, now)
        self._journal.warning(
            "member.start_failed",
            role=role.name,
            member=member.name,
            reason=why,
            quarantine_seconds=seconds,
            hint=f"docker logs {member.name}",
        )

    def _judge_hands(self, role: RoleState, now: float) -> None:
        """Act on the members whose stop is now clear."""
        for name, verdict in role.hands.verdicts(role.members, now).items():
            if verdict is Verdict.REPAIRED:
                self._crashed(role, name, now)
            elif verdict is Verdict.ACCEPTED:
                self._adopting.stopped(role, name, now)

    def _crashed(self, role: RoleState, name: str, now: float) -> None:
        track = role.track(name)
        seconds = track.failed_after_ready(role.rules, now)
        if seconds is not None:
            self._journal.warning(
                "member.quarantined",
                role=role.name,
                member=name,
                reason="it failed too often",
                failures=len(track.failures),
                quarantine_seconds=seconds,
                hint=f"docker logs {name}",
            )

    def _note_missing(self, role: RoleState) -> None:
        """Tell which members are gone and which are back.

        Where `max` containers exist nothing lacks: those that are gone were replaced, as by a
        service of another name, and are forgotten. Of a role out of sight nothing is known.
        """
        if role.strangers:
            return
        present = role.members.keys()
        for name in sorted(role.missing & present):
            role.missing.discard(name)
            self._journal.info("member.found", role=role.name, member=name)
        if len(present) >= role.policy.maximum:
            role.missing.clear()
            role.known.intersection_update(present)
        for name in sorted(role.known - present - role.missing):
            role.missing.add(name)
            self._journal.warning(
                "member.missing",
                role=role.name,
                member=name,
                reason="no container has this name any more",
                hint="docker compose create makes it again",
            )
        role.known |= set(present)

    def event(self, event: EngineEvent, now: float) -> bool:
        """Apply an engine event at once; return whether it concerns a member at all.

        Of containers not known by id only those count that bear a member's name: a member made
        anew. Others are found at the next tick, so a busy host costs nothing here.
        """
        found = self._state.by_id(event.container_id)
        if found is None:
            return any(event.name in role.known for role in self._state.roles.values())
        role, member = found
        changed = self._changed_by(event, member)
        if event.kind is EventKind.STOP:
            role.hands.stop_event(member.name, member.container_id, now)
        if changed is not None and changed != member:
            role.members[member.name] = changed
            if not changed.running:
                role.track(member.name).died_at = now
            if event.kind in _HEALTH:
                role.track(member.name).health_told_at = now
            self._observe(role, member, changed, now)
        return True

    @staticmethod
    def _changed_by(event: EngineEvent, member: Member) -> Member | None:
        """Return the member as the event leaves it, None if only a look can tell."""
        if event.kind is EventKind.DIE:
            told = _EXIT_CODE.search(event.detail)
            code = int(told[1]) if told else None
            return replace(member, state=ContainerState.EXITED, pid=0, exit_code=code)
        if event.kind is EventKind.OOM:
            return replace(member, oom_killed=True)
        if event.kind is EventKind.PAUSE:
            return replace(member, state=ContainerState.PAUSED)
        if event.kind in _HEALTH:
            return replace(member, health=_HEALTH[event.kind])
        return None


def _with_told(before: Member | None, member: Member, *, health: bool) -> Member:
    """Keep what events have told of this run and a look does not show, or not yet.

    A lack of memory stands in the engine's own state only after the death; `health` was told after
    the look had begun.
    """
    if before is None or before.run != member.run:
        return member
    if before.oom_killed:
        member = replace(member, oom_killed=True)
    return replace(member, health=before.health) if health else member


def _death(member: Member) -> str:
    """Say in words how a container ended."""
    if member.state is ContainerState.PAUSED:
        return "it was paused"
    if member.oom_killed:
        return "it ran out of memory"
    if member.exit_code is None:
        return "it ended"
    return f"it ended with exit code {member.exit_code}"


def _remedy(member: Member) -> str:
    """Say what to do about a container that ended or was paused."""
    paused = member.state is ContainerState.PAUSED
    return f"docker {'unpause' if paused else 'logs'} {member.name}"
