"""One decision: bounds, thresholds, windows and limits in order, then the operator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.model import (
    LimitKind,
    MemberLoad,
    Memory,
    Overrides,
    RateLimit,
    Reason,
    ScalingRules,
    Select,
)
from autoscaler.policy.decide import adopt, decide, earliest_change, with_protected, within_reach
from tests.policy.policies import DEFAULT as POLICY

NOW = 10_000.0
Entries = tuple[tuple[float, int], ...]


def loads(*percents: float | None) -> tuple[MemberLoad, ...]:
    """Return ready members with these CPU percents, None without a reading."""
    return tuple(MemberLoad(f"node-{i}", cpu) for i, cpu in enumerate(percents, start=1))


def quiet(desired: int, recommended: int | None = None) -> Memory:
    """Return the memory of a role that asked for the same (its own count) for six minutes."""
    count = desired if recommended is None else recommended
    recommendations = tuple((NOW - 5 * step, count) for step in range(72, 0, -1))
    return Memory(desired, recommendations, recorded_at=NOW - 5)


# What the rules say


def test_load_within_the_band_changes_nothing() -> None:
    """The decision carries every number, the memory one more recommendation."""
    decision, memory = decide(POLICY, quiet(2), loads(50, 60), NOW)
    assert decision.reason is Reason.WITHIN_BAND
    assert (decision.desired_before, decision.desired, decision.would_be) == (2, 2, 2)
    assert (decision.mean, decision.average) == (55, 55)
    assert (decision.cpu_high, decision.cpu_low) == (70, 40)
    assert (decision.recommended, decision.stabilized, decision.limit) == (2, 2, None)
    assert memory.recommendations[-1] == (NOW, 2)
    assert memory.recorded_at == NOW


def test_overload_grows_at_once() -> None:
    """No window upward by default: one over 70 % becomes two, and an event is remembered."""
    decision, memory = decide(POLICY, quiet(1), loads(90), NOW)
    assert (decision.reason, decision.desired, decision.limit) == (Reason.SCALE_UP, 2, 2)
    assert memory.desired == 2
    assert memory.up_events == ((NOW, 1),)


def test_growth_cut_by_the_rate_limit_says_so() -> None:
    """1 -> 2 where the load asks for 3: a change, named after what cut it."""
    decision, _ = decide(POLICY, quiet(1), loads(200), NOW)
    assert (decision.reason, decision.desired) == (Reason.SCALE_UP_LIMITED, 2)
    assert (decision.recommended, decision.stabilized, decision.limit) == (3, 3, 2)


@pytest.mark.parametrize(
    ("age", "desired", "reason"),
    [(29.999, 2, Reason.SCALE_UP_LIMITED), (30, 3, Reason.SCALE_UP)],
)
def test_the_second_doubling_comes_at_exactly_30_seconds(
    age: float, desired: int, reason: Reason
) -> None:
    """Until then growth is blocked and named after the limit."""
    memory = replace(quiet(2), up_events=((NOW - age, 1),))
    decision, _ = decide(POLICY, memory, loads(90, 90), NOW)
    assert (decision.desired, decision.reason) == (desired, reason)


def test_growth_that_ends_at_max_is_a_scale_up() -> None:
    """2 -> 3 where the load asks for 4: the change happened."""
    decision, _ = decide(POLICY, quiet(2), loads(140, 140), NOW)
    assert (decision.reason, decision.recommended, decision.desired) == (Reason.SCALE_UP, 4, 3)


def test_overload_at_max_is_named_at_max() -> None:
    """Nothing can grow any more."""
    decision, memory = decide(POLICY, quiet(3), loads(90, 90, 90), NOW)
    assert (decision.reason, decision.desired) == (Reason.AT_MAX, 3)
    assert memory.up_events == ()


def test_low_load_is_held_for_the_grace() -> None:
    """The first low reading after a busy time is held by the window."""
    decision, memory = decide(POLICY, quiet(2), loads(10, 10), NOW)
    assert (decision.reason, decision.desired) == (Reason.SCALE_DOWN_STABILIZED, 2)
    assert (decision.recommended, decision.stabilized) == (1, 2)
    assert memory.recommendations[-1] == (NOW, 1)


@pytest.mark.parametrize(("age", "desired"), [(299.999, 2), (300, 1)])
def test_low_load_shrinks_when_the_grace_is_over(age: float, desired: int) -> None:
    """The last recommendation of two must be exactly 300 s old."""
    recommendations: Entries = ((NOW - age, 2), (NOW - 5, 1))
    memory = Memory(2, recommendations, recorded_at=NOW - 5)
    decision, after = decide(POLICY, memory, loads(10, 10), NOW)
    assert decision.desired == desired
    assert after.down_events == (((NOW, 1),) if desired == 1 else ())


def test_a_shrink_that_ends_at_min_is_a_scale_down() -> None:
    """2 -> 1 at 0 %: the raw recommendation is 0, and the change happened."""
    decision, _ = decide(POLICY, quiet(2, 0), loads(0, 0), NOW)
    assert (decision.reason, decision.recommended, decision.desired) == (Reason.SCALE_DOWN, 0, 1)


def test_three_idle_members_become_two_and_not_one() -> None:
    """The default limits take the stricter of 50 % and one member."""
    decision, _ = decide(POLICY, quiet(3, 1), loads(5, 5, 5), NOW)
    assert (decision.reason, decision.desired) == (Reason.SCALE_DOWN_LIMITED, 2)


@pytest.mark.parametrize(
    ("age", "desired", "reason"),
    [(59.999, 2, Reason.SCALE_DOWN_LIMITED), (60, 1, Reason.SCALE_DOWN)],
)
def test_the_next_member_goes_60_seconds_later(age: float, desired: int, reason: Reason) -> None:
    """Until then shrinking is blocked and named after the limit."""
    memory = replace(quiet(2, 1), down_events=((NOW - age, 1),))
    decision, _ = decide(POLICY, memory, loads(10, 10), NOW)
    assert (decision.desired, decision.reason) == (desired, reason)


def test_growth_within_the_up_window_is_held() -> None:
    """With a window upward the first high reading is only recorded."""
    policy = replace(POLICY, scale_up=replace(POLICY.scale_up, window_seconds=60))
    decision, memory = decide(policy, quiet(1), loads(90), NOW)
    assert (decision.reason, decision.desired) == (Reason.SCALE_UP_STABILIZED, 1)
    assert memory.recommendations[-1] == (NOW, 2)


def test_low_load_at_min_is_named_at_min() -> None:
    """One member at 5 % stays, and current is recorded."""
    decision, memory = decide(POLICY, quiet(1), loads(5), NOW)
    assert (decision.reason, decision.desired) == (Reason.AT_MIN, 1)
    assert memory.recommendations[-1] == (NOW, 1)


def test_a_shrink_that_would_flap_is_not_begun() -> None:
    """Two at 38 % would be one at 76 %; current is recorded, so the grace begins anew."""
    decision, memory = decide(POLICY, quiet(2, 1), loads(38, 38), NOW)
    assert (decision.reason, decision.desired) == (Reason.ANTICIPATED_FLAPPING, 2)
    assert memory.recommendations[-1] == (NOW, 2)


def test_the_flap_guard_can_be_switched_off() -> None:
    """The literal rule then shrinks the pair."""
    decision, _ = decide(replace(POLICY, flap_guard=False), quiet(2, 1), loads(38, 38), NOW)
    assert (decision.reason, decision.desired) == (Reason.SCALE_DOWN, 1)


def test_incomplete_data_holds_and_records_current() -> None:
    """A member without a reading could carry what the shrink would need."""
    decision, memory = decide(POLICY, quiet(2, 1), loads(10, None), NOW)
    assert (decision.reason, decision.desired) == (Reason.INCOMPLETE_DATA, 2)
    assert (decision.mean, decision.average) == (10, 55)
    assert memory.recommendations[-1] == (NOW, 2)


def test_no_data_holds_and_records_nothing() -> None:
    """A blind tick leaves the memory exactly as it was."""
    before = quiet(2, 1)
    decision, memory = decide(POLICY, before, loads(None, None), NOW)
    assert (decision.reason, decision.desired, decision.would_be) == (Reason.NO_DATA, 2, 2)
    assert (decision.mean, decision.recommended, decision.stabilized) == (None, None, None)
    assert memory == before


# Bounds


def test_a_count_above_max_falls_to_max_at_once() -> None:
    """No readings, windows or limits are asked; it is a scale event, not a recommendation."""
    before = quiet(7)
    decision, memory = decide(POLICY, before, (), NOW)
    assert (decision.reason, decision.desired, decision.would_be) == (Reason.ABOVE_MAX, 3, 3)
    assert (decision.recommended, decision.limit) == (None, None)
    assert memory.down_events == ((NOW, 4),)
    assert memory.recommendations == before.recommendations


def test_a_count_below_min_rises_to_min_at_once() -> None:
    """The same upward."""
    decision, memory = decide(replace(POLICY, minimum=3), quiet(1), (), NOW)
    assert (decision.reason, decision.desired) == (Reason.BELOW_MIN, 3)
    assert memory.up_events == ((NOW, 2),)


def test_a_jump_to_a_bound_counts_in_later_limits() -> None:
    """Raised from 1 to 2 by min, the period began with 1: no growth to 3 within 30 s."""
    _, memory = decide(replace(POLICY, minimum=2), quiet(1), loads(90), NOW)
    decision, _ = decide(POLICY, memory, loads(90, 90), NOW + 5)
    assert (decision.reason, decision.desired) == (Reason.SCALE_UP_LIMITED, 2)


def test_a_decision_at_a_bound_still_carries_the_mean() -> None:
    """The reading is known, even if it was not asked."""
    decision, _ = decide(POLICY, quiet(4), loads(50, 50, 50, 50), NOW)
    assert (decision.reason, decision.mean) == (Reason.ABOVE_MAX, 50)


def test_protected_members_that_run_lift_the_minimum() -> None:
    """Two members that may never be stopped make two the minimum."""
    held, _ = decide(POLICY, quiet(2, 1), loads(5, 5), NOW, protected_running=2)
    lifted, _ = decide(POLICY, quiet(1), loads(5), NOW, protected_running=2)
    assert (held.reason, held.desired) == (Reason.AT_MIN, 2)
    assert (lifted.reason, lifted.desired) == (Reason.BELOW_MIN, 2)


def test_fewer_protected_members_than_min_change_nothing() -> None:
    """The configured minimum stands, and so does the maximum."""
    assert with_protected(replace(POLICY, minimum=2), 1) == replace(POLICY, minimum=2)


def test_more_protected_members_than_max_lift_max_too() -> None:
    """A count below what may never be stopped could not be reached."""
    decision, _ = decide(POLICY, quiet(5), (), NOW, protected_running=4)
    assert (decision.reason, decision.desired) == (Reason.ABOVE_MAX, 4)


def test_protected_members_never_lift_max_while_they_fit() -> None:
    """Three protected of max three leave the maximum at three."""
    assert with_protected(POLICY, 3) == replace(POLICY, minimum=3)


@pytest.mark.parametrize(
    ("desired", "containers", "maximum"), [(1, 3, 3), (1, 2, 2), (1, 0, 1), (3, 2, 3), (5, 2, 3)]
)
def test_missing_containers_lower_the_maximum_but_never_below_the_count(
    desired: int, containers: int, maximum: int
) -> None:
    """Nor below the minimum, nor do they lift it above what is set."""
    assert within_reach(POLICY, desired, containers) == replace(POLICY, maximum=maximum)


# Fixed roles


@pytest.mark.parametrize(("desired", "kept"), [(0, 1), (1, 1), (2, 2), (4, 3)])
def test_a_fixed_role_only_keeps_its_bounds(desired: int, kept: int) -> None:
    """Neither overload nor idling moves it."""
    policy = replace(POLICY, fixed=True)
    for cpu in (0, 100):
        decision, memory = decide(policy, quiet(desired), loads(*[cpu] * desired), NOW)
        assert (decision.reason, decision.desired) == (Reason.FIXED, kept)
        assert memory.desired == kept


# The gap rule


def test_a_fresh_start_cannot_shrink_before_a_whole_grace() -> None:
    """Without memory the current count is recorded first."""
    memory = Memory(3)
    for second in range(0, 300, 5):
        decision, memory = decide(POLICY, memory, loads(5, 5, 5), NOW + second)
        assert decision.desired == 3
    decision, memory = decide(POLICY, memory, loads(5, 5, 5), NOW + 300)
    assert decision.desired == 2


def test_a_fresh_start_grows_at_once() -> None:
    """The rule is there to keep capacity, not to withhold it."""
    decision, _ = decide(POLICY, Memory(1), loads(90), NOW)
    assert (decision.reason, decision.desired) == (Reason.SCALE_UP, 2)


@pytest.mark.parametrize(("age", "desired"), [(30, 1), (30.001, 2)])
def test_a_gap_longer_than_allowed_never_counts_as_low(age: float, desired: int) -> None:
    """Exactly gap_seconds is no gap; a millisecond more records the current count first."""
    memory = Memory(2, ((NOW - 400, 2), (NOW - age, 1)), recorded_at=NOW - age)
    decision, after = decide(POLICY, memory, loads(10, 10), NOW)
    assert decision.desired == desired
    assert ((NOW, 2) in after.recommendations) == (desired == 2)


def test_an_outage_longer_than_the_window_starts_the_grace_anew() -> None:
    """Blind for an hour, then low: five more minutes with both members."""
    _, memory = decide(POLICY, quiet(2, 1), loads(None, None), NOW)
    held, memory = decide(POLICY, memory, loads(10, 10), NOW + 3600)
    for second in range(3605, 3900, 5):
        held, memory = decide(POLICY, memory, loads(10, 10), NOW + second)
    assert (held.reason, held.desired) == (Reason.SCALE_DOWN_STABILIZED, 2)
    decision, _ = decide(POLICY, memory, loads(10, 10), NOW + 3900)
    assert decision.desired == 1


# The operator


HIGH = loads(90, 90)
LOW = loads(5, 5)
GROWING = quiet(2)
SHRINKING = quiet(2, 1)


@pytest.mark.parametrize(
    ("overrides", "memory", "members", "reason", "desired"),
    [
        (Overrides(pause_up=True), GROWING, HIGH, Reason.PAUSED, 2),
        (Overrides(pause_up=True), SHRINKING, LOW, Reason.SCALE_DOWN, 1),
        (Overrides(pause_down=True), SHRINKING, LOW, Reason.PAUSED, 2),
        (Overrides(pause_down=True), GROWING, HIGH, Reason.SCALE_UP, 3),
        (Overrides(hold=True), SHRINKING, LOW, Reason.HELD, 2),
        (Overrides(hold=True), GROWING, HIGH, Reason.SCALE_UP, 3),
        (Overrides(freeze=True), GROWING, HIGH, Reason.FROZEN, 2),
        (Overrides(freeze=True), SHRINKING, LOW, Reason.FROZEN, 2),
        (Overrides(pin=1), GROWING, HIGH, Reason.PINNED, 1),
        (Overrides(pin=3), SHRINKING, LOW, Reason.PINNED, 3),
        (Overrides(pin=2), SHRINKING, LOW, Reason.PINNED, 2),
        (Overrides(pin=9, pin_forced=True), SHRINKING, LOW, Reason.PINNED, 9),
        (Overrides(pin=1, pin_forced=True, hold=True), SHRINKING, LOW, Reason.HELD, 2),
    ],
)
def test_an_override_has_the_last_word_and_the_rules_still_run(
    overrides: Overrides,
    memory: Memory,
    members: tuple[MemberLoad, ...],
    reason: Reason,
    desired: int,
) -> None:
    """`would_be` is what the rules alone would have desired."""
    decision, after = decide(POLICY, memory, members, NOW, overrides)
    alone, _ = decide(POLICY, memory, members, NOW)
    assert (decision.reason, decision.desired, after.desired) == (reason, desired, desired)
    assert decision.would_be == alone.desired


@pytest.mark.parametrize(
    "overrides", [Overrides(pause_up=True, pause_down=True), Overrides(hold=True)]
)
def test_pause_and_hold_name_themselves_only_where_they_prevent_something(
    overrides: Overrides,
) -> None:
    """Within the band the band is the reason."""
    decision, _ = decide(POLICY, quiet(2), loads(50, 50), NOW, overrides)
    assert decision.reason is Reason.WITHIN_BAND


def test_freeze_is_named_even_where_nothing_would_change() -> None:
    """An administrator who froze the host sees that in every decision."""
    decision, _ = decide(POLICY, quiet(2), loads(50, 50), NOW, Overrides(freeze=True))
    assert decision.reason is Reason.FROZEN


@pytest.mark.parametrize(
    ("overrides", "reason", "desired"),
    [
        (Overrides(freeze=True, pin=3, hold=True, pause_up=True), Reason.FROZEN, 2),
        (Overrides(pin=3, pause_up=True, hold=True), Reason.PINNED, 3),
        (Overrides(pin=1, pause_down=True), Reason.PINNED, 1),
        (Overrides(pause_down=True, hold=True), Reason.PAUSED, 2),
        (Overrides(pin=1, hold=True), Reason.HELD, 2),
    ],
)
def test_freeze_goes_before_pin_before_pause_and_hold_stops_every_shrink(
    overrides: Overrides, reason: Reason, desired: int
) -> None:
    """While a command holds the role, not even a pin takes a member away."""
    decision, _ = decide(POLICY, SHRINKING, LOW, NOW, overrides)
    assert (decision.reason, decision.desired) == (reason, desired)


@pytest.mark.parametrize(("pin", "desired"), [(0, 1), (9, 3)])
def test_a_pin_stays_within_the_bounds(pin: int, desired: int) -> None:
    """A pin of 0 is min, one of 9 is max."""
    decision, _ = decide(POLICY, quiet(2), loads(50, 50), NOW, Overrides(pin=pin))
    assert decision.desired == desired


def test_a_pin_cannot_go_below_what_may_never_be_stopped() -> None:
    """Protected members that run are a bound for the operator too."""
    decision, _ = decide(POLICY, quiet(2), LOW, NOW, Overrides(pin=1), 2)
    assert decision.desired == 2


def test_a_pin_needs_no_readings() -> None:
    """An operator may act while the program is blind."""
    decision, _ = decide(POLICY, quiet(2), (), NOW, Overrides(pin=3))
    assert (decision.reason, decision.desired, decision.would_be) == (Reason.PINNED, 3, 2)


@pytest.mark.parametrize(
    ("overrides", "current", "reason"),
    [
        (Overrides(pause_down=True), 5, Reason.PAUSED),
        (Overrides(hold=True), 5, Reason.HELD),
        (Overrides(freeze=True), 5, Reason.FROZEN),
        (Overrides(pause_up=True), 0, Reason.PAUSED),
    ],
)
def test_a_blocked_jump_to_a_bound_is_not_made(
    overrides: Overrides, current: int, reason: Reason
) -> None:
    """Who pauses first may take a role below min by hand."""
    decision, memory = decide(POLICY, quiet(current), (), NOW, overrides)
    assert (decision.reason, decision.desired, memory.desired) == (reason, current, current)
    assert decision.would_be in {POLICY.minimum, POLICY.maximum}


@pytest.mark.parametrize(
    "overrides",
    [Overrides(pause_up=True), Overrides(freeze=True), Overrides(pin=2)],
)
def test_a_blocked_growth_is_remembered_as_a_recommendation_and_not_as_an_event(
    overrides: Overrides,
) -> None:
    """Holding a role neither blinds it nor starts a period."""
    _, memory = decide(POLICY, GROWING, HIGH, NOW, overrides)
    assert memory.recommendations[-1] == (NOW, 3)
    assert (memory.up_events, memory.down_events) == ((), ())


@pytest.mark.parametrize("pin", [1, 3])
def test_a_pin_uses_up_no_rate_limit(pin: int) -> None:
    """What an operator does is no scale event."""
    _, memory = decide(POLICY, quiet(2), loads(50, 50), NOW, Overrides(pin=pin))
    assert (memory.desired, memory.up_events, memory.down_events) == (pin, (), ())


def test_a_growth_by_pin_gets_the_whole_grace() -> None:
    """Taken back at once, the third member still stays for five minutes."""
    _, memory = decide(POLICY, SHRINKING, LOW, NOW, Overrides(pin=3))
    for second in range(5, 300, 5):
        decision, memory = decide(POLICY, memory, loads(5, 5, 5), NOW + second)
        assert decision.desired == 3
    decision, memory = decide(POLICY, memory, loads(5, 5, 5), NOW + 300)
    assert decision.desired == 2


# Adoption


def test_a_growth_by_hand_gets_the_whole_grace() -> None:
    """Somebody starts a third member while the load is low: it stays for five minutes."""
    memory = adopt(quiet(2, 1), 3, NOW)
    for second in range(0, 300, 5):
        decision, memory = decide(POLICY, memory, loads(5, 5, 5), NOW + second)
        assert (decision.desired_before, decision.desired) == (3, 3)
    decision, _ = decide(POLICY, memory, loads(5, 5, 5), NOW + 300)
    assert decision.desired == 2


# When could it change


def test_the_earliest_change_is_when_the_grace_ends() -> None:
    """Low since now, last high five seconds ago: 295 s more, and the decision of that moment."""
    decision, memory = decide(POLICY, quiet(2), LOW, NOW)
    assert decision.desired == 2
    found = earliest_change(POLICY, memory, LOW, NOW, 5)
    assert found is not None
    at, then = found
    assert at == NOW + 295
    assert (then.reason, then.desired) == (Reason.SCALE_DOWN, 1)


def test_the_earliest_change_is_one_step_from_now_or_later() -> None:
    """The decision of this moment has been made; the next is asked after it."""
    found = earliest_change(POLICY, quiet(1), loads(90), NOW, 5)
    assert found is not None
    assert found[0] == NOW + 5


def test_the_earliest_change_is_found_when_the_period_is_longer_than_the_window() -> None:
    """A member went just now and the next may go only after 900 s."""
    policy = replace(
        POLICY,
        scale_down=ScalingRules(300, Select.MAX, (RateLimit(LimitKind.MEMBERS, 1, 900),)),
    )
    memory = replace(quiet(2, 1), down_events=((NOW, 1),))
    found = earliest_change(policy, memory, LOW, NOW, 5)
    assert found is not None
    assert found[0] == NOW + 900


def test_the_earliest_change_waits_for_a_rate_limit() -> None:
    """Grown ten seconds ago and still overloaded: 20 s more."""
    memory = replace(quiet(2), up_events=((NOW - 10, 1),))
    _, memory = decide(POLICY, memory, HIGH, NOW)
    found = earliest_change(POLICY, memory, HIGH, NOW, 5)
    assert found is not None
    assert (found[0], found[1].desired) == (NOW + 20, 3)


@pytest.mark.parametrize(
    "members", [loads(50, 50), loads(38, 38), loads(10, None), loads(None, None)]
)
def test_there_is_no_earliest_change_where_the_rules_ask_for_none(
    members: tuple[MemberLoad, ...],
) -> None:
    """Within the band, flapping anticipated, incomplete or absent data: null."""
    _, memory = decide(POLICY, quiet(2), members, NOW)
    assert earliest_change(POLICY, memory, members, NOW, 5) is None


def test_long_steps_are_no_gap_in_the_readings() -> None:
    """A window of a day is stepped through in minutes; the count was low all along."""
    policy = replace(POLICY, scale_down=replace(POLICY.scale_down, window_seconds=86_400.0))
    memory = Memory(2, ((NOW, 2),), recorded_at=NOW)
    found = earliest_change(policy, memory, LOW, NOW, 432.0)
    assert found is not None
    assert (found[0] - NOW, found[1].reason) == (86_400.0, Reason.SCALE_DOWN)


def test_there_is_no_earliest_change_at_max() -> None:
    """Overload at max stays as it is however long one waits."""
    _, memory = decide(POLICY, quiet(3), loads(90, 90, 90), NOW)
    assert earliest_change(POLICY, memory, loads(90, 90, 90), NOW, 5) is None


def test_there_is_no_earliest_change_while_an_operator_blocks_it() -> None:
    """With the override the answer is null, without it the moment the rules would act."""
    held = Overrides(hold=True)
    _, memory = decide(POLICY, quiet(2), LOW, NOW, held)
    assert earliest_change(POLICY, memory, LOW, NOW, 5, held) is None
    assert earliest_change(POLICY, memory, LOW, NOW, 5) is not None


@pytest.mark.parametrize("step_seconds", [0, -1, float("nan")])
def test_a_step_that_does_not_move_time_is_refused(step_seconds: float) -> None:
    """The message names the value and what is allowed."""
    with pytest.raises(ValueError, match=r"step_seconds is .*must be above 0"):
        earliest_change(POLICY, quiet(2), LOW, NOW, step_seconds)
