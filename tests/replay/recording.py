"""Records a role the way the daemon does, with the real rules, and keeps what they decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from autoscaler.daemon import rounds
from autoscaler.daemon.database import open_history
from autoscaler.model import Decision, MemberLoad, Memory, Overrides, Reading, RolePolicy
from autoscaler.policy.decide import adopt, decide, within_reach
from autoscaler.policy.schedule import Timetable
from autoscaler.replay.from_history import history
from autoscaler.replay.player import Player
from autoscaler.replay.source import Span

WALL = 1_800_000_000.0
"""Unix seconds when the clock of the rules shows 0."""


class Recorder:
    """One role of a daemon, reduced to its rounds; its history is a real file."""

    def __init__(self, path: Path, policy: RolePolicy, role: str = "validator") -> None:
        self.path = path
        self.policy = policy
        self.role = role
        self.memory = Memory(desired=1)
        self.left: Memory | None = None
        self.found: int | None = None
        self.containers = 3
        self.timetable: Timetable | None = None
        self.overrides = Overrides()
        self.decisions: list[Decision] = []
        self.wall_ahead = WALL
        self._database = open_history(path)

    def tick(self, at: float, *cpus: float | None, ready: Sequence[int] | None = None) -> Decision:
        """Record a round with these percents, and decide; of `ready` members by place (all)."""
        names = [f"v{number}" for number in range(1, len(cpus) + 1)]
        loads = [
            MemberLoad(name, cpu, ready is None or place in ready)
            for place, (name, cpu) in enumerate(zip(names, cpus, strict=True))
        ]
        readings = [Reading(name, cpu) for name, cpu in zip(names, cpus, strict=True)]
        around = rounds.Surroundings(
            at, self.memory, self.left, self.containers, 0, self.overrides, self.found
        )
        wall = self.wall_ahead + at
        with self._database:
            for statement in rounds.statements(self.role, wall, readings, loads, around):
                self._database.execute(*statement)
        policy = within_reach(self._bounded(wall), self.memory.desired, self.containers)
        decision, self.memory = decide(policy, self.memory, loads, at, self.overrides)
        self.left = self.memory
        self.decisions.append(decision)
        return decision

    def _bounded(self, wall: float) -> RolePolicy:
        """Return the rules with the bounds in force at a time, if there is a schedule."""
        if self.timetable is None:
            return self.policy
        bounds = self.timetable.phase(datetime.fromtimestamp(wall, UTC)).bounds
        return replace(self.policy, minimum=bounds.minimum, maximum=bounds.maximum)

    def steady(self, begin: int, end: int, total: float) -> None:
        """Record rounds every 5 s in which `total` percent lie evenly on all members."""
        for at in range(begin, end, 5):
            count = self.memory.desired
            self.tick(float(at), *[min(100.0, total / count)] * count)

    def by_hand(self, count: int, at: float) -> None:
        """Let somebody set the count."""
        self.memory = adopt(self.memory, count, at)

    def restart(self, running: int | None = None, ahead: float = 0.0) -> None:
        """Begin anew from what is stored; `ahead` moves the rules' clock, as another boot does."""
        self.left = None
        self.found = None
        self.memory = replace(self.memory, recommendations=self.memory.recommendations)
        if running is not None and running > self.memory.desired:
            self.memory = replace(self.memory, desired=running)
            self.found = running
        self.wall_ahead += ahead


def replayed(
    path: Path, policy: RolePolicy, role: str = "validator", timetable: Timetable | None = None
) -> list[Decision]:
    """Return what these rules decide on a recording."""
    player = Player(policy, policy.cpu_high, timetable)
    return [player.play(one) for one in history(path, Span((role,))).rounds()]
