"""Rounds on record, played to the rules again: the same decisions, whatever happened between."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from autoscaler.daemon.database import open_history
from autoscaler.daemon.rounds import overrides_from
from autoscaler.errors import AutoscalerError
from autoscaler.model import (
    Memory,
    Overrides,
    Reason,
)
from autoscaler.policy.schedule import Timetable
from autoscaler.replay.from_history import history
from autoscaler.replay.player import Player
from autoscaler.replay.source import Span
from autoscaler.settings.schedule import schedule
from autoscaler.windows import Bounds
from tests.policy.policies import one_a_minute
from tests.replay.recording import WALL, Recorder, replayed

if TYPE_CHECKING:
    from pathlib import Path

POLICY = one_a_minute(60)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """Return a recorder on a new history."""
    return Recorder(tmp_path / "history.db", POLICY)


def test_a_host_that_was_saturated_holds_the_replay_too(recorder: Recorder) -> None:
    """Growth at 100 s, which came when the host had recovered; a round of before knows no host."""
    recorder.overrides = Overrides(host_cpu=True)
    recorder.steady(0, 100, 90)
    recorder.overrides = Overrides()
    recorder.steady(100, 200, 90)
    assert [d.desired for d in recorder.decisions] == [1] * 20 + [2] * 20
    assert {d.reason for d in recorder.decisions[:20]} == {Reason.HOST_SATURATED}
    assert replayed(recorder.path, POLICY) == recorder.decisions
    assert overrides_from('{"pause_up": true}') == Overrides(pause_up=True)


@pytest.mark.parametrize("seed", range(5))
def test_unchanged_rules_decide_the_same_on_every_round(recorder: Recorder, seed: int) -> None:
    """With load, missing readings, members not ready, counts by hand, pauses and restarts."""
    chance = random.Random(seed)  # noqa: S311 - for repeatable tests
    at = 0.0
    for _ in range(600):
        at += 5.0 if chance.random() < 0.99 else 100.0
        count = recorder.memory.desired
        total = chance.choice((30, 60, 90, 150, 220))
        cpus = [None if chance.random() < 0.1 else total / count for _ in range(count)]
        ready = [place for place in range(count) if chance.random() < 0.95]
        recorder.overrides = Overrides(
            pause_down=chance.random() < 0.05,
            host_cpu=chance.random() < 0.1,
            host_memory=chance.random() < 0.1,
        )
        recorder.containers = 2 if chance.random() < 0.1 else 3
        if chance.random() < 0.02:
            recorder.by_hand(chance.randint(1, 3), at - 1.0)
        if chance.random() < 0.02:
            recorder.restart(running=chance.randint(1, 3))
        recorder.tick(at, *cpus, ready=ready)
    assert len({d.desired for d in recorder.decisions}) == 3
    assert replayed(recorder.path, POLICY) == recorder.decisions


def test_a_schedule_is_replayed_by_the_time_of_the_recording(recorder: Recorder) -> None:
    """A window in force for a part of it: grown and shrunk when the daemon did."""
    begin = datetime.fromtimestamp(WALL, UTC)
    times = [begin + timedelta(minutes=minutes) for minutes in (5, 10)]
    first, last = (f"{at.minute} {at.hour} * * *" for at in times)
    windows = schedule().read(f"sale: {first} -> {last} min=2 max=2")
    recorder.timetable = Timetable(windows, Bounds(1, 3), UTC)
    recorder.steady(0, 900, 60.0)
    counts = [decision.desired for decision in recorder.decisions]
    assert counts.index(2) == 60
    assert counts[-1] == 1
    assert replayed(recorder.path, POLICY, timetable=recorder.timetable) == recorder.decisions
    assert replayed(recorder.path, POLICY) != recorder.decisions


def test_a_boot_between_two_rounds_does_not_turn_the_clock_back(recorder: Recorder) -> None:
    """The rules' clock begins anew at a boot; in the replay it goes on."""
    recorder.steady(1000, 1200, 150.0)
    recorder.restart(ahead=1300.0)
    recorder.memory = Memory(recorder.memory.desired)
    recorder.steady(10, 300, 20.0)
    times = [one.at for one in history(recorder.path, Span(("validator",))).rounds()]
    assert times == sorted(times)
    assert replayed(recorder.path, POLICY) == recorder.decisions


