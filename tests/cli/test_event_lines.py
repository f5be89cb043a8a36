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


@pytest.mark.parametrize(
    ("event", "fields", "words"),
    [
        (
            "override.set",
            {"kind": "pause", "role": "v", "by": "ann", "reason": "test", "direction": "down"},
            "v                test, kind=pause, direction=down, by=ann",
        ),
        (
            "override.ended",
            {
                "kind": "pin",
                "role": "v",
                "by": "ann",
                "reason": "resumed",
                "count": 3,
                "was": "sale",
            },
            "v                resumed, kind=pin, count=3, was=sale, by=ann",
        ),
        (
            "schedule.entered",
            {"role": "v", "window": "night", "min": 1, "max": 2, "until": "06:00"},
            "v                window=night, min=1, max=2, until=06:00",
        ),
        (
            "config.reloaded",
            {"changes": [{"variable": "AUTOSCALER_INTERVAL", "old": "5s", "new": "2s"}]},
            " AUTOSCALER_INTERVAL: 5s -> 2s",
        ),
    ],
)
def test_what_operators_and_schedules_set_is_told_in_full(
    event: str, fields: dict[str, Any], words: str
) -> None:
    """Which direction, which count, which window and bounds; not only that there was something."""
    assert line(StoredEvent(1, 0.0, event, fields), as_json=False).endswith(words)


@pytest.mark.parametrize("reason", ["red \x1b[31m", "title \x9b0m", "two\nlines", "half \ud800"])
def test_words_of_others_reach_the_terminal_as_text(reason: str) -> None:
    """NGINX's output and a freeze file may hold what moves the cursor or begins a line."""
    said = line(StoredEvent(1, 0.0, "nginx.test_failed", {"reason": reason}), as_json=False)
    assert said.endswith(ascii(reason)[1:-1])
    assert said.isprintable()


def test_letters_of_any_language_stay_as_they_are() -> None:
    """An operator's reason is read, not decoded."""
    said = line(StoredEvent(1, 0.0, "override.set", {"reason": "größere Wartung"}), as_json=False)
    assert said.endswith("größere Wartung")
