"""Timing two ways of the same work by turns, so that what disturbs one disturbs the other."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.bench.rows import Limit, Row, spread


@dataclass(frozen=True)
class Pair:
    """Seconds that ours and the floor took, in the order they ran."""

    ours: list[float]
    floor: list[float]

    def row(self, key: str, work: str, limit: float) -> Row:
        """Return the row of both medians in milliseconds."""
        detail: dict[str, Any] = {
            "ours_ms": [round(1000 * s, 4) for s in self.ours],
            "floor_ms": [round(1000 * s, 4) for s in self.floor],
            "ours_spread": spread(self.ours),
            "floor_spread": spread(self.floor),
        }
        ours, floor = statistics.median(self.ours), statistics.median(self.floor)
        return Row(key, work, "ms", 1000 * ours, 1000 * floor, Limit(limit, "ratio"), detail=detail)


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def by_turns(
    ours: Callable[[], object],
    floor: Callable[[], object],
    rounds: int,
    before: Callable[[], object] = lambda: None,
) -> Pair:
    """Run both once to warm up, then `rounds` times by turns; `before` each round, untimed."""
    ours()
    floor()
    pair = Pair([], [])
    for _ in range(rounds):
        before()
        pair.ours.append(seconds(ours))
        pair.floor.append(seconds(floor))
    return pair
