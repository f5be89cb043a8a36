"""The two thresholds: what the CPU of a role's members asks for at one moment."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest

from autoscaler.model import MemberLoad, Reason, RolePolicy, ScalingRules, Select
from autoscaler.policy.hysteresis import propose

RULES = ScalingRules(window_seconds=0, select=Select.MAX, limits=())
POLICY = RolePolicy(1, 10, cpu_high=70, cpu_low=40, scale_up=RULES, scale_down=RULES)
LITERAL = replace(POLICY, flap_guard=False)


def loads(*percents: float | None) -> tuple[MemberLoad, ...]:
    """Return ready members with these CPU percents, None without a reading."""
    return tuple(MemberLoad(f"node-{i}", cpu) for i, cpu in enumerate(percents, start=1))


@pytest.mark.parametrize("cpu", [40, 55, 70])
def test_both_thresholds_belong_to_the_band(cpu: float) -> None:
    """Exactly cpu_low and exactly cpu_high are within the band."""
    proposal = propose(POLICY, 2, loads(cpu, cpu))
    assert (proposal.reason, proposal.recommended) == (Reason.WITHIN_BAND, 2)
    assert (proposal.mean, proposal.average) == (cpu, cpu)


def test_just_above_cpu_high_asks_for_one_more() -> None:
    """A hair over the upper threshold recommends at least current + 1."""
    proposal = propose(POLICY, 2, loads(70.001, 70.001))
    assert (proposal.reason, proposal.recommended) == (Reason.SCALE_UP, 3)


@pytest.mark.parametrize(("cpu", "recommended"), [(105, 3), (105.1, 4), (140, 4), (350, 10)])
def test_growth_is_proportional_to_the_load(cpu: float, recommended: int) -> None:
    """ceil(current * average / cpu_high) members bring the load back to cpu_high."""
    assert propose(POLICY, 2, loads(cpu, cpu)).recommended == recommended


def test_the_recommendation_is_not_clamped_to_max() -> None:
    """The raw count goes through the windows as it is; max comes afterwards."""
    assert propose(replace(POLICY, maximum=2), 2, loads(140, 140)).recommended == 4


def test_just_below_cpu_low_asks_for_fewer() -> None:
    """39.9 % of four members fit on three with margin: 159.6 / 63 = 2.53."""
    proposal = propose(POLICY, 4, loads(39.9, 39.9, 39.9, 39.9))
    assert (proposal.reason, proposal.recommended) == (Reason.SCALE_DOWN, 3)


def test_shrinking_is_proportional_to_the_load() -> None:
    """Ten members at 10 % fit on two."""
    assert propose(POLICY, 10, loads(*[10] * 10)).recommended == 2


def test_idle_members_ask_for_none() -> None:
    """At 0 % the raw recommendation is 0; min lifts it later."""
    assert propose(POLICY, 3, loads(0, 0, 0)).recommended == 0


@pytest.mark.parametrize("cpu", [31.51, 35.5, 39.5])
def test_a_load_that_would_flap_is_kept(cpu: float) -> None:
    """The load of two that would put one over 63 % (70 less the margin) holds."""
    proposal = propose(POLICY, 2, loads(cpu, cpu))
    assert (proposal.reason, proposal.recommended) == (Reason.ANTICIPATED_FLAPPING, 2)


def test_a_load_that_just_fits_below_the_margin_shrinks() -> None:
    """Two members at 31.5 % are one at exactly 63 %: that fits."""
    proposal = propose(POLICY, 2, loads(31.5, 31.5))
    assert (proposal.reason, proposal.recommended) == (Reason.SCALE_DOWN, 1)


def test_a_wider_margin_holds_earlier() -> None:
    """With a margin of 0.5 one member may carry 35 %, so 31.5 % of two stay on two."""
    proposal = propose(replace(POLICY, flap_margin=0.5), 2, loads(31.5, 31.5))
    assert proposal.reason is Reason.ANTICIPATED_FLAPPING


@pytest.mark.parametrize("cpu", [31.51, 39.5])
def test_without_the_guard_the_literal_rule_removes_one(cpu: float) -> None:
    """flap_guard off: below cpu_low recommends current - 1 at most, whatever follows."""
    proposal = propose(LITERAL, 2, loads(cpu, cpu))
    assert (proposal.reason, proposal.recommended) == (Reason.SCALE_DOWN, 1)


def test_without_the_guard_more_than_one_may_still_be_asked_for() -> None:
    """flap_guard off keeps the proportional count where it lies below current - 1."""
    assert propose(LITERAL, 10, loads(*[10] * 10)).recommended == 2


def test_low_load_at_the_minimum_holds() -> None:
    """At current = min a low mean is at_min and recommends current."""
    proposal = propose(replace(POLICY, minimum=2), 2, loads(5, 5))
    assert (proposal.reason, proposal.recommended) == (Reason.AT_MIN, 2)


def test_no_reading_at_all_recommends_nothing() -> None:
    """Without a usable reading there is no mean, no average and no recommendation."""
    proposal = propose(POLICY, 2, loads(None, None))
    assert proposal.reason is Reason.NO_DATA
    assert (proposal.recommended, proposal.mean, proposal.average) == (None, None, None)


def test_absent_members_are_no_data_too() -> None:
    """An empty sequence is members without readings, not members at 0 %."""
    assert propose(POLICY, 2, ()).reason is Reason.NO_DATA


@pytest.mark.parametrize("cpu", [nan, inf, -inf, -1.0])
def test_a_reading_that_is_no_percentage_is_no_reading(cpu: float) -> None:
    """NaN, infinity and negative numbers never reach a mean."""
    assert propose(POLICY, 1, loads(cpu)).reason is Reason.NO_DATA
    assert propose(POLICY, 2, loads(50, cpu)).mean == 50


def test_the_mean_is_over_usable_readings_only() -> None:
    """A member without a reading does not dilute the mean."""
    proposal = propose(POLICY, 3, loads(90, None, 110))
    assert proposal.mean == 100


def test_upward_a_missing_member_counts_as_idle() -> None:
    """90 % and one unknown average 45 %, not above 70: hold."""
    proposal = propose(POLICY, 2, loads(90, None))
    assert (proposal.reason, proposal.recommended) == (Reason.INCOMPLETE_DATA, 2)
    assert (proposal.mean, proposal.average) == (90, 45)


def test_upward_an_average_of_exactly_cpu_high_holds() -> None:
    """140 % and one unknown average exactly 70 %: no longer above."""
    assert propose(POLICY, 2, loads(140, None)).reason is Reason.INCOMPLETE_DATA


def test_upward_overload_despite_a_missing_member_grows() -> None:
    """Three members of which two carry 108 % need four even if the third were idle: 216 / 70."""
    proposal = propose(POLICY, 3, loads(108, 108, None))
    assert (proposal.reason, proposal.recommended) == (Reason.SCALE_UP, 4)
    assert proposal.average == pytest.approx(72)


def test_an_absent_member_counts_like_one_without_a_reading() -> None:
    """Fewer loads than current members: the rest are unknown, in both directions."""
    assert propose(POLICY, 2, loads(90)) == propose(POLICY, 2, loads(90, None))
    assert propose(POLICY, 3, loads(5)) == propose(POLICY, 3, loads(5, None, None))


def test_spares_beyond_current_are_not_counted() -> None:
    """A further load is none of the chosen members."""
    assert propose(POLICY, 2, loads(90, 90, 0, 0)) == propose(POLICY, 2, loads(90, 90))


def test_downward_a_missing_member_counts_as_full() -> None:
    """10 % and one unknown average 55 %: not below 40, hold."""
    proposal = propose(POLICY, 2, loads(10, None))
    assert (proposal.reason, proposal.recommended) == (Reason.INCOMPLETE_DATA, 2)
    assert (proposal.mean, proposal.average) == (10, 55)


def test_downward_an_average_of_exactly_cpu_low_holds() -> None:
    """Five members, four at 25 %, one unknown: exactly 40 %, no longer below."""
    assert propose(POLICY, 5, loads(25, 25, 25, 25, None)).reason is Reason.INCOMPLETE_DATA


def test_downward_low_load_despite_a_missing_member_shrinks() -> None:
    """Five members, four at 5 %, one unknown: 120 % at most, which fits on two."""
    proposal = propose(POLICY, 5, loads(5, 5, 5, 5, None))
    assert (proposal.reason, proposal.recommended) == (Reason.SCALE_DOWN, 2)
    assert proposal.average == 24


def test_a_member_that_is_not_ready_has_no_reading() -> None:
    """The CPU of a member that does not answer yet is neither in the mean nor in the average."""
    starting = MemberLoad("node-2", 100, ready=False)
    assert propose(POLICY, 2, (*loads(10), starting)) == propose(POLICY, 2, loads(10, None))


def test_a_member_that_is_not_up_does_not_hide_an_overload() -> None:
    """Its 0 % would pull the mean into the band; the reason stays incomplete_data."""
    starting = MemberLoad("node-2", 0, ready=False)
    proposal = propose(POLICY, 2, (*loads(100), starting))
    assert proposal.reason is Reason.INCOMPLETE_DATA
    assert proposal.mean == 100


def test_a_warming_member_counts_as_idle_upward_and_real_in_the_mean() -> None:
    """Mean 90, but without the warming one's 90 the average is 45: hold."""
    warming = MemberLoad("node-2", 90, warming=True)
    proposal = propose(POLICY, 2, (*loads(90), warming))
    assert proposal.reason is Reason.INCOMPLETE_DATA
    assert (proposal.mean, proposal.average) == (90, 45)


def test_a_warming_member_counts_with_its_real_load_downward() -> None:
    """Two at 5 % shrink although one is warming: it is no missing reading."""
    warming = MemberLoad("node-2", 5, warming=True)
    proposal = propose(POLICY, 2, (*loads(5), warming))
    assert (proposal.reason, proposal.recommended) == (Reason.SCALE_DOWN, 1)
    assert proposal.average == 5


def test_a_warming_member_cannot_make_the_mean_look_low() -> None:
    """A busy warming member keeps its role from shrinking."""
    warming = MemberLoad("node-2", 100, warming=True)
    assert propose(POLICY, 2, (*loads(5), warming)).reason is Reason.WITHIN_BAND
