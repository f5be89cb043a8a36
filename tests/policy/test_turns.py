"""How often a count changes its direction within an hour, and when that is told."""

from __future__ import annotations

import pytest

from autoscaler.model import Decision, Reason
from autoscaler.policy.turns import FLAPPING_TURNS, HOUR_SECONDS, Turns, follow

UP, DOWN = Reason.SCALE_UP, Reason.SCALE_DOWN


def played(*story: tuple[float, int, Reason]) -> tuple[Turns, list[float]]:
    """Take in changes as (seconds, members, reason); return what is known and when it was told."""
    turns, told = Turns(), []
    for at, change, reason in story:
        decision = Decision(reason, 5, 5 + change, 5 + change, 50.0, 50.0, 70.0, 40.0)
        turns, tell = follow(turns, decision, at)
        if tell:
            told.append(at)
    return turns, told


def flapping(count: int, every: float = 300.0) -> list[tuple[float, int, Reason]]:
    """Return so many changes, up and down by turns."""
    return [(n * every, 1 if n % 2 == 0 else -1, DOWN if n % 2 else UP) for n in range(count)]


@pytest.mark.parametrize(
    ("changes", "turns", "ups", "downs"),
    [
        ([], 0, 0, 0),
        ([1], 0, 1, 0),
        ([1, 2], 0, 2, 0),
        ([1, -1], 1, 1, 1),
        ([1, 1, -1, -1], 1, 2, 2),
        ([1, -1, 1], 2, 2, 1),
        ([2, -1, -1, 2], 2, 2, 2),
    ],
)
def test_a_turn_is_a_change_against_the_one_before(
    changes: list[int], turns: int, ups: int, downs: int
) -> None:
    """Two changes in the same direction are none."""
    story = [(60.0 * n, c, UP if c > 0 else DOWN) for n, c in enumerate(changes)]
    found, _ = played(*story)
    assert (found.count, found.ups, found.downs) == (turns, ups, downs)


def test_only_changes_of_the_last_hour_count() -> None:
    """One that is an hour old does not any more."""
    _, last, *_ = flapping(2)
    stay = (0, Reason.WITHIN_BAND)
    assert played(*flapping(2), (HOUR_SECONDS - 1.0, *stay))[0].count == 1
    assert played(*flapping(2), (HOUR_SECONDS, *stay))[0].count == 0
    assert played(*flapping(2), (HOUR_SECONDS, *stay))[0].changes == ((last[0], last[1]),)


@pytest.mark.parametrize("reason", [Reason.PINNED, Reason.BELOW_MIN, Reason.ABOVE_MAX])
def test_what_people_and_schedules_set_is_no_turn(reason: Reason) -> None:
    """They mean it."""
    assert played(*((at, change, reason) for at, change, _ in flapping(10)))[0] == Turns()


def test_a_change_cut_by_a_rate_limit_counts_too() -> None:
    """It is a change by load as well."""
    found, _ = played((0.0, 1, Reason.SCALE_UP_LIMITED), (60.0, -1, Reason.SCALE_DOWN_LIMITED))
    assert found.count == 1


def test_a_change_that_a_rate_limit_forbids_altogether_is_none() -> None:
    """The reason is the same at every tick while the limit holds."""
    assert played((0.0, 0, Reason.SCALE_UP_LIMITED), (5.0, 0, Reason.SCALE_DOWN_LIMITED)) == (
        Turns(),
        [],
    )


def test_flapping_is_told_at_the_fourth_turn_and_once_an_hour() -> None:
    """A change every 5 minutes for three hours."""
    _, told = played(*flapping(36))
    assert told == [
        FLAPPING_TURNS * 300.0,
        FLAPPING_TURNS * 300.0 + HOUR_SECONDS,
        FLAPPING_TURNS * 300.0 + 2 * HOUR_SECONDS,
    ]


def test_three_turns_an_hour_are_not_told() -> None:
    """A load that comes and goes every half hour."""
    assert played(*flapping(40, every=1000.0))[1] == []
