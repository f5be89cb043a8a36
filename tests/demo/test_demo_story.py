"""The demo's figures: changes and their seconds from the log, and what counts as a success."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.demo.daemon import LogEvent, read_line
from autoscaler.demo.scenario import PHASES, phase_is_over
from autoscaler.demo.story import changes, complaints, full_seconds, summary
from autoscaler.demo.tally import Tally
from autoscaler.demo.watch import words

PHASE_STARTS = [("calm", 100.0), ("high", 110.0)]


def decided(role: str, time: float, before: int, after: int) -> LogEvent:
    """Return a decision's event."""
    fields = {
        "role": role,
        "desired_before": before,
        "desired": after,
        "reason": "scale_up" if after > before else "scale_down",
        "mean": 80.0,
        "cpu_low": 40.0,
        "cpu_high": 70.0,
    }
    return LogEvent("scale.decided", time, fields)


def member(event: str, role: str, time: float, name: str = "m") -> LogEvent:
    """Return an event of a member."""
    return LogEvent(f"member.{event}", time, {"role": role, "member": name})


def test_growth_lasts_until_the_new_member_is_published() -> None:
    """Decided at 112 and published at 115: one change in phase `high`, at 12 s, of 3 s."""
    (change,) = changes(
        [decided("v", 112.0, 1, 2), member("started", "v", 113.0), member("published", "v", 115.0)],
        100.0,
        PHASE_STARTS,
    )
    assert (change.phase, change.at_seconds, change.seconds) == ("high", 12.0, 3.0)


def test_shrinking_lasts_until_the_member_has_stopped() -> None:
    """Unpublishing does not end it, the stop does."""
    (change,) = changes(
        [
            decided("v", 112.0, 2, 1),
            member("unpublished", "v", 113.0),
            member("stopped", "v", 117.0),
        ],
        100.0,
        PHASE_STARTS,
    )
    assert change.seconds == 5.0


def test_a_change_of_two_members_ends_with_the_second() -> None:
    """From 1 to 3 is one change, as long as the slower of its two members takes."""
    (change,) = changes(
        [
            decided("v", 112.0, 1, 3),
            member("published", "v", 114.0, "a"),
            member("published", "v", 116.0, "b"),
        ],
        100.0,
        PHASE_STARTS,
    )
    assert (change.members, change.seconds) == (("a", "b"), 4.0)


def test_members_of_other_roles_do_not_complete_a_change() -> None:
    """A published business node does not end the growth of the validators."""
    (change,) = changes(
        [decided("v", 112.0, 1, 2), member("published", "b", 114.0)], 100.0, PHASE_STARTS
    )
    assert change.seconds is None


def test_a_decision_to_stay_is_no_change() -> None:
    """A logged hold is not counted."""
    assert changes([decided("v", 112.0, 2, 2)], 100.0, PHASE_STARTS) == []


def result(failed: int = 0, reached: int = 3, final: int = 1) -> dict[str, Any]:
    """Return the summary of a demo of one role."""
    tally = Tally(requests=30_000, failed=failed)
    found = changes([decided("v", 112.0, 1, 2)], 100.0, PHASE_STARTS)
    return summary(tally.report(0), found, {"v": (3, reached, final)})


def test_a_whole_demo_has_no_complaint() -> None:
    """No failure, all members reached and one left: nothing to complain about."""
    assert complaints(result(), 20_000) == []


@pytest.mark.parametrize(
    ("seen", "wanted", "complaint"),
    [
        (result(failed=1), 1, "1 of 30000 requests failed"),
        (result(), 30_001, "only 30000 of 30001"),
        (result(reached=2), 1, "v reached 2 of 3"),
        (result(final=2), 1, "v ended with 2"),
    ],
)
def test_each_shortcoming_is_a_complaint(seen: dict[str, Any], wanted: int, complaint: str) -> None:
    """A failed request, too few, a role short of its most, or not back at one: each is named."""
    (found,) = complaints(seen, wanted)
    assert complaint in found


