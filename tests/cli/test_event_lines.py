"""How `autoscaler events` puts an event into a line."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.cli.events import line
from autoscaler.daemon.reading_history import StoredEvent


@pytest.mark.parametrize(
    ("before", "after", "words"), [(1, 2, "1 -> 2, scale_up"), (2, 2, "stays at 2, scale_up")]
)
def test_a_decision_says_what_changed_or_that_nothing_did(
    before: int, after: int, words: str
) -> None:
    """Then why, and at which mean."""
    fields: dict[str, Any] = {"role": "v", "desired_before": before, "desired": after}
    one = StoredEvent(1, 0.0, "scale.decided", {**fields, "reason": "scale_up", "mean": 71.23})
    assert line(one, as_json=False).endswith(
        f"scale.decided            v                {words}, mean 71.2 %"
    )
