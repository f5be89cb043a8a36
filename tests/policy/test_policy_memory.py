"""The rules' memory across changes by hand and restarts."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest

from autoscaler.model import Memory
from autoscaler.policy.memory import adopt, restored

NOW = 1000.0
STORED = Memory(
    3,
    recommendations=((900, 2), (990, 3)),
    up_events=((990, 1),),
    down_events=((800, 2),),
    recorded_at=990,
)


def test_an_adopted_count_is_a_recommendation_and_no_event() -> None:
    """The new count is current, recorded now; the rate limits know nothing of it."""
    assert adopt(STORED, 5, NOW) == replace(
        STORED,
        desired=5,
        recommendations=((900, 2), (990, 3), (NOW, 5)),
        recorded_at=NOW,
    )


def test_a_plausible_memory_is_restored_as_it_was() -> None:
    """Old entries are plausible too; windows and periods forget them by themselves."""
    assert restored(STORED, NOW) == STORED


def test_times_before_the_boot_are_plausible() -> None:
    """After a reboot the monotonic clock is young and what happened before is negative."""
    stored = Memory(2, recommendations=((-50, 2),), up_events=((-60, 1),), recorded_at=-50)
    assert restored(stored, 20) == stored


@pytest.mark.parametrize("at", [NOW + 0.001, inf, -inf, nan])
def test_entries_that_cannot_have_happened_are_dropped(at: float) -> None:
    """Future or no time at all; the rest stays, and the current count will be recorded first."""
    stored = replace(
        STORED,
        recommendations=(*STORED.recommendations, (at, 9)),
        up_events=((at, 9), *STORED.up_events),
        down_events=(*STORED.down_events, (at, 9)),
    )
    assert restored(stored, NOW) == replace(STORED, recorded_at=None)


@pytest.mark.parametrize(
    "stored",
    [
        replace(STORED, recommendations=(*STORED.recommendations, (995, -1))),
        replace(STORED, up_events=(*STORED.up_events, (995, 0))),
        replace(STORED, down_events=(*STORED.down_events, (995, -2))),
    ],
)
def test_counts_that_cannot_have_been_are_dropped(stored: Memory) -> None:
    """Fewer than no member recommended, or a change of none: dropped, and the rest mistrusted."""
    assert restored(stored, NOW) == replace(STORED, recorded_at=None)


def test_a_recommendation_of_none_is_plausible() -> None:
    """Idle members ask for 0."""
    stored = Memory(1, recommendations=((990, 0),), recorded_at=990)
    assert restored(stored, NOW) == stored


@pytest.mark.parametrize("recorded_at", [NOW + 1, nan, inf])
def test_a_last_recording_that_cannot_have_been_is_forgotten(recorded_at: float) -> None:
    """The next decision records the current count first."""
    assert restored(replace(STORED, recorded_at=recorded_at), NOW).recorded_at is None


def test_a_last_recording_without_recommendations_is_forgotten() -> None:
    """Nothing backs it: a window would be empty."""
    assert restored(Memory(3, recorded_at=990), NOW).recorded_at is None


def test_a_last_recording_is_not_younger_than_the_last_recommendation() -> None:
    """The gap is measured from what is really there."""
    assert restored(replace(STORED, recorded_at=999), NOW).recorded_at == 990


def test_entries_come_back_in_the_order_they_happened() -> None:
    """Windows rely on it."""
    stored = replace(STORED, recommendations=((990, 3), (900, 2)))
    assert restored(stored, NOW) == STORED


def test_the_desired_count_survives_any_restart() -> None:
    """It is not older than its store."""
    assert restored(replace(STORED, recommendations=((5000, 1),)), NOW).desired == 3
