"""The record of one member: readiness, late starts, failures, quarantine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.actuation.health import ProbeResult
from autoscaler.daemon.tracking import Track, TrackRules
from autoscaler.model import ContainerState, Health, Member, StepKind

RULES = TrackRules(start_timeout=180.0, health_failures=3, quarantine=30.0, quarantine_max=600.0)
UP = Member("validator", "v2", 2, "id-2", ContainerState.RUNNING, Health.NONE, "t1", 9003)
GOOD, BAD = ProbeResult(ok=True, detail="200"), ProbeResult(ok=False, detail="refused")


@pytest.fixture
def track() -> Track:
    """Return the record of a member that came up at second 100."""
    record = Track()
    assert record.observe(UP, 100.0)
    return record


def probe(track: Track, *results: ProbeResult, health: Health = Health.NONE) -> None:
    """Judge the member by these probes, one a second."""
    for result in results:
        track.judge(health, result, "/health", RULES, 110.0)


def test_running_is_not_ready(track: Track) -> None:
    """Nothing was proven yet."""
    assert track.running
    assert not track.ready


def test_a_good_probe_makes_it_ready(track: Track) -> None:
    """From that moment on."""
    probe(track, GOOD)
    assert track.ready_since == 110.0


def test_one_bad_probe_does_not_take_readiness_away_three_in_a_row_do(track: Track) -> None:
    """One lost packet must not cost a node."""
    probe(track, GOOD, BAD, BAD, GOOD, BAD, BAD)
    assert track.ready
    probe(track, BAD)
    assert not track.ready


def test_the_containers_own_verdict_counts_at_once(track: Track) -> None:
    """Unhealthy is a veto."""
    probe(track, GOOD)
    track.judge(Health.UNHEALTHY, None, "/health", RULES, 111.0)
    assert not track.ready


def test_a_member_whose_check_still_says_starting_is_judged_after_three_bad_probes(
    track: Track,
) -> None:
    """Nobody waits for it longer than for any other."""
    probe(track, BAD, BAD, health=Health.STARTING)
    assert not track.judged(Health.STARTING, "/health", RULES)
    probe(track, BAD, health=Health.STARTING)
    assert track.judged(Health.STARTING, "/health", RULES)


def test_another_run_begins_with_a_clean_sheet(track: Track) -> None:
    """Readiness is not inherited from the run before."""
    probe(track, GOOD)
    track.drained = False
    track.hooks_done.add(StepKind.AFTER_HEALTHY)
    assert track.observe(replace(UP, started_at="t2"), 200.0)
    assert not track.ready
    assert not track.hooks_done
    assert (track.up_since, track.drained) == (200.0, True)


def test_bad_answers_of_the_run_before_do_not_count(track: Track) -> None:
    """The new run was not asked yet, so NGINX's first file waits for its answer."""
    probe(track, BAD, BAD, BAD)
    track.observe(replace(UP, started_at="t2"), 120.0)
    assert track.unasked
    assert not track.judged(Health.NONE, "/health", RULES)


def test_the_same_run_seen_again_changes_nothing(track: Track) -> None:
    """A look is not an event."""
    probe(track, GOOD)
    assert not track.observe(UP, 200.0)
    assert track.ready_since == 110.0


def test_a_run_that_was_only_paused_keeps_its_undrained_requests(track: Track) -> None:
    """They are still in it: it has to be proven again, and drained before a stop."""
    probe(track, GOOD)
    track.drained = False
    track.observe(replace(UP, state=ContainerState.PAUSED), 120.0)
    assert not track.ready
    assert track.observe(UP, 130.0)
    assert not track.drained


def test_a_member_has_its_whole_time_to_come_up(track: Track) -> None:
    """Coming up until 180 s after the start, overdue from then on."""
    assert track.coming_up(RULES, 279.9)
    assert not track.overdue(RULES, 279.9)
    assert not track.coming_up(RULES, 280.0)
    assert track.overdue(RULES, 280.0)


def test_a_member_that_was_ready_once_is_never_overdue(track: Track) -> None:
    """It turned unhealthy, which is another matter."""
    probe(track, GOOD, BAD, BAD, BAD)
    assert not track.ready
    assert not track.overdue(RULES, 1000.0)
    assert not track.coming_up(RULES, 120.0)


def test_quarantine_doubles_up_to_its_longest(track: Track) -> None:
    """30 s, 60 s, ... 600 s when each failure follows the quarantine before."""
    now, seconds = 0.0, []
    for _ in range(7):
        seconds.append(track.quarantine(RULES, now))
        now += seconds[-1] + 1.0
    assert seconds == [30.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0]


def test_a_week_of_failed_starts_is_only_quarantine(track: Track) -> None:
    """A try every ten minutes is a thousand in a row; 2.0**1024 is no float."""
    now = 0.0
    for _ in range(1100):
        now += track.quarantine(RULES, now) + 1.0
    assert track.quarantine(RULES, now) == 600.0


def test_quarantine_ends_by_itself(track: Track) -> None:
    """At its end the member is as good as any."""
    track.quarantine(RULES, 100.0)
    assert track.quarantined(129.9)
    assert not track.quarantined(130.0)


def test_a_member_that_was_well_for_long_starts_over_with_the_shortest_quarantine(
    track: Track,
) -> None:
    """More than ten minutes after the end of the last one."""
    track.quarantine(RULES, 0.0)
    track.quarantine(RULES, 31.0)
    assert track.quarantine(RULES, 91.0 + 601.0) == 30.0


def test_failed_starts_of_long_ago_do_not_put_a_spare_behind_others(track: Track) -> None:
    """It may have been mended; ten minutes after its quarantine it has a clean record."""
    seconds = track.quarantine(RULES, 200.0)
    over = 200.0 + seconds
    assert track.failed_starts(over + 600.0) == 1
    assert track.failed_starts(over + 600.1) == 0


def test_two_failures_are_mended_at_once_and_the_third_means_quarantine(track: Track) -> None:
    """Within ten minutes."""
    assert track.failed_after_ready(RULES, 0.0) is None
    assert track.failed_after_ready(RULES, 100.0) is None
    assert track.failed_after_ready(RULES, 599.0) == 30.0


def test_old_failures_are_forgotten(track: Track) -> None:
    """One crash in ten minutes is not flapping."""
    assert [track.failed_after_ready(RULES, 601.0 * n) for n in range(5)] == [None] * 5


def test_a_step_that_fails_for_days_is_tried_every_minute(track: Track) -> None:
    """That is a thousand tries in 17 hours; 2.0**1024 is no float."""
    assert {track.step_failed(0.0) for _ in range(1100)} >= {32.0, 60.0}
    assert track.step_failed(0.0) == 60.0


def test_a_stop_that_is_refused_for_ever_is_tried_for_ever(track: Track) -> None:
    """Every ten minutes, a thousand times in a week; 2.0**1024 is no float."""
    pauses = [track.refuse_stop(RULES, 0.0) for _ in range(1100)]
    assert pauses[:2] == [30.0, 60.0]
    assert pauses[-1] == 600.0


def test_a_failing_step_backs_off_and_a_good_one_clears_it(track: Track) -> None:
    """1, 2, 4 ... at most 60 s."""
    assert [track.step_failed(0.0) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    track.step_done()
    assert track.step_failed(0.0) == 1.0
