"""One short soak on the real engine, so that `make soak` keeps working."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.soak.plan import PEAK_BURN_MS, PEAK_RATES, Fault, Kind, Plan, Segment, make_plan
from tests.soak.run import Run

pytestmark = pytest.mark.engine

SEED = 1
SECONDS = 35.0
BUSY = Segment(0.0, {**PEAK_RATES, "slim": 1.0}, PEAK_BURN_MS)
IDLE = Segment(8.0, dict.fromkeys(PEAK_RATES, 3.0), PEAK_BURN_MS)
HOOK_FAILS = Fault(90, 8.0, Kind.HOOK_FAILS, "validator", 0.0, 9.0)


def short_plan() -> Plan:
    """Return a plan in which a role grows, and then may not shrink at first."""
    plan = make_plan(SEED, SECONDS)
    later = tuple(segment for segment in plan.segments if segment.at > SECONDS * 0.7)
    return replace(plan, segments=(BUSY, IDLE, *later), faults=(HOOK_FAILS, *plan.faults))


def test_a_short_soak_breaks_no_rule(tmp_path: Path) -> None:
    """Half a minute of load and faults: every invariant holds, and something did happen."""
    run = Run(short_plan(), tmp_path, print)
    result = run.play()
    assert result.broken == []
    assert result.faults.total() >= 3
    assert result.figures["requests"] > 500
    assert result.figures["looks"] > 50
    assert {"joined", "left", "not left"} <= result.figures["hooks"].keys()
