"""Tells what somebody else did to members from what merely happened to them.

A member that stopped without our doing crashed, was stopped by a person, or is in the middle of
`compose up` or an engine restart; the last three look alike. Only a stop that stays, with the same
container still there, is taken for somebody's wish. Reads no clock: `now` is monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from autoscaler.model import Member

STOP_EVENT_SECONDS = 1.0
"""How long after a death its `stop` event may follow before it counts as a crash."""


class Verdict(Enum):
    """What a stop by somebody else turned out to be."""

    ACCEPTED = auto()
    REPAIRED = auto()
    REPLACED = auto()


@dataclass(slots=True)
class _Down:
    container_id: str
    since: float
    told: bool
    stop_seen: bool = False


class Hands:
    """Watches members that went down without our doing until it is clear what to make of it."""

    def __init__(self, settle: float) -> None:
        self.settle = settle
        self._down: dict[str, _Down] = {}
        self._changed: float = 0.0

    def went_down(self, member: Member, now: float, *, told: bool) -> None:
        """Note that a member that ran was seen stopped, not by us; `told`: by an event."""
        self._changed = now
        self._down.setdefault(member.name, _Down(member.container_id, now, told))

    def came_up(self, member: Member) -> bool:
        """Stop watching a member that runs again; return whether what went before was a crash.

        Only an event with no `stop` after it says so: without events a restart of the engine or
        by hand looks the same.
        """
        down = self._down.pop(member.name, None)
        if down is None or down.container_id != member.container_id:
            return False
        return down.told and not down.stop_seen

    def stop_event(self, name: str, container_id: str, now: float) -> None:
        """Note the engine's `stop` event; it follows the death that `went_down` told of."""
        down = self._down.get(name)
        if down is not None and down.container_id == container_id:
            self._changed = now
            down.stop_seen = True

    def changed(self, now: float) -> None:
        """Note any other change among the members: the situation has not settled."""
        self._changed = now

    def forget(self, name: str) -> None:
        """Stop watching a member whose case is clear."""
        self._down.pop(name, None)

    def disconnected(self) -> None:
        """Give up on all: events were missed, so every stop is repaired."""
        self._down.clear()

    def awaits(self, name: str) -> bool:
        """Tell whether a member's stop is still being watched."""
        return name in self._down

    def next_at(self) -> float | None:
        """Return when the next verdict can be due, None if nothing is watched."""
        return min((self._due(d) for d in self._down.values()), default=None)

    def verdicts(self, members: dict[str, Member], now: float) -> dict[str, Verdict]:
        """Return the members whose case is clear, by name, and stop watching them."""
        clear: dict[str, Verdict] = {}
        for name, down in list(self._down.items()):
            member = members.get(name)
            if member is not None and member.running:
                self.forget(name)
            elif member is None or member.container_id != down.container_id:
                clear[name] = Verdict.REPLACED
            elif now >= self._due(down):
                clear[name] = Verdict.ACCEPTED if down.stop_seen else Verdict.REPAIRED
        for name in clear:
            self.forget(name)
        return clear

    def _due(self, down: _Down) -> float:
        if not down.stop_seen:
            return down.since + STOP_EVENT_SECONDS
        return max(down.since, self._changed) + self.settle
