"""Makes the state of a role from its settings and from what was stored before a restart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from autoscaler.clock import Clock
from autoscaler.daemon.hands import Hands
from autoscaler.daemon.scheduling import follow
from autoscaler.daemon.schema import RoleRecord
from autoscaler.daemon.state import RoleState
from autoscaler.daemon.tracking import TrackRules
from autoscaler.model import Memory
from autoscaler.policy.memory import restored
from autoscaler.settings import RoleSettings, Settings

PLAUSIBLE_SECONDS = 3600.0
"""Memory from another boot counts only if the wall clock says it is younger than this."""


@dataclass(frozen=True, slots=True)
class Now:
    """One moment on both clocks and the boot that the monotonic one belongs to."""

    monotonic: float
    wall: float
    boot_id: str

    @classmethod
    def of(cls, clock: Clock, boot_id: str) -> Now:
        """Read the clocks."""
        return cls(clock.monotonic(), clock.wall().timestamp(), boot_id)

    @property
    def moment(self) -> datetime:
        """The time of day, aware."""
        return datetime.fromtimestamp(self.wall, UTC)


def make_role(name: str, settings: Settings, record: RoleRecord | None, now: Now) -> RoleState:
    """Return a role as it begins: with its stored memory where that is plausible."""
    role = settings.roles[name]
    policy = role.policy(settings.average_over)
    memory = Memory(desired=policy.minimum) if record is None else _memory(record, now)
    state = RoleState(
        name, role, policy, track_rules(settings, role), Hands(settings.settle), memory
    )
    if record is not None:
        state.leaving = dict(record.leaving)
        state.owing = dict(record.owing)
        state.let_go = dict(record.let_go)
        state.known = set(record.known)
        state.last_change = dict(record.last_change) if record.last_change else None
    follow(state, settings, now.moment)
    return state


def change_role(state: RoleState, settings: Settings, now: Now) -> None:
    """Apply changed settings to a role; its memory, members and records stay."""
    state.settings = settings.roles[state.name]
    state.policy = state.settings.policy(settings.average_over)
    state.rules = track_rules(settings, state.settings)
    state.hands.settle = settings.settle
    state.forecast = None
    follow(state, settings, now.moment)


def track_rules(settings: Settings, role: RoleSettings) -> TrackRules:
    """Return the settings that judge a member of the role."""
    return TrackRules(
        role.start_timeout, role.health_failures, settings.quarantine, settings.quarantine_max
    )


def _memory(record: RoleRecord, now: Now) -> Memory:
    """Return stored memory on this boot's monotonic clock.

    Within one boot the clock goes on; across boots the wall clock tells how long ago it was. If
    that is implausible only the count is kept.
    """
    memory = record.memory
    if record.boot_id == now.boot_id and now.boot_id and record.stamp_monotonic <= now.monotonic:
        return restored(memory, now.monotonic)
    ago = now.wall - record.stamp_wall
    if not 0 <= ago <= PLAUSIBLE_SECONDS:
        return Memory(desired=memory.desired)
    shift = now.monotonic - ago - record.stamp_monotonic
    moved = replace(
        memory,
        recommendations=tuple((t + shift, n) for t, n in memory.recommendations),
        up_events=tuple((t + shift, n) for t, n in memory.up_events),
        down_events=tuple((t + shift, n) for t, n in memory.down_events),
        recorded_at=None if memory.recorded_at is None else memory.recorded_at + shift,
    )
    return restored(moved, now.monotonic)