def test_ups_and_downs_are_counted_by_role() -> None:
    """One growth decision is one scale-up and no scale-down."""
    assert result()["roles"]["v"]["scale_ups"] == 1
    assert result()["roles"]["v"]["scale_downs"] == 0


def test_a_log_line_becomes_an_event() -> None:
    """A JSON line gives its name, its time in Unix seconds and all its fields."""
    line = '{"event": "member.started", "role": "v", "timestamp": "1970-01-01T00:01:40.5Z"}\n'
    event = read_line(line)
    assert event is not None
    assert (event.name, event.role, event.time) == ("member.started", "v", 100.5)


@pytest.mark.parametrize("line", ["", "Traceback:", "[]", '{"event": "x"}'])
def test_other_output_is_no_event(line: str) -> None:
    """What is no log line is passed over, not taken for an event."""
    assert read_line(line) is None


def test_a_decision_in_words_has_its_numbers() -> None:
    """The line for people tells counts, reason, mean and both bounds."""
    told = words(decided("v", 1.0, 1, 2))
    assert " ".join(told.split()) == (
        "scale.decided v 1 -> 2: scale_up, mean 80 % (bounds 40 and 70)"
    )


HIGH = PHASES[2]
CALM = PHASES[3]
FULL = {"validator": 3, "business": 2}
LEAST = {"validator": 1, "business": 1}
MANY = 10**6


@pytest.mark.parametrize(
    ("elapsed", "members", "requests", "over"),
    [
        (HIGH.seconds - 1, FULL, MANY, False),
        (HIGH.seconds, FULL, HIGH.requests - 1, False),
        (HIGH.seconds, {**FULL, "validator": 2}, MANY, False),
        (HIGH.seconds, FULL, HIGH.requests, True),
        (HIGH.limit_seconds, LEAST, 0, True),
    ],
)
def test_high_load_goes_on_until_all_members_serve(
    elapsed: float, members: dict[str, int], requests: int, over: bool
) -> None:
    """The phase ends with its time, its requests and all members, or at its limit."""
    assert phase_is_over(HIGH, elapsed, members, members, requests) is over


def test_the_last_phase_waits_until_surplus_members_have_stopped() -> None:
    """One published member each is not enough while a second still runs."""
    assert not phase_is_over(CALM, CALM.seconds, LEAST, FULL, MANY)
    assert phase_is_over(CALM, CALM.seconds, LEAST, LEAST, MANY)


def test_all_phases_fit_into_four_minutes() -> None:
    """Even with every phase at its limit, load lasts 220 s at most."""
    assert sum(phase.limit_seconds for phase in PHASES) <= 220


def host(event: str, time: float, resource: str = "cpu") -> LogEvent:
    """Return an event of the host."""
    return LogEvent(f"host.{event}", time, {"resource": resource})


def test_the_seconds_of_a_full_machine_are_counted_from_the_daemons_events() -> None:
    """90 to 105 counts from 100 on, 120 to the end at 130 too; memory is another matter."""
    events = [
        host("saturated", 90.0),
        host("saturated", 101.0, "memory"),
        host("recovered", 105.0),
        host("recovered", 110.0, "memory"),
        host("saturated", 120.0),
    ]
    assert full_seconds(events, 100.0, 130.0) == 15.0


@pytest.mark.parametrize(("full", "told"), [(30.0, False), (31.0, True)])
def test_a_failure_on_a_full_machine_says_so(full: float, told: bool) -> None:
    """Whoever reads it shall not look for the fault in the daemon."""
    failed = {**result(), "failed": 3, "host_full_seconds": full}
    assert (
        any("run it again on a quieter machine" in line for line in complaints(failed, 1)) is told
    )


def test_a_full_machine_alone_is_no_failure() -> None:
    """If nothing failed it does not matter how busy the machine was."""
    assert complaints({**result(), "host_full_seconds": 100.0}, 1) == []
