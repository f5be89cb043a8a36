"""How a recorded load lies on another count of members."""

from __future__ import annotations

from math import nan

from autoscaler.model import MemberLoad
from autoscaler.replay.curve import MOST_BUCKETS, Curve, Sample
from autoscaler.replay.recorded import spread


def percents(loads: tuple[MemberLoad, ...]) -> list[float | None]:
    """Return the CPU of each."""
    return [load.cpu_percent for load in loads]


def test_the_sum_lies_evenly_on_the_other_count() -> None:
    """60 and 30 are 30 each on three, 90 on one."""
    recorded = (MemberLoad("a", 60.0), MemberLoad("b", 30.0, warming=True))
    assert percents(spread(recorded, 3)) == [30.0, 30.0, 30.0]
    assert percents(spread(recorded, 1)) == [90.0]


def test_no_member_shows_more_than_all_it_may_use() -> None:
    """150 % of one is 100 %."""
    assert percents(spread((MemberLoad("a", 80.0), MemberLoad("b", 70.0)), 1)) == [100.0]


def test_a_member_that_is_not_ready_carries_nothing() -> None:
    """Start-up work is no load of the role."""
    recorded = (MemberLoad("a", 60.0), MemberLoad("b", 90.0, ready=False))
    assert percents(spread(recorded, 1)) == [60.0]


def test_a_ready_member_without_a_reading_counts_as_the_average() -> None:
    """Nobody knows what it carried; nothing would be wrong for sure."""
    recorded = (MemberLoad("a", 20.0), MemberLoad("b", None), MemberLoad("c", nan))
    assert percents(spread(recorded, 1)) == [60.0]


def test_without_a_reading_there_is_none_for_another_count() -> None:
    """Missing data is never a zero."""
    assert spread((MemberLoad("a", None),), 2) == ()


def test_a_curve_of_any_length_keeps_its_peaks_in_bounded_memory() -> None:
    """A hundred thousand rounds, one of them at 99 % and one with three members."""
    curve = Curve()
    for number in range(100_000):
        mean = 99.0 if number == 77_777 else 10.0
        curve.add(Sample(float(number), (mean,), (3 if number == 55_555 else 1,)))
    assert len(curve.buckets) <= MOST_BUCKETS
    assert max(bucket.means[0] or 0.0 for bucket in curve.buckets) == 99.0
    assert max(bucket.counts[0] for bucket in curve.buckets) == 3
    assert [b.wall for b in curve.buckets] == sorted(b.wall for b in curve.buckets)


def test_a_curve_keeps_a_round_without_a_mean_as_a_gap() -> None:
    """It is drawn as no line, not as 0."""
    curve = Curve()
    curve.add(Sample(0.0, (None,), (1,)))
    assert curve.buckets[0].means == [None]
