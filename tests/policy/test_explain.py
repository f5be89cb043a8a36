"""Why a role has its count, in sentences whose numbers can be checked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.model import (
    MemberLoad,
    Memory,
    Overrides,
    Reason,
)
from autoscaler.policy.decide import decide
from autoscaler.policy.explain import Explanation, Situation, Turn, explain
from tests.policy.policies import one_a_minute

POLICY = one_a_minute(300)
NOW = 10_000.0


def told(
    *cpu: float | None, low_for: float | None = None, overrides: Overrides | None = None
) -> Explanation:
    """Explain a role whose load was within the band until `low_for` seconds ago."""
    since = NOW - (low_for or 0.0)
    memory = Memory(len(cpu), ((since, len(cpu)),), recorded_at=NOW - 5)
    loads = [MemberLoad(f"v-{i}", c) for i, c in enumerate(cpu)]
    given = overrides or Overrides()
    decision, after = decide(POLICY, memory, loads, NOW, given)
    low_since = since if low_for is not None else None
    return explain(
        Situation("validator", POLICY, after, decision, loads, NOW, 5.0, given, low_since)
    )


def test_a_load_that_would_flap_says_what_one_fewer_would_mean() -> None:
    """76.2 is 2 * 38.1; 63 is 70 less a tenth; 31.5 is half of that."""
    said = told(38.1, 38.1, low_for=131)
    assert " ".join(said.sentences) == (
        "validator stays at 2: mean 38.1 % has been below 40 % for 131 of 300 s; even then one "
        "node would run at 76.2 %, above 63 %, so it will not shrink until the mean is below "
        "31.5 %. "
        "If the readings stay as they are, nothing changes."
    )
    assert said.next_seconds is None


def test_the_grace_says_how_much_of_it_is_over_and_when_it_ends() -> None:
    """131 s are over; the first look after 300 s is 170 s from now."""
    said = told(20.0, 20.0, low_for=131)
    assert said.sentences[0] == (
        "validator stays at 2: mean 20 % has been below 40 % for 131 of 300 s."
    )
    assert said.sentences[-1] == (
        "If the readings stay as they are, it becomes 1 in 170 s (scale_down)."
    )
    assert (said.next_seconds, said.next_desired) == (170.0, 1)


def test_within_the_band_both_ways_out_are_named() -> None:
    """With the line of the flap guard, not the plain threshold."""
    assert told(50.0, 50.0).sentences[:3] == (
        "validator stays at 2: mean 50 % is between 40 % and 70 %.",
        "It grows above 70 %.",
        "It shrinks when the mean stays below 31.5 % for 300 s.",
    )


def test_an_override_says_what_the_rules_would_want() -> None:
    """`would_be` in words."""
    said = told(90.0, overrides=Overrides(pause_up=True)).sentences
    assert said[0] == "validator stays at 1: an operator paused this change; mean 90 %."
    assert said[1] == "Without that the rules would want 2."


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (Overrides(pin=1), "an operator pinned the count; mean 90 %."),
        (
            Overrides(freeze=True),
            "the host is frozen, so nothing is started or stopped; mean 90 %.",
        ),
    ],
)
def test_a_pin_and_a_freeze_keep_the_load_in_sight(overrides: Overrides, words: str) -> None:
    """With the mean, and with what the rules would want instead."""
    said = told(90.0, overrides=overrides).sentences
    assert said[0] == f"validator stays at 1: {words}"
    assert said[1] == "Without that the rules would want 2."


def test_a_busy_host_says_why_a_low_mean_stops_nobody() -> None:
    """The numbers of the host are given by whoever asks."""
    loads = [MemberLoad("v-1", 10.0), MemberLoad("v-2", 10.0)]
    busy = Overrides(host_cpu=True)
    decision, after = decide(POLICY, Memory(2), loads, NOW, busy)
    at = Situation("v", POLICY, after, decision, loads, NOW, 5.0, busy, NOW, "97 % is in use")
    assert explain(at).sentences == (
        (
            "v stays at 2: mean 10 % is below 40 %, but the host is saturated: 97 % is in use; "
            "members that lack CPU look idle, so none is stopped."
        ),
        "If the readings stay as they are, nothing changes.",
    )


def test_every_reason_has_words() -> None:
    """A new reason without words would break `explain` when it is needed most."""
    memory = Memory(2)
    loads = [MemberLoad("v-1", 50.0)]
    decision, after = decide(POLICY, memory, loads, NOW)
    for reason in Reason:
        changed = replace(decision, reason=reason)
        at = Situation("v", POLICY, after, changed, loads, NOW, 5.0, Overrides())
        assert explain(at).sentences[0].startswith("v stays at 2: ")


def turning(seconds: float, memory: Memory, cpu: float, *, low: int, high: int) -> list[str]:
    """Explain a role of two or more at its bounds when the schedule changes them; the end of it."""
    policy = replace(POLICY, minimum=min(2, memory.desired))
    loads = [MemberLoad(f"v-{i}", cpu) for i in range(memory.desired)]
    decision, after = decide(policy, memory, loads, NOW, Overrides())
    bounds = replace(POLICY, minimum=low, maximum=high)
    turn = Turn(NOW + seconds, bounds, Overrides(), "At 18:00 it turns")
    at = Situation("v", policy, after, decision, loads, NOW, 5.0, Overrides(), turns=[turn])
    return list(explain(at).sentences[1:])


def test_a_minimum_that_rises_is_foreseen() -> None:
    """Long after every window of the rules: the load asks for nothing."""
    memory = Memory(1, ((NOW - 5, 1),), recorded_at=NOW - 5)
    assert turning(36_060.0, memory, 50.0, low=2, high=3)[-2:] == [
        "At 18:00 it turns: minimum 2.",
        "If the readings stay as they are, it becomes 2 in 10 h 1 min (below_min).",
    ]


def test_a_minimum_that_falls_lets_the_grace_begin() -> None:
    """At the minimum the rules ask for two; from the turn on they ask for one, and wait."""
    memory = Memory(2, ((NOW - 5, 2),), recorded_at=NOW - 5)
    assert turning(100.0, memory, 5.0, low=1, high=3) == [
        "At 18:00 it turns: minimum 1.",
        "If the readings stay as they are, it becomes 1 in 395 s (scale_down).",
    ]


def test_a_maximum_that_falls_is_foreseen() -> None:
    """At once, whatever the load."""
    memory = Memory(3, ((NOW - 5, 3),), recorded_at=NOW - 5)
    assert turning(60.0, memory, 60.0, low=1, high=2)[-2:] == [
        "At 18:00 it turns: minimum 1, maximum 2.",
        "If the readings stay as they are, it becomes 2 in 60 s (above_max).",
    ]


def test_a_turn_that_changes_no_count_is_told() -> None:
    """Who is asked whether something will change must know."""
    memory = Memory(2, ((NOW - 5, 2),), recorded_at=NOW - 5)
    assert turning(60.0, memory, 50.0, low=1, high=3)[-2:] == [
        "At 18:00 it turns: minimum 1.",
        "If the readings stay as they are, nothing changes.",
    ]


def test_what_the_rules_do_before_the_turn_comes_first() -> None:
    """The turn is then another matter."""
    memory = Memory(3, ((NOW - 200, 3),), recorded_at=NOW - 5)
    assert turning(3_600.0, memory, 5.0, low=1, high=3) == [
        "If the readings stay as they are, it becomes 2 in 100 s (scale_down).",
    ]


def test_a_pause_that_ends_lets_the_rules_go_on() -> None:
    """The load was low all along and is so then: the member goes at once, as the grace is over."""
    memory = Memory(2, ((NOW - 400, 2),), recorded_at=NOW - 5)
    paused = Overrides(pause_down=True)
    loads = [MemberLoad(f"v-{i}", 5.0) for i in range(2)]
    decision, after = decide(POLICY, memory, loads, NOW, paused)
    turn = Turn(NOW + 60, POLICY, Overrides(), "At 18:00 the pause by ann ends")
    at = Situation("v", POLICY, after, decision, loads, NOW, 5.0, paused, turns=[turn])
    assert explain(at).sentences[-2:] == (
        "At 18:00 the pause by ann ends.",
        "If the readings stay as they are, it becomes 1 in 60 s (scale_down).",
    )


def test_turns_are_taken_one_after_the_other() -> None:
    """A pin ends and changes nothing; a window begins while the load is within the band."""
    pinned = Overrides(pin=1)
    memory = Memory(1, ((NOW - 5, 1),), recorded_at=NOW - 5)
    loads = [MemberLoad("v-1", 50.0)]
    decision, after = decide(POLICY, memory, loads, NOW, pinned)
    turns = [
        Turn(NOW + 60, POLICY, Overrides(), "At 18:00 the pin by ann ends"),
        Turn(NOW + 90, replace(POLICY, minimum=2), Overrides(), "At 19:00 night begins"),
        Turn(NOW + 99, POLICY, Overrides(), "At 20:00 night ends"),
    ]
    at = Situation("v", POLICY, after, decision, loads, NOW, 5.0, pinned, turns=turns)
    assert explain(at).sentences[-3:] == (
        "At 18:00 the pin by ann ends.",
        "At 19:00 night begins: minimum 2.",
        "If the readings stay as they are, it becomes 2 in 90 s (below_min).",
    )


LEASE = "while `./backup.sh` runs (alice, since 12:03 UTC)"


def held(mean: float, *turns: Turn) -> Explanation:
    """Explain two members under a lease, whose load was low for 131 s if it is low."""
    loads = [MemberLoad("v-1", mean), MemberLoad("v-2", mean)]
    memory = Memory(2, ((NOW - 131, 2),), recorded_at=NOW - 5)
    lease = Overrides(hold=True)
    decision, after = decide(POLICY, memory, loads, NOW, lease)
    at = Situation(
        *("v", POLICY, after, decision, loads, NOW, 5.0, lease), turns=turns, lease=LEASE
    )
    return explain(at)


def test_what_waits_for_a_command_has_no_time_but_says_for_which() -> None:
    """Its holder renews the lease, so nobody knows when it ends."""
    said = held(20.0)
    assert said.sentences[-1] == f"If the readings stay as they are, nothing changes {LEASE}."
    assert (said.next_seconds, said.next_desired, said.waits) == (None, None, LEASE)


@pytest.mark.parametrize("mean", [38.1, 50.0])
def test_a_lease_that_is_in_nobodys_way_is_not_blamed(mean: float) -> None:
    """Nothing would change without it either."""
    said = held(mean)
    assert said.sentences[-1] == "If the readings stay as they are, nothing changes."
    assert said.waits == ""


def test_growth_is_foreseen_under_a_lease() -> None:
    """A window that asks for more needs no member to be stopped."""
    more = Turn(NOW + 60, replace(POLICY, minimum=3), Overrides(hold=True), "At 18:00 W begins")
    said = held(50.0, more)
    assert (said.next_seconds, said.next_desired, said.waits) == (60.0, 3, "")


def test_what_comes_later_in_any_case_is_said_beside_a_lease() -> None:
    """Without the lease one would be stopped before that."""
    more = Turn(NOW + 600, replace(POLICY, minimum=3), Overrides(hold=True), "At 18:00 W begins")
    said = held(20.0, more)
    assert said.sentences[-1] == (
        f"If the readings stay as they are, nothing changes {LEASE}; it becomes 3 in 600 s "
        "(below_min) in any case."
    )
    assert (said.next_seconds, said.waits) == (None, LEASE)
