"""Windows and rate limits at their boundaries, in small numbers a person can follow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.model import (
    LimitKind,
    Memory,
    RateLimit,
    Reason,
    RolePolicy,
    ScalingRules,
    Select,
)
from autoscaler.policy.behavior import (
    apply_behavior,
    enforce_bounds,
    limit_down,
    limit_up,
    record_change,
    record_recommendation,
    stabilize,
)

DOUBLE = RateLimit(LimitKind.PERCENT, 100, 30)
HALVE = RateLimit(LimitKind.PERCENT, 50, 60)
ONE = RateLimit(LimitKind.MEMBERS, 1, 60)


def up(*limits: RateLimit, window: float = 0, select: Select = Select.MAX) -> ScalingRules:
    """Return rules for growing."""
    return ScalingRules(window, select, limits)


def down(*limits: RateLimit, window: float = 300, select: Select = Select.MIN) -> ScalingRules:
    """Return rules for shrinking."""
    return ScalingRules(window, select, limits)


POLICY = RolePolicy(
    1, 100, cpu_high=70, cpu_low=40, scale_up=up(DOUBLE), scale_down=down(HALVE, ONE)
)


def percent_down(value: int) -> RolePolicy:
    """Return a policy that shrinks by a percentage and has no window."""
    rules = down(RateLimit(LimitKind.PERCENT, value, 60), window=0)
    return replace(POLICY, minimum=0, maximum=10_000, scale_down=rules)


def percent_up(value: int) -> RolePolicy:
    """Return a policy that grows by a percentage."""
    rules = up(RateLimit(LimitKind.PERCENT, value, 30))
    return replace(POLICY, maximum=10_000, scale_up=rules)


# Bounds


@pytest.mark.parametrize(
    ("current", "answer"),
    [(0, (1, Reason.BELOW_MIN)), (1, None), (100, None), (101, (100, Reason.ABOVE_MAX))],
)
def test_only_a_count_outside_the_bounds_is_moved_to_them(
    current: int, answer: tuple[int, Reason] | None
) -> None:
    """Exactly min and exactly max are fine."""
    assert enforce_bounds(POLICY, current) == answer


# Windows


@pytest.mark.parametrize(("age", "stabilized"), [(299.999, 3), (300, 1), (300.001, 1)])
@pytest.mark.parametrize("now", [300.0, 1000.1, 86_400.7, 5_000_000.3])
def test_a_recommendation_exactly_as_old_as_the_window_has_expired(
    age: float, stabilized: int, now: float
) -> None:
    """299.999 s old still holds the count up, 300.000 s old does not, on any clock reading."""
    memory = Memory(3, recommendations=((round(now - age, 3), 3),))
    assert stabilize(POLICY, memory, 1, now) == stabilized


@pytest.mark.parametrize(("age", "stabilized"), [(59.999, 1), (60, 3)])
def test_the_up_window_takes_the_lowest_and_is_strict_too(age: float, stabilized: int) -> None:
    """Growing waits until no lower recommendation is younger than the window."""
    policy = replace(POLICY, scale_up=up(DOUBLE, window=60))
    memory = Memory(1, recommendations=((100 - age, 1),))
    assert stabilize(policy, memory, 3, 100) == stabilized


def test_a_window_of_zero_looks_at_the_new_recommendation_only() -> None:
    """A recommendation of the same moment does not count either."""
    policy = replace(POLICY, scale_down=down(HALVE, window=0))
    assert stabilize(policy, Memory(3, recommendations=((100, 3),)), 1, 100) == 1


def test_old_recommendations_alone_never_move_the_count() -> None:
    """After one tick of 10, cut to 4 by the rate limit, a 1 leaves it at 4."""
    assert stabilize(POLICY, Memory(4, recommendations=((90, 10),)), 1, 100) == 4


def test_the_down_window_shrinks_to_its_highest_recommendation() -> None:
    """Of 5, 3 and 2 within the window 5 counts, although the newest is 2."""
    memory = Memory(8, recommendations=((10, 5), (20, 3)))
    assert stabilize(POLICY, memory, 2, 100) == 5


def test_a_held_shrink_is_called_scale_down_stabilized() -> None:
    """The verdict names the window that changed the recommendation and asks no rate limit."""
    verdict = apply_behavior(POLICY, Memory(3, recommendations=((90, 3),)), 1, 100)
    assert (verdict.desired, verdict.stabilized, verdict.limit) == (3, 3, None)
    assert (verdict.window, verdict.clip) == (Reason.SCALE_DOWN_STABILIZED, None)


def test_a_held_growth_is_called_scale_up_stabilized() -> None:
    """The same upward."""
    policy = replace(POLICY, scale_up=up(DOUBLE, window=60))
    verdict = apply_behavior(policy, Memory(1, recommendations=((90, 1),)), 3, 100)
    assert (verdict.desired, verdict.window) == (1, Reason.SCALE_UP_STABILIZED)


# Rate limits


@pytest.mark.parametrize(("start", "limit"), [(1, 2), (2, 4), (3, 6)])
def test_growing_by_100_percent_doubles(start: int, limit: int) -> None:
    """100 % of 1 is one more."""
    assert limit_up(POLICY, Memory(start), 100) == limit


@pytest.mark.parametrize(("start", "limit"), [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (7, 3)])
def test_shrinking_by_50_percent_truncates(start: int, limit: int) -> None:
    """50 % of 3 leaves 1: two at once, as on a cluster."""
    assert limit_down(percent_down(50), Memory(start), 100) == limit


def test_the_stricter_of_both_default_limits_takes_one_of_three() -> None:
    """Select Min of 50 % and one member: 3 -> 2."""
    assert limit_down(POLICY, Memory(3), 100) == 2


def test_the_looser_of_both_limits_takes_two_of_three() -> None:
    """Select Max of 50 % and one member: 3 -> 1."""
    policy = replace(POLICY, scale_down=down(HALVE, ONE, select=Select.MAX))
    assert limit_down(policy, Memory(3), 100) == 1


@pytest.mark.parametrize(("select", "limit"), [(Select.MAX, 9), (Select.MIN, 5)])
def test_select_upward_takes_the_highest_or_the_lowest_limit(select: Select, limit: int) -> None:
    """Of +5 members and +1 member on 4."""
    five = RateLimit(LimitKind.MEMBERS, 5, 30)
    policy = replace(POLICY, scale_up=up(five, ONE, select=select))
    assert limit_up(policy, Memory(4), 100) == limit


@pytest.mark.parametrize(("value", "start", "limit"), [(10, 100, 111), (10, 1, 2), (1, 5, 6)])
def test_percent_up_rounds_up_in_floating_point(value: int, start: int, limit: int) -> None:
    """100 * 1.1 is 110.00000000000001, so 111, as the controller says."""
    assert limit_up(percent_up(value), Memory(start), 100) == limit


@pytest.mark.parametrize(
    ("value", "start", "limit"), [(90, 10, 0), (90, 100, 9), (33, 1000, 669), (150, 5, -2)]
)
def test_percent_down_truncates_in_floating_point(value: int, start: int, limit: int) -> None:
    """100 * (1 - 0.9) is 9.999999999999998, so 9."""
    assert limit_down(percent_down(value), Memory(start), 100) == limit


@pytest.mark.parametrize("select", [Select.MIN, Select.MAX])
def test_without_any_limit_a_direction_stands_still(select: Select) -> None:
    """An empty list of limits allows nothing, like Disabled."""
    policy = replace(POLICY, scale_up=up(select=select), scale_down=down(select=select))
    assert (limit_up(policy, Memory(3), 100), limit_down(policy, Memory(3), 100)) == (3, 3)


def test_disabled_forbids_the_direction() -> None:
    """Disabled limits to the current count whatever the list says."""
    policy = replace(
        POLICY,
        scale_up=up(DOUBLE, select=Select.DISABLED),
        scale_down=down(HALVE, window=0, select=Select.DISABLED),
    )
    grown = apply_behavior(policy, Memory(3), 9, 100)
    shrunk = apply_behavior(policy, Memory(3), 1, 100)
    assert (grown.desired, grown.clip) == (3, Reason.SCALE_UP_LIMITED)
    assert (shrunk.desired, shrunk.clip) == (3, Reason.SCALE_DOWN_LIMITED)


@pytest.mark.parametrize(("age", "limit"), [(29.999, 2), (30, 4), (30.001, 4)])
@pytest.mark.parametrize("now", [100.0, 1000.1, 86_400.7])
def test_an_event_exactly_as_old_as_the_period_has_expired(
    age: float, limit: int, now: float
) -> None:
    """The next doubling is allowed at exactly 30 s, not a millisecond earlier."""
    memory = Memory(2, up_events=((round(now - age, 3), 1),))
    assert limit_up(POLICY, memory, now) == limit


@pytest.mark.parametrize(("age", "limit"), [(59.999, 2), (60, 1)])
def test_the_next_member_goes_at_exactly_60_seconds(age: float, limit: int) -> None:
    """The down period is strict too."""
    assert limit_down(POLICY, Memory(2, down_events=((100 - age, 1),)), 100) == limit


def test_shrinking_counts_in_the_limit_upward() -> None:
    """Two members removed within the period may come back: the period began with 4."""
    assert limit_up(POLICY, Memory(2, down_events=((90, 2),)), 100) == 8


def test_growing_counts_in_the_limit_downward() -> None:
    """Of two members added within the period both and one more may go."""
    policy = replace(POLICY, scale_down=down(ONE))
    assert limit_down(policy, Memory(4, up_events=((90, 2),)), 100) == 1


def test_several_steps_in_one_period_add_up() -> None:
    """From 2, 100 % per 30 s: 3, then 4, then no further within the period."""
    memory = Memory(2)
    seen = []
    for now, raw in ((0.0, 3), (5.0, 4), (10.0, 9), (29.0, 9), (30.0, 9)):
        desired = apply_behavior(POLICY, memory, raw, now).desired
        memory = record_change(POLICY, memory, desired, now)
        seen.append(desired)
    assert seen == [3, 4, 4, 4, 6]


def test_a_limit_behind_the_current_count_forces_nothing() -> None:
    """Grown to 5 by +4 within the period, the limit is 2, but growth just stops."""
    verdict = apply_behavior(POLICY, Memory(5, up_events=((90, 4),)), 9, 100)
    assert (verdict.desired, verdict.limit, verdict.clip) == (5, 2, Reason.SCALE_UP_LIMITED)


def test_a_down_limit_above_the_current_count_forces_nothing() -> None:
    """The same downward: shrinking stops, nobody grows."""
    policy = replace(POLICY, scale_down=down(ONE, window=0))
    verdict = apply_behavior(policy, Memory(2, down_events=((90, 4),)), 1, 100)
    assert (verdict.desired, verdict.limit, verdict.clip) == (2, 5, Reason.SCALE_DOWN_LIMITED)


@pytest.mark.parametrize(
    ("maximum", "clip"), [(3, Reason.AT_MAX), (4, Reason.AT_MAX), (5, Reason.SCALE_UP_LIMITED)]
)
def test_growth_is_cut_by_max_or_by_the_limit(maximum: int, clip: Reason) -> None:
    """Max cuts where the limit (4) is not lower; equal counts as max."""
    verdict = apply_behavior(replace(POLICY, maximum=maximum), Memory(2), 9, 100)
    assert (verdict.desired, verdict.clip) == (min(maximum, 4), clip)


@pytest.mark.parametrize(
    ("minimum", "clip"), [(2, Reason.AT_MIN), (1, Reason.AT_MIN), (0, Reason.SCALE_DOWN_LIMITED)]
)
def test_shrinking_is_cut_by_min_or_by_the_limit(minimum: int, clip: Reason) -> None:
    """Min cuts where the limit (1) is not higher; equal counts as min."""
    policy = replace(percent_down(50), minimum=minimum)
    verdict = apply_behavior(policy, Memory(3), 0, 100)
    assert (verdict.desired, verdict.clip) == (max(minimum, 1), clip)


def test_what_reaches_the_limit_exactly_is_not_cut() -> None:
    """1 -> 2 with a limit of 2 has nothing to explain."""
    assert apply_behavior(POLICY, Memory(1), 2, 100).clip is None
    assert apply_behavior(percent_down(50), Memory(2), 1, 100).clip is None


# Memory


def test_a_recommendation_is_remembered_raw_with_its_time() -> None:
    """Neither clamped nor limited."""
    memory = record_recommendation(POLICY, Memory(3), 250, 100)
    assert memory == Memory(3, recommendations=((100, 250),), recorded_at=100)


def test_recommendations_no_window_can_count_are_forgotten() -> None:
    """Those younger than the longer window stay, also where it is the up window."""
    policy = replace(POLICY, scale_up=up(DOUBLE, window=600))
    memory = Memory(3, recommendations=((0, 1), (1, 2), (400, 3)))
    assert record_recommendation(policy, memory, 4, 600).recommendations == (
        (1, 2),
        (400, 3),
        (600, 4),
    )


def test_an_event_is_kept_as_long_as_a_period_of_the_other_direction() -> None:
    """An up event of 59 s ago is kept for the down period of 60 s, one of 60 s ago is not."""
    memory = Memory(3, up_events=((40, 1), (41, 1)), down_events=((40, 1), (41, 1)))
    grown = record_change(POLICY, memory, 5, 100)
    assert grown.up_events == ((41, 1), (100, 2))
    assert grown.down_events == ((41, 1),)


def test_a_shrink_is_remembered_as_members_removed() -> None:
    """Events hold positive counts in the list of their direction."""
    memory = record_change(POLICY, Memory(5), 2, 100)
    assert memory == Memory(2, down_events=((100, 3),))


def test_no_change_is_no_event() -> None:
    """The memory comes back as it was."""
    memory = Memory(5, up_events=((0, 1),))
    assert record_change(POLICY, memory, 5, 100) is memory
