"""When the host has too little left, and what that does to a decision."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.model import (
    MemberLoad,
    Memory,
    Overrides,
    Reason,
)
from autoscaler.policy.decide import decide, earliest_change
from autoscaler.policy.headroom import Headroom, HeadroomLimits, HostLoad, holding, judge
from tests.policy.policies import one_a_minute

WELL, BUSY, TIGHT = Headroom(), Headroom(cpu_saturated=True), Headroom(memory_saturated=True)
POLICY = one_a_minute(300)
NOW = 10_000.0
CPU, MEMORY = Overrides(host_cpu=True), Overrides(host_memory=True)


@pytest.mark.parametrize(
    ("load", "found"),
    [
        (HostLoad(90.0, 50.0), WELL),  # the limit itself is well
        (HostLoad(90.1, 50.0), BUSY),
        (HostLoad(20.0, 10.0), WELL),
        (HostLoad(20.0, 9.9), TIGHT),
        (HostLoad(95.0, 5.0), Headroom(cpu_saturated=True, memory_saturated=True)),
        (HostLoad(None, 50.0), WELL),  # the first look has no CPU
    ],
)
def test_a_host_is_saturated_beyond_a_limit(load: HostLoad, found: Headroom) -> None:
    """Without limits set, those of the warning: 90 % in use, 10 % left."""
    assert judge(HeadroomLimits(), load, WELL, NOW) == found


@pytest.mark.parametrize(
    ("load", "before", "better"),
    [
        (HostLoad(86.0, 50.0), BUSY, False),
        (HostLoad(85.5, 50.0), BUSY, True),
        (HostLoad(20.0, 10.9), TIGHT, False),
        (HostLoad(20.0, 11.1), TIGHT, True),
    ],
)
def test_a_saturated_host_recovers_once_it_was_clearly_better_for_a_minute(
    load: HostLoad, before: Headroom, better: bool
) -> None:
    """Well below the ceiling, well above the floor; a moment of it is not enough."""
    found = before
    for seconds in (0.0, 30.0, 59.9):
        found = judge(HeadroomLimits(), load, found, NOW + seconds)
        assert (found.cpu_saturated, found.memory_saturated) == (
            before.cpu_saturated,
            before.memory_saturated,
        )
    assert (judge(HeadroomLimits(), load, found, NOW + 60.0) == WELL) is better


def test_a_load_that_breathes_around_the_limit_is_one_saturation() -> None:
    """Every break begins the minute anew."""
    found = WELL
    for second in range(600):
        busy = 97.0 if second % 50 == 0 else 40.0
        found = judge(HeadroomLimits(), HostLoad(busy, 50.0), found, NOW + second)
        assert found.cpu_saturated


def test_what_is_not_known_holds_nobody_but_for_the_first_look_of_a_meter() -> None:
    """A meter that a reload made anew has no CPU at first; a host may not be measured at all."""
    assert judge(HeadroomLimits(), HostLoad(None, 50.0), BUSY, NOW) == BUSY
    assert judge(HeadroomLimits(), None, BUSY, NOW) == WELL


def test_limits_that_are_set_are_those_that_count() -> None:
    """A ceiling of 50 %, a floor of 40 %."""
    limits = HeadroomLimits(50.0, 40.0)
    assert judge(limits, HostLoad(51.0, 41.0), WELL, NOW) == BUSY
    assert judge(limits, HostLoad(49.0, 39.0), WELL, NOW) == TIGHT


@pytest.mark.parametrize(
    ("limits", "held"),
    [
        (HeadroomLimits(), Overrides()),
        (HeadroomLimits(cpu_ceiling=90.0), CPU),
        (HeadroomLimits(memory_floor=10.0), MEMORY),
        (HeadroomLimits(90.0, 10.0), Overrides(host_cpu=True, host_memory=True)),
    ],
)
def test_only_a_limit_that_is_set_holds(limits: HeadroomLimits, held: Overrides) -> None:
    """A host that lacks both; what operators have set stays beside it."""
    both = Headroom(cpu_saturated=True, memory_saturated=True)
    assert holding(Overrides(), limits, both) == held
    assert holding(Overrides(hold=True), limits, both) == replace(held, hold=True)
    assert holding(Overrides(hold=True), limits, WELL) == Overrides(hold=True)


def loads(*percents: float | None) -> tuple[MemberLoad, ...]:
    """Return ready members with these CPU percents."""
    return tuple(MemberLoad(f"node-{i}", cpu) for i, cpu in enumerate(percents, start=1))


def quiet(desired: int, recommended: int) -> Memory:
    """Return the memory of a role that asked for the same for six minutes."""
    entries = tuple((NOW - 5 * step, recommended) for step in range(72, 0, -1))
    return Memory(desired, entries, recorded_at=NOW - 5)


@pytest.mark.parametrize("host", [CPU, MEMORY])
def test_a_saturated_host_holds_growth_that_load_asks_for(host: Overrides) -> None:
    """One more would only split the same cores, or end another by lack of memory."""
    decision, memory = decide(POLICY, quiet(1, 1), loads(95), NOW, host)
    assert (decision.reason, decision.desired) == (Reason.HOST_SATURATED, 1)
    assert (decision.would_be, decision.recommended) == (2, 2)
    assert memory.up_events == ()


def test_growth_comes_at_once_when_the_host_has_recovered() -> None:
    """It was remembered as asked for."""
    _, memory = decide(POLICY, quiet(1, 1), loads(95), NOW, CPU)
    decision, _ = decide(POLICY, memory, loads(95), NOW + 5)
    assert (decision.reason, decision.desired) == (Reason.SCALE_UP, 2)


@pytest.mark.parametrize("host", [CPU, MEMORY])
def test_the_minimum_and_a_pin_are_reached_on_a_saturated_host_too(host: Overrides) -> None:
    """People set them, and a missing member is mended: capacity is never left away by mistake."""
    raised = replace(POLICY, minimum=2)
    decision, _ = decide(raised, quiet(1, 1), loads(95), NOW, host)
    assert (decision.reason, decision.desired) == (Reason.BELOW_MIN, 2)
    decision, _ = decide(replace(raised, fixed=True), quiet(1, 1), loads(95), NOW, host)
    assert (decision.reason, decision.desired) == (Reason.FIXED, 2)
    decision, _ = decide(POLICY, quiet(1, 1), loads(50), NOW, replace(host, pin=3))
    assert (decision.reason, decision.desired) == (Reason.PINNED, 3)


def test_a_busy_host_stops_nobody_because_starved_members_look_idle() -> None:
    """Low for six minutes, which would take one away."""
    assert decide(POLICY, quiet(2, 1), loads(5, 5), NOW)[0].desired == 1
    decision, memory = decide(POLICY, quiet(2, 1), loads(5, 5), NOW, CPU)
    assert (decision.reason, decision.desired, decision.mean) == (Reason.HOST_SATURATED, 2, 5)
    assert memory.recommendations[-1] == (NOW, 2)


def test_after_a_busy_host_the_grace_begins_anew() -> None:
    """Readings of starved members never count as "was low"."""
    _, memory = decide(POLICY, quiet(2, 1), loads(5, 5), NOW, CPU)
    changed = earliest_change(POLICY, memory, loads(5, 5), NOW, 5.0)
    assert changed is not None
    assert changed[0] == NOW + 300.0


def test_a_host_that_lacks_memory_lets_members_go() -> None:
    """Their readings are true, and each that goes gives memory back."""
    decision, _ = decide(POLICY, quiet(2, 1), loads(5, 5), NOW, MEMORY)
    assert (decision.reason, decision.desired) == (Reason.SCALE_DOWN, 1)


def test_a_lowered_maximum_is_obeyed_on_a_busy_host() -> None:
    """People set it."""
    lower = replace(POLICY, maximum=2)
    decision, _ = decide(lower, quiet(3, 3), loads(95, 95, 95), NOW, CPU)
    assert (decision.reason, decision.desired) == (Reason.ABOVE_MAX, 2)


def test_a_busy_host_changes_nothing_where_nothing_would_change() -> None:
    """Within the band, at the bounds, without data: the reasons as ever."""
    for cpus, desired, reason in (
        ((50, 50), 2, Reason.WITHIN_BAND),
        ((5,), 1, Reason.AT_MIN),
        ((95, 95, 95), 3, Reason.AT_MAX),
        ((None, None), 2, Reason.NO_DATA),
    ):
        decision, _ = decide(POLICY, quiet(desired, desired), loads(*cpus), NOW, CPU)
        assert (decision.reason, decision.desired) == (reason, desired)


def test_what_operators_have_set_names_itself_first() -> None:
    """A pause, a freeze."""
    paused = replace(CPU, pause_up=True)
    assert decide(POLICY, quiet(1, 1), loads(95), NOW, paused)[0].reason is Reason.PAUSED
    frozen = replace(CPU, freeze=True)
    assert decide(POLICY, quiet(1, 1), loads(95), NOW, frozen)[0].reason is Reason.FROZEN
