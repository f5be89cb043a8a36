"""One short soak on the real engine, so that `make soak` keeps working."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.plan import make_plan
from tests.soak.run import Run

pytestmark = pytest.mark.engine

SEED = 1
SECONDS = 35.0


def test_a_short_soak_breaks_no_rule(tmp_path: Path) -> None:
    """Half a minute of load and faults: every invariant holds, and something did happen."""
    run = Run(make_plan(SEED, SECONDS), tmp_path, print)
    result = run.play()
    assert result.broken == []
    assert result.faults.total() >= 3
    assert result.figures["requests"] > 500
    assert result.figures["looks"] > 50
