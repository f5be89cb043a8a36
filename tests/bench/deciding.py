"""What one decision costs."""

from __future__ import annotations

import statistics
import time

from autoscaler.model import MemberLoad, Memory
from autoscaler.policy.decide import decide
from autoscaler.settings.role import BUILT_IN_ROLES, RoleSettings
from tests.bench.rows import Limit, Row, spread

INTERVAL = 5.0
BATCH, BATCHES = 500, 61
CASES = {"within the band": 55.0, "low, held by the window": 5.0}


def measure(wanted: frozenset[str]) -> list[Row]:
    """Measure a decision in its two everyday cases; the dearer one counts."""
    del wanted
    cases = {name: _case(cpu) for name, cpu in CASES.items()}
    name = max(cases, key=lambda n: statistics.median(cases[n]))
    return [
        Row(
            "decide_us",
            "one decision: 3 members, 300 s of memory at 5 s",
            "us",
            statistics.median(cases[name]),
            limit=Limit(25.0, "figure"),
            detail={"case": name, "cases": {n: spread(values) for n, values in cases.items()}},
        )
    ]


def _case(cpu: float) -> list[float]:
    """Return microseconds per decision of every batch; the memory goes from one to the next."""
    policy = RoleSettings.model_validate(BUILT_IN_ROLES["validator"]).policy(15.0)
    now = 300.0
    memory = Memory(3, tuple((at * INTERVAL, 3) for at in range(61)), recorded_at=now)
    held = memory
    loads = tuple(MemberLoad(f"validator-{n}", cpu) for n in range(1, 4))
    values: list[float] = []
    for _ in range(BATCHES):
        began = time.perf_counter()
        for _ in range(BATCH):
            _, held = decide(policy, memory, loads, now + INTERVAL)
        values.append((time.perf_counter() - began) / BATCH * 1e6)
    assert held.desired == memory.desired
    assert len(held.recommendations) >= 60
    return values
