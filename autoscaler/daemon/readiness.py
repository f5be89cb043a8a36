"""Decides when which member is probed and takes in what the probes said."""

from __future__ import annotations

from dataclasses import replace

from autoscaler.actuation.addresses import Problem, address_of
from autoscaler.actuation.health import ProbeResult, leaves_open
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.ports import Parts
from autoscaler.daemon.state import RoleState, State
from autoscaler.daemon.tracking import Track
from autoscaler.daemon.worker import Effect, Pool
from autoscaler.errors import AutoscalerError
from autoscaler.model import Health, Member

EAGER_SECONDS = 0.1
"""Time between probes of a member that has just started."""

EAGER_FOR_SECONDS = 15.0
"""How long after its start a member is probed eagerly; then once a second."""

TOGETHER = 0.02
"""Part of `health_interval` by which a routine probe may come early.

So probes that are due at nearly the same time are begun together, and wake the daemon once.
"""

PATIENT_SECONDS = 1.0
"""Time between probes of a member that is long in coming, or failed its last one."""


class Readiness:
    """Keeps `ready` of every running member true."""

    def __init__(self, state: State, journal: Journal, pool: Pool) -> None:
        self._state = state
        self._journal = journal
        self._pool = pool

    def update(self, parts: Parts, now: float) -> None:
        """Judge all members by their own checks and begin the probes that are due."""
        for role in self._state.roles.values():
            for member in role.members.values():
                self._update_member(parts, role, member, now)

    def _update_member(self, parts: Parts, role: RoleState, member: Member, now: float) -> None:
        track = role.track(member.name)
        if not track.running:
            return
        place = where(member)
        if isinstance(place, Problem):
            self._unreachable(role, member, place, now)
        elif not needs_probe(role, member):
            self._judge(role, member, None, now)
        elif not track.probing and now >= track.next_probe - _earlier(role, track):
            self._probe(parts, role, member, place)

    def _unreachable(self, role: RoleState, member: Member, problem: Problem, now: float) -> None:
        """Count a member without any address as one that does not answer.

        It may be cut off its network; what its own check says of it then helps nobody.
        """
        track = role.track(member.name)
        if track.probing or now < track.next_probe:
            return
        unseen = replace(member, health=Health.NONE)
        self._judge(role, unseen, ProbeResult(ok=False, detail=problem.text), now)
        track.next_probe = now + PATIENT_SECONDS

    def _probe(self, parts: Parts, role: RoleState, member: Member, place: tuple[str, int]) -> None:
        role.track(member.name).probing = True
        address, port = place
        path, timeout = role.settings.health_path, role.settings.health_timeout
        run = member.run

        def failed(error: AutoscalerError) -> Effect | None:
            return probed(ProbeResult(ok=False, detail=str(error)))

        def probed(result: ProbeResult) -> Effect | None:
            return self._probed(role.name, member.name, run, result)

        self._pool.submit(
            f"probe {member.name}",
            lambda: parts.probe(address, port, path, timeout),
            probed,
            failed,
        )

    def _probed(
        self, role_name: str, name: str, run: tuple[str, str], result: ProbeResult
    ) -> Effect | None:
        """Take in an answer; that a ready member is well is nothing new."""
        role = self._state.roles.get(role_name)
        if role is None or name not in role.tracks:
            return None
        track = role.tracks[name]
        track.probing = False
        member = role.members.get(name)
        if member is None or member.run != run or not track.running:
            return None
        now = self._journal.clock.monotonic()
        was_well = track.ready and track.probe_failures == 0
        if not self._is_load(role, member, result):
            self._judge(role, member, result, now)
        track.next_probe = now + self._pause(role, track, result, now)
        return Effect.NOTHING_NEW if was_well and result.ok and track.ready else None

    def _is_load(self, role: RoleState, member: Member, result: ProbeResult) -> bool:
        """Tell whether a late answer of a serving member comes from load rather than death.

        An overloaded member answers late; taking it out would push its load on the others and
        turn an overload into an outage. A hung one uses no CPU.
        """
        track, reading = role.track(member.name), role.readings.get(member.name)
        cpu = reading.cpu_percent if reading is not None else None
        if not (result.slow and track.ready and cpu is not None and cpu > role.policy.cpu_high):
            return False
        if not track.told_slow:
            track.told_slow = True
            self._journal.warning(
                "member.slow",
                role=role.name,
                member=member.name,
                reason=f"{result.detail}, but its CPU is busy: overloaded, not dead",
                cpu_percent=round(cpu, 1),
                cpu_high=role.policy.cpu_high,
            )
        return True

    @staticmethod
    def _pause(role: RoleState, track: Track, result: ProbeResult, now: float) -> float:
        if result.ok:
            return role.settings.health_interval
        if not track.was_ready and now - track.up_since < EAGER_FOR_SECONDS:
            return EAGER_SECONDS
        return PATIENT_SECONDS

    def _judge(
        self, role: RoleState, member: Member, probe: ProbeResult | None, now: float
    ) -> None:
        track = role.track(member.name)
        before, first = track.ready, not track.was_ready and track.our_run == member.run
        why = track.judge(member.health, probe, role.settings.health_path, role.rules, now)
        if track.ready and not before:
            track.condemned = False
            self._journal.info(
                "member.healthy",
                role=role.name,
                member=member.name,
                reason=why,
                seconds_since_start=round(now - track.up_since, 3) if first else None,
            )
        elif before and not track.ready:
            self._turned_unhealthy(role, member, why, now)

    def _turned_unhealthy(self, role: RoleState, member: Member, why: str, now: float) -> None:
        seconds = role.track(member.name).failed_after_ready(role.rules, now)
        self._journal.warning(
            "member.unhealthy",
            role=role.name,
            member=member.name,
            reason=why,
            quarantine_seconds=seconds,
            hint=f"docker logs {member.name}",
        )

    def next_at(self) -> float | None:
        """Return when the next probe is due, None if there is none to wait for."""
        due = [
            track.next_probe
            for role in self._state.roles.values()
            for name, member in role.members.items()
            if (track := role.track(name)).running
            and not track.probing
            and (needs_probe(role, member) or isinstance(where(member), Problem))
        ]
        return min(due, default=None)


def where(member: Member) -> tuple[str, int] | Problem:
    """Return where this host reaches a member, or why nobody can."""
    return address_of(member, "container", None, frozenset())


def _earlier(role: RoleState, track: Track) -> float:
    """Return by how many seconds the member's next probe may come early."""
    return TOGETHER * role.settings.health_interval if track.ready else 0.0


def needs_probe(role: RoleState, member: Member) -> bool:
    """Tell whether the container's own check leaves anything to ask."""
    return leaves_open(member.health, role.settings.health_path)
