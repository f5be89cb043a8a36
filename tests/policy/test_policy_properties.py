"""What holds for every policy, every load and every history: tried on thousands of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autoscaler.model import (
    LimitKind,
    MemberLoad,
    Memory,
    Overrides,
    RateLimit,
    Reason,
    RolePolicy,
    ScalingRules,
    Select,
)
from autoscaler.policy.behavior import apply_behavior, record_change, record_recommendation
from autoscaler.policy.decide import decide
from tests.policy.policies import DEFAULT

START = 1000.0
INTERVAL = 5.0
SHRINKING = {Reason.SCALE_DOWN, Reason.SCALE_DOWN_LIMITED, Reason.SCALE_DOWN_STABILIZED}
CALM = {Reason.WITHIN_BAND, Reason.AT_MIN, Reason.ANTICIPATED_FLAPPING, Reason.NO_DATA}

Delays = tuple[int, int]
"""(ticks from the start of a member to ready, ticks from there to warm)"""


percents = st.sampled_from([0.0, 1.0, 5.0, 20.0, 45.0, 65.0, 80.0, 91.5, 100.0])
rate_limits = st.builds(
    RateLimit,
    kind=st.sampled_from(LimitKind),
    value=st.sampled_from([1, 2, 10, 50, 100]),
    period_seconds=st.sampled_from([15, 30, 60]),
)
rules = st.builds(
    ScalingRules,
    window_seconds=st.sampled_from([0, 15, 60, 120]),
    select=st.sampled_from([Select.MAX, Select.MIN]),
    limits=st.lists(rate_limits, min_size=1, max_size=2).map(tuple),
)
overrides_of_an_operator = st.builds(
    Overrides,
    pause_up=st.booleans(),
    pause_down=st.booleans(),
    pin=st.none() | st.integers(0, 12),
    hold=st.booleans(),
    freeze=st.booleans(),
)


policies = st.builds(
    lambda bounds, thresholds, **others: RolePolicy(*bounds, *thresholds, **others),
    bounds=st.sampled_from([(1, 1), (1, 2), (1, 3), (1, 9), (2, 6), (3, 8), (4, 4)]),
    thresholds=st.sampled_from([(70, 40), (65, 35), (90, 80), (60, 59), (50, 10), (85.5, 50)]),
    scale_up=rules,
    scale_down=rules,
    flap_guard=st.booleans(),
    flap_margin=st.sampled_from([0.01, 0.1, 0.3]),
)


class Look(NamedTuple):
    """What is seen of a role at one tick, whatever its count: short, so that shrinking works."""

    seconds: int
    """Since the tick before."""
    cpu_percent: float
    """Of every member that is seen as it is."""
    gap: int
    """Every how manieth member is not; 0 means all are seen."""
    instead: MemberLoad
    """What those look like."""

    def loads(self, count: int) -> list[MemberLoad]:
        """Return the loads of `count` members."""
        plain = MemberLoad("node", self.cpu_percent)
        return [
            self.instead if self.gap and index % self.gap == self.gap - 1 else plain
            for index in range(count)
        ]


looks = st.builds(
    Look,
    seconds=st.sampled_from([5, 5, 5, 15, 30, 31, 61, 120]),
    cpu_percent=st.sampled_from([0.0, 5.0, 5.0, 5.0, 45.0, 91.5, 100.0]),
    gap=st.sampled_from([0, 0, 0, 0, 1, 2, 3]),
    instead=st.sampled_from(
        [
            MemberLoad("node", None),
            MemberLoad("node", 0.0, ready=False),
            MemberLoad("node", 100.0, ready=False),
            MemberLoad("node", 5.0, warming=True),
            MemberLoad("node", 100.0, warming=True),
        ]
    ),
)
histories = st.lists(looks, min_size=1, max_size=30)


@st.composite
def memories(draw: st.DrawFn, policy: RolePolicy) -> Memory:
    """Draw what a role within its bounds may remember at START."""
    entries = st.lists(
        st.tuples(
            st.sampled_from([START - 130, START - 70, START - 20, START - 5]),
            st.sampled_from([0, 0, 1, 2, 12]),
        ),
        max_size=2,
    ).map(lambda drawn: tuple(sorted(drawn)))
    return Memory(
        desired=draw(st.integers(policy.minimum, policy.maximum)),
        recommendations=draw(entries),
        up_events=draw(entries),
        down_events=draw(entries),
        recorded_at=draw(st.sampled_from([START - 5, START - 5, START - 60, None])),
    )


rules_of_a_test = settings(derandomize=True, database=None, deadline=None, max_examples=150)


@rules_of_a_test
@given(
    policies,
    st.integers(0, 15),
    histories,
    st.lists(overrides_of_an_operator, min_size=30, max_size=30),
)
def test_desired_is_always_within_min_and_max(
    policy: RolePolicy, start: int, history: list[Look], operators: list[Overrides]
) -> None:
    """From the first tick of the rules on, whatever is read and whatever an operator sets."""
    now = START
    _, memory = decide(policy, Memory(start), (), now)
    for look, overrides in zip(history, operators, strict=False):
        now += look.seconds
        loads = look.loads(memory.desired)
        decision, memory = decide(policy, memory, loads, now, overrides)
        assert policy.minimum <= decision.desired <= policy.maximum
        assert policy.minimum <= decision.would_be <= policy.maximum
        assert memory.desired == decision.desired


class Loop:
    """Members that share a constant load evenly once they are ready, and the rules."""

    def __init__(self, policy: RolePolicy, start: int, load: float, delays: Delays) -> None:
        self.policy = policy
        self.memory = Memory(start)
        self.load = load
        self.ticks_to_ready = delays[0]
        self.ticks_to_warm = sum(delays)
        self.ages = [self.ticks_to_warm] * start
        """Ticks since each member was started."""

    def run(self, count: int) -> list[int]:
        """Return desired after each of `count` ticks."""
        seen = []
        for tick in range(count):
            _, self.memory = decide(
                self.policy, self.memory, self._loads(), START + tick * INTERVAL
            )
            desired = self.memory.desired
            seen.append(desired)
            self.ages = [age + 1 for age in self.ages[:desired]]
            self.ages += [0] * (desired - len(self.ages))
        return seen

    def _loads(self) -> list[MemberLoad]:
        ready = [age >= self.ticks_to_ready for age in self.ages]
        share = self.load / max(sum(ready), 1)
        return [
            MemberLoad("node", share if up else 0.0, ready=up, warming=age < self.ticks_to_warm)
            for age, up in zip(self.ages, ready, strict=True)
        ]


def directions(counts: list[int]) -> set[bool]:
    """Return True for a rise and False for a fall among successive counts."""
    return {after > before for before, after in pairwise(counts) if after != before}


@rules_of_a_test
@given(
    policies,
    st.integers(0, 12),
    st.integers(0, 12_000).map(lambda tenths: tenths / 10),
    st.tuples(st.sampled_from([0, 1, 4]), st.sampled_from([0, 6])),
)
def test_no_constant_load_oscillates_with_the_flap_guard_on(
    policy: RolePolicy, start: int, load: float, delays: tuple[int, int]
) -> None:
    """From any count, with members that take time to come up and warm, the count goes one way."""
    loop = Loop(replace(policy, flap_guard=True), start, load, delays)
    counts = [start, *loop.run(100)]
    assert len(directions(counts)) <= 1


def test_every_load_settles_with_the_default_policy() -> None:
    """From 1, 2 and 3 members, near every threshold of each count: one way, then still."""
    edges = [62, 63, 64, 69, 70, 71, 75, 79, 80, 81, 119, 120, 121, 126, 127, 139, 140, 141, 159]
    for load in [*edges, *range(0, 400, 20)]:
        for start in (1, 2, 3):
            counts = [start, *Loop(DEFAULT, start, load, (1, 6)).run(150)]
            assert len(directions(counts)) <= 1
            assert len(set(counts[-50:])) == 1


def test_the_literal_rule_does_oscillate() -> None:
    """So the test above can fail: 75 % of one member goes up and down without the guard."""
    counts = Loop(replace(DEFAULT, flap_guard=False), 1, 75, (0, 0)).run(1440)
    changes = sum(before != after for before, after in pairwise([1, *counts]))
    assert changes > 40


@rules_of_a_test
@given(policies, histories)
def test_no_shrinking_earlier_than_the_grace_after_a_reading_that_asked_for_more(
    policy: RolePolicy, history: list[Look]
) -> None:
    """Whatever lies between: low readings, gaps, limits that cut the growth."""
    now = START
    last_asked = -1e9
    memory = Memory(policy.minimum)
    for look in history:
        now += look.seconds
        decision, memory = decide(policy, memory, look.loads(memory.desired), now)
        if decision.recommended is not None and decision.recommended > decision.desired_before:
            last_asked = now
        if decision.desired < decision.desired_before:
            assert now - last_asked >= policy.scale_down.window_seconds


@rules_of_a_test
@given(policies, histories)
def test_no_shrinking_after_a_gap_before_a_whole_grace(
    policy: RolePolicy, history: list[Look]
) -> None:
    """After more than gap_seconds without a recommendation the window begins anew."""
    now = START
    last_recorded, protected_since = -1e9, START
    memory = Memory(policy.maximum)
    for look in history:
        now += look.seconds
        decision, memory = decide(policy, memory, look.loads(memory.desired), now)
        if decision.recommended is not None:
            if now - last_recorded > policy.gap_seconds:
                protected_since = now
            last_recorded = now
        if decision.desired < decision.desired_before:
            assert now - protected_since >= policy.scale_down.window_seconds


@rules_of_a_test
@given(st.data(), policies)
def test_missing_data_never_lowers_desired(data: st.DataObject, policy: RolePolicy) -> None:
    """Without some of its readings a tick desires at least as many as with all of them, or
    leaves the count as it is.
    """
    memory = data.draw(memories(policy))
    count = memory.desired
    members = data.draw(
        st.lists(st.tuples(percents, st.booleans(), st.booleans()), min_size=count, max_size=count)
    )
    full = [MemberLoad("node", cpu, warming=warming) for cpu, warming, _ in members]
    partial = [
        load if seen else replace(load, cpu_percent=None)
        for load, (_, _, seen) in zip(full, members, strict=True)
    ]
    with_all, _ = decide(policy, memory, full, START)
    with_some, _ = decide(policy, memory, partial, START)
    assert with_some.desired >= min(count, with_all.desired)


@rules_of_a_test
@given(st.data(), policies, st.integers(1, 100_000))
def test_no_data_at_all_leaves_everything_as_it_is(
    data: st.DataObject, policy: RolePolicy, seconds: int
) -> None:
    """However long it lasts."""
    memory = data.draw(memories(policy))
    blind = [MemberLoad("node", None)] * memory.desired
    decision, after = decide(policy, memory, blind, START + seconds)
    assert decision.reason is Reason.NO_DATA
    assert after == memory


@rules_of_a_test
@given(st.data(), policies)
def test_a_member_that_is_not_up_never_hides_an_overload(
    data: st.DataObject, policy: RolePolicy
) -> None:
    """If the ready members are over cpu_high on average, no reason says calm and none shrinks."""
    memory = data.draw(memories(policy))
    count = memory.desired
    over = st.sampled_from([policy.cpu_high + 0.1, policy.cpu_high + 5, 110.0])
    ready = st.builds(MemberLoad, st.just("node"), over, warming=st.booleans())
    not_up = st.builds(MemberLoad, st.just("node"), st.none() | percents, ready=st.just(False))
    loads = data.draw(st.lists(ready | not_up, min_size=count, max_size=count))
    assume(any(load.ready for load in loads))
    decision, after = decide(policy, memory, loads, START)
    assert decision.mean is not None
    assert decision.mean > policy.cpu_high
    assert decision.reason not in CALM | SHRINKING
    assert decision.desired >= count
    assert after.recommendations[-1][1] >= count


@rules_of_a_test
@given(st.data(), policies)
def test_forgetting_changes_no_answer(data: st.DataObject, policy: RolePolicy) -> None:
    """What is forgotten could not have counted: the answers are those of a full history."""
    short = whole = Memory(policy.minimum)
    now = START
    seconds_and_count = st.tuples(st.sampled_from([5, 15, 20, 40]), st.sampled_from([0, 2, 12]))
    steps = st.lists(seconds_and_count, min_size=8, max_size=20)
    for seconds, recommended in data.draw(steps):
        now += seconds
        verdict = apply_behavior(policy, short, recommended, now)
        assert verdict == apply_behavior(policy, whole, recommended, now)
        change = verdict.desired - whole.desired
        rose = ((now, change),) if change > 0 else ()
        fell = ((now, -change),) if change < 0 else ()
        whole = Memory(
            verdict.desired,
            (*whole.recommendations, (now, recommended)),
            (*whole.up_events, *rose),
            (*whole.down_events, *fell),
        )
        short = record_recommendation(policy, short, recommended, now)
        short = record_change(policy, short, verdict.desired, now)


@rules_of_a_test
@given(st.data(), policies, overrides_of_an_operator)
def test_an_operator_changes_nothing_of_what_the_rules_would_do(
    data: st.DataObject, policy: RolePolicy, overrides: Overrides
) -> None:
    """`would_be` and the recorded recommendation are those of a role left alone."""
    memory = data.draw(memories(policy))
    overrides = replace(overrides, pin=None)
    loads = data.draw(looks).loads(memory.desired)
    alone, remembered = decide(policy, memory, loads, START)
    decision, after = decide(policy, memory, loads, START, overrides)
    assert decision.would_be == alone.desired
    assert decision.recommended == alone.recommended
    assert after.recommendations == remembered.recommendations
