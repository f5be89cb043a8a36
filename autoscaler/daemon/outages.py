"""Tells when a role has no member left that gets requests, why, and when that is over."""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.daemon.journal import Journal
from autoscaler.daemon.state import RoleState, State
from autoscaler.model import ContainerState, Member, StepKind

DOWN_SECONDS = 2.0
"""How long a role must be without a member before that is told: longer than a reload takes."""


@dataclass(slots=True)
class _Outage:
    """A role that is down since `began` (monotonic seconds), by the clock of the log `since`."""

    began: float
    since: str
    told: bool = False


class Outages:
    """Compares what NGINX provably serves with what it should serve, role by role.

    Nothing is known before the first publish was proven. A role that has not served yet may take
    `start_timeout` for that while a member of it comes up; one that never had a container is not
    down but not set up.
    """

    def __init__(self, state: State, journal: Journal) -> None:
        self._state = state
        self._journal = journal
        self._served: set[str] = set()
        self._down: dict[str, _Outage] = {}

    def update(self, now: float) -> None:
        """Tell which roles have been down for long enough, and which are no longer; each once."""
        publication = self._state.publication
        if not publication.known:
            return
        serving = {e.role for e in publication.wanted & publication.proven_endpoints}
        roles = self._state.roles
        self._served = (self._served | serving) & roles.keys()
        for name in [name for name in self._down if name not in roles or name in serving]:
            self._over(name, self._down.pop(name), now)
        for role in roles.values():
            if role.name in serving or not role.known:
                continue
            outage = self._down.setdefault(role.name, _Outage(now, self._journal.now_text()))
            if not outage.told and now >= self._due_at(role, outage, now):
                self._tell(role, outage, now)

    def next_at(self, now: float) -> float | None:
        """Return when an outage is to be told if nothing else happens, None without one."""
        roles = self._state.roles
        due = [
            self._due_at(roles[name], outage, now)
            for name, outage in self._down.items()
            if not outage.told and name in roles
        ]
        return min(due, default=None)

    def _due_at(self, role: RoleState, outage: _Outage, now: float) -> float:
        first = role.name not in self._served
        wait = role.rules.start_timeout if first and _comes_up(role, now) else 0.0
        return outage.began + max(wait, DOWN_SECONDS)

    def _tell(self, role: RoleState, outage: _Outage, now: float) -> None:
        outage.told = True
        error = self._state.publication.error
        why = [f"{m.name} {_why(role, m, now)}" for m in role.ordered]
        why += [f"{name} has no container" for name in sorted(role.missing)]
        self._journal.error(
            "role.unavailable",
            role=role.name,
            reason=f"no member gets requests: {'; '.join(why) or 'it has no container'}",
            since=outage.since,
            seconds=round(now - outage.began, 1),
            consequence=f"NGINX could not be told and may ask members that cannot answer: {error}"
            if error
            else "NGINX answers 503 for it",
            hint=f"autoscaler status; docker logs {role.primary}"
            if role.primary
            else "docker compose create makes containers again",
        )

    def _over(self, name: str, outage: _Outage, now: float) -> None:
        """Tell the end of an outage that was told; a role that was removed has none."""
        role = self._state.roles.get(name)
        if role is None or not outage.told:
            return
        self._journal.info(
            "role.recovered",
            role=name,
            reason=f"{', '.join(role.serve)} gets requests",
            since=outage.since,
            seconds=round(now - outage.began, 1),
        )


def _comes_up(role: RoleState, now: float) -> bool:
    """Tell whether a member is being started, or has time left to become ready."""
    return any(
        track.busy is StepKind.START or track.ready or track.coming_up(role.rules, now)
        for track in map(role.track, role.members)
    ) or any(step.kind is StepKind.START for step in role.steps)


def _why(role: RoleState, member: Member, now: float) -> str:
    """Say in words why a member gets no requests."""
    track = role.track(member.name)
    left = track.quarantined_until - now
    aside = f" (set aside for {left:.0f} s more)" if track.quarantined(now) else ""
    if not member.running:
        return f"{_stopped(member)}{aside}"
    if not track.ready:
        return f"cannot answer: {track.probe_detail or 'it was not asked yet'}{aside}"
    if member.name in role.unaddressed:
        return f"has no address: {role.unaddressed[member.name]}"
    if role.owes_hook(member.name):
        return "is healthy, its hook after healthy is still to come"
    return f"is healthy, but not in NGINX yet{aside}"


def _stopped(member: Member) -> str:
    if member.state is ContainerState.CREATED:
        return "was not started"
    if member.state is not ContainerState.EXITED:
        return f"is {member.state.value}"
    if member.oom_killed:
        return "ran out of memory"
    code = member.exit_code
    return "does not run" if code is None else f"does not run, it ended with exit code {code}"
