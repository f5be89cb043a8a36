"""Counts how often a role's count changes its direction within an hour. Pure.

Counted are changes that load brought about: what people and schedules set is meant to be so.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from autoscaler.model import Decision, Reason

HOUR_SECONDS = 3600.0
"""Changes older than this do not count, and so long it is not told again."""

FLAPPING_TURNS = 4
"""So many turns within an hour are told: up, down, up, down, up. With the default grace of five
minutes a load that comes and goes twice an hour makes three."""

_BY_LOAD = frozenset(
    {
        Reason.SCALE_UP,
        Reason.SCALE_UP_LIMITED,
        Reason.SCALE_DOWN,
        Reason.SCALE_DOWN_LIMITED,
    }
)


@dataclass(frozen=True, slots=True)
class Turns:
    """The changes by load within the last hour as (monotonic seconds, members), oldest first.

    Members are negative for shrinking. `told_at` is when flapping was last told.
    """

    changes: tuple[tuple[float, int], ...] = ()
    told_at: float | None = None

    @property
    def count(self) -> int:
        """How often the direction changed."""
        signs = [change > 0 for _, change in self.changes]
        return sum(one is not other for one, other in pairwise(signs))

    @property
    def ups(self) -> int:
        """How many of the changes were growth."""
        return sum(change > 0 for _, change in self.changes)

    @property
    def downs(self) -> int:
        """How many of the changes were shrinking."""
        return len(self.changes) - self.ups


def follow(turns: Turns, decision: Decision, now: float) -> tuple[Turns, bool]:
    """Take in a decision; return whether flapping is to be told now (at most once an hour)."""
    changes = tuple(one for one in turns.changes if now - one[0] < HOUR_SECONDS)
    change = decision.desired - decision.desired_before
    if change != 0 and decision.reason in _BY_LOAD:
        changes = (*changes, (now, change))
    found = Turns(changes, turns.told_at)
    recent = turns.told_at is not None and now - turns.told_at < HOUR_SECONDS
    if found.count < FLAPPING_TURNS or recent:
        return found, False
    return Turns(changes, now), True
