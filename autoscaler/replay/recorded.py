"""What was recorded of a role at one round, and how its load would lie on another count. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from autoscaler.daemon.rounds import Given
from autoscaler.model import MemberLoad, Overrides

FULL_PERCENT = 100.0
"""More than all it may use a member cannot show: what it could not do is not in its reading."""

NOBODY = Overrides()
"""No operator interferes."""


class Round(NamedTuple):
    """One round of a role, as the rules were given it.

    `wall` is Unix seconds; `at` are seconds of a clock that only goes forward. `loads` are those of
    the `desired` members that were meant to run. `containers` is how many the role had, None where
    that is not known.
    """

    role: str
    wall: float
    at: float
    loads: tuple[MemberLoad, ...]
    desired: int
    containers: int | None = None
    protected: int = 0
    overrides: Overrides = NOBODY
    given: Given | None = None


def spread(loads: Sequence[MemberLoad], count: int) -> tuple[MemberLoad, ...]:
    """Return what `count` members would have shown under the recorded load.

    The load is the sum of the readings of the ready members; a ready one without a reading counts
    as the average of the others. It lies evenly on the members, up to 100 % each, and at once: a
    member started by the replayed rules takes its share from the next round on. Without any
    reading there is none for another count either.
    """
    total, usable, ready = 0.0, 0, 0
    for load in loads:
        if load.ready:
            ready += 1
            cpu = load.cpu_percent
            if cpu is not None and 0.0 <= cpu < inf:
                total += cpu
                usable += 1
    if usable == 0:
        return ()
    mean = min(FULL_PERCENT, total * ready / usable / count)
    return (MemberLoad("", mean),) * count
