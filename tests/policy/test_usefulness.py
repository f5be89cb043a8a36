"""Did growing help? The mean once new members are warm, compared with that before."""

from __future__ import annotations

import pytest

from autoscaler.model import Decision, MemberLoad, Reason
from autoscaler.policy.usefulness import GIVE_UP_SECONDS, Growth, Trials, follow

SETTLE = 15.0


def decision(before: int, after: int, mean: float | None, reason: Reason | None = None) -> Decision:
    """Return a decision; named after what it does unless told otherwise."""
    named = reason or (Reason.SCALE_UP if after > before else Reason.WITHIN_BAND)
    return Decision(named, before, after, after, mean, mean, 70.0, 40.0)


def loads(count: int, *, warming: bool = False, ready: bool = True) -> tuple[MemberLoad, ...]:
    """Return members; the last of them warms up or is not ready."""
    return tuple(
        MemberLoad(f"v{i}", 50.0, ready or i < count, warming and i == count)
        for i in range(1, count + 1)
    )


class Story:
    """One role over time: a look every 5 s."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.trials = Trials()
        self.told: list[tuple[Growth, ...]] = []

    def look(self, one: Decision, members: tuple[MemberLoad, ...]) -> None:
        """Take in one decision."""
        self.trials, told = follow(self.trials, one, members, self.now, SETTLE)
        self.told += [told] if told else []
        self.now += 5.0

    def growth(self, before: int, mean: float, mean_after: float) -> None:
        """Grow by one, warm up for 30 s, then stay for half a minute."""
        count = before + 1
        self.look(decision(before, count, mean), loads(before))
        for _ in range(6):
            self.look(decision(count, count, mean), loads(count, warming=True))
        for _ in range(6):
            self.look(decision(count, count, mean_after), loads(count))


@pytest.mark.parametrize(
    ("before", "after", "mean_before", "mean_after", "useless"),
    [
        (1, 2, 80.0, 40.0, False),  # the load spread
        (1, 2, 80.0, 69.0, False),  # more than a quarter of it
        (1, 2, 80.0, 71.0, True),  # less than a quarter of the 40 points
        (1, 2, 80.0, 95.0, True),
        (2, 3, 90.0, 83.0, True),  # expected 60: the line is at 82.5
        (2, 3, 90.0, 82.0, False),
        (1, 4, 80.0, 64.0, False),  # expected 20: the line is at 65
    ],
)
def test_a_growth_is_useless_if_the_mean_fell_by_less_than_a_quarter_of_what_it_could(
    before: int, after: int, mean_before: float, mean_after: float, *, useless: bool
) -> None:
    """What it could is the same load spread evenly."""
    assert Growth(0.0, before, after, mean_before, mean_after).useless is useless


def test_two_useless_growths_in_a_row_are_told_with_both_means() -> None:
    """Once, after the second."""
    story = Story()
    story.growth(1, 80.0, 78.0)
    assert story.told == []
    story.growth(2, 85.0, 84.0)
    (told,) = story.told
    assert [(g.before, g.after, g.mean_before, g.mean_after) for g in told] == [
        (1, 2, 80.0, 78.0),
        (2, 3, 85.0, 84.0),
    ]


def test_after_they_were_told_it_takes_two_more() -> None:
    """Four in a row are told twice."""
    story = Story()
    for count in range(1, 5):
        story.growth(count, 80.0, 79.0)
    assert len(story.told) == 2


def test_a_growth_that_helped_between_two_useless_ones_breaks_the_row() -> None:
    """They are not in a row."""
    story = Story()
    story.growth(1, 80.0, 79.0)
    story.growth(2, 80.0, 55.0)
    story.growth(3, 80.0, 79.0)
    assert story.told == []


def test_the_mean_is_taken_only_when_nothing_from_before_is_left_in_it() -> None:
    """Neither while a member warms up nor within the time readings are averaged over."""
    story = Story()
    story.look(decision(1, 2, 80.0), loads(1))
    for _ in range(10):
        story.look(decision(2, 2, 80.0), loads(2, warming=True))
    for _ in range(3):
        story.look(decision(2, 2, 80.0), loads(2))
        assert story.trials.pending is not None
    story.look(decision(2, 2, 40.0), loads(2))
    assert story.trials == Trials()


def test_a_member_that_goes_meanwhile_begins_the_wait_anew() -> None:
    """The readings around it show something else."""
    story = Story()
    story.look(decision(1, 2, 80.0), loads(1))
    for _ in range(3):
        story.look(decision(2, 2, 80.0), loads(2))
    story.look(decision(2, 2, 80.0), loads(2, ready=False))
    for _ in range(3):
        story.look(decision(2, 2, 80.0), loads(2))
        assert story.trials.pending is not None
    story.look(decision(2, 2, 80.0), loads(2))
    assert len(story.trials.useless) == 1


def test_growths_too_close_to_tell_apart_are_one() -> None:
    """From 1 to 3 in two steps: the mean before the first counts."""
    story = Story()
    story.look(decision(1, 2, 80.0), loads(1))
    story.look(decision(2, 3, 90.0), loads(2, warming=True))
    growth = story.trials.pending
    assert growth is not None
    assert (growth.before, growth.after, growth.mean_before) == (1, 3, 80.0)


def test_two_starts_of_one_growth_are_two_in_a_row() -> None:
    """From 1 to 3 at once, the usual way of an overload, and no better for it."""
    story = Story()
    story.look(decision(1, 3, 95.0), loads(1))
    for _ in range(6):
        story.look(decision(3, 3, 94.0), loads(3))
    ((growth,),) = story.told
    assert (growth.before, growth.after, growth.mean_after) == (1, 3, 94.0)


@pytest.mark.parametrize("reason", [Reason.PINNED, Reason.BELOW_MIN])
def test_growth_that_load_did_not_ask_for_is_not_judged(reason: Reason) -> None:
    """A pin or a raised minimum is meant to be so."""
    story = Story()
    story.look(decision(1, 2, 50.0, reason), loads(1))
    assert story.trials.pending is None


def test_a_growth_that_is_undone_is_forgotten() -> None:
    """By the rules, by somebody's hand, or because the members never come."""
    for undone in ("rules", "hand", "time"):
        story = Story()
        story.look(decision(1, 2, 80.0), loads(1))
        if undone == "rules":
            story.look(decision(2, 1, 20.0, Reason.SCALE_DOWN), loads(2))
        elif undone == "hand":
            story.look(decision(3, 3, 80.0), loads(3))
        else:
            story.now += GIVE_UP_SECONDS
            story.look(decision(2, 2, 80.0), loads(2, ready=False))
        assert story.trials.pending is None, undone


def test_without_a_mean_nothing_is_judged() -> None:
    """A missing reading is no number."""
    story = Story()
    story.look(decision(1, 2, 80.0), loads(1))
    for _ in range(10):
        story.look(decision(2, 2, None), loads(2))
    assert story.trials.pending is not None