def test_a_changed_threshold_changes_the_result_as_computed_by_hand(recorder: Recorder) -> None:
    """72 % of one member, from 50 s on 80 %, over 100 s, with 70 and with 75 as upper threshold.

    With 70 the second member comes at 0 s. With 75 it comes at 50 s: until then one member shows
    72 %, and at 50 s the 40 + 40 % on record are 80 % of one. So 200 and 150 member-seconds, one
    change each; above 70 % for 5 s and for the 55 s from 0 to 55, above 75 % for 5 s.
    """
    recorder.steady(0, 50, 72.0)
    recorder.steady(50, 105, 80.0)
    in_force, changed = Player(POLICY, 70), Player(replace(POLICY, cpu_high=75.0), 70)
    counts = []
    for one in history(recorder.path, Span(("validator",))).rounds():
        for player in (in_force, changed):
            player.count(one, player.play(one))
        assert changed.memory is not None
        counts.append(changed.memory.desired)
    assert counts == [1] * 10 + [2] * 11
    assert [p.figures.changes for p in (in_force, changed)] == [1, 1]
    assert [p.figures.node_seconds for p in (in_force, changed)] == [200, 150]
    assert [p.figures.above for p in (in_force, changed)] == [5, 5]
    assert [p.figures.above_in_force for p in (in_force, changed)] == [5, 55]
    assert [p.figures.at_max for p in (in_force, changed)] == [0, 0]
    assert [p.figures.same for p in (in_force, changed)] == [21, 11]


def test_time_at_the_maximum_and_flaps_are_counted(recorder: Recorder) -> None:
    """Up at 0 s and down when the window of 60 s has passed: one flap; a maximum of 2."""
    policy = replace(POLICY, maximum=2)
    recorder.policy = policy
    recorder.tick(0.0, 90.0)
    recorder.steady(5, 105, 20.0)
    player = Player(policy, 70)
    for one in history(recorder.path, Span(("validator",))).rounds():
        player.count(one, player.play(one))
    figures = player.figures
    assert (figures.up, figures.down, figures.flaps) == (1, 1, 1)
    assert figures.at_max == 60.0


def test_a_gap_is_not_counted_as_time(recorder: Recorder) -> None:
    """An hour without a round adds what one missing round may last, 30 s."""
    recorder.tick(0.0, 50.0)
    recorder.tick(3600.0, 50.0)
    player = Player(POLICY, 70)
    for one in history(recorder.path, Span(("validator",))).rounds():
        player.count(one, player.play(one))
    assert player.figures.span == 30.0


def test_more_containers_are_taken_for_made_where_the_maximum_is_tried(recorder: Recorder) -> None:
    """Two containers limit the daemon to two; a tried maximum of 3 reaches 3."""
    recorder.containers = 2
    recorder.steady(0, 200, 200.0)
    limited, free = Player(POLICY, 70), Player(POLICY, 70, limited=False)
    for one in history(recorder.path, Span(("validator",))).rounds():
        highest = [p.play(one).desired for p in (limited, free)]
    assert highest == [2, 3]


def test_a_history_without_what_a_replay_needs_is_refused(tmp_path: Path) -> None:
    """One of version 1 says what to do; an empty one says that it is empty."""
    path = tmp_path / "history.db"
    database = open_history(path)
    with pytest.raises(AutoscalerError, match="has no readings"):
        history(path, Span(("validator",)))
    database.execute("DROP TABLE rounds")
    database.commit()
    database.close()
    with pytest.raises(AutoscalerError, match="older autoscaler"):
        history(path, Span(("validator",)))


def test_rounds_that_lost_their_readings_are_left_out(recorder: Recorder) -> None:
    """Pruning cuts each table for itself; a round without its readings would be `no_data`."""
    recorder.steady(0, 100, 50.0)
    database = open_history(recorder.path)
    with database:
        database.execute("DELETE FROM readings WHERE wall < ?", (WALL + 20,))
    database.close()
    played = list(history(recorder.path, Span(("validator",))).rounds())
    assert played[0].wall == WALL + 20
    assert all(one.loads for one in played)


def test_only_what_is_asked_for_is_played(recorder: Recorder) -> None:
    """Since and until are both part of it, and a lead before."""
    recorder.steady(0, 100, 50.0)
    span = Span(("validator",), WALL + 50, WALL + 60, lead=10.0)
    walls = [one.wall - WALL for one in history(recorder.path, span).rounds()]
    assert walls == [40, 45, 50, 55, 60]
    assert not list(history(recorder.path, Span(("business",))).rounds())
