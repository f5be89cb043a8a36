"""The history file: a real SQLite database, damaged, locked, full and hanging."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

import pytest

from autoscaler.clock import SystemClock
from autoscaler.daemon import history as history_module
from autoscaler.daemon import rounds, schema
from autoscaler.daemon.database import VERSION, open_history, prune
from autoscaler.daemon.history import History, Limits, Record, wait_for_all
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.stored import Stored, Unfinished, load_in_time, tell
from autoscaler.model import (
    Decision,
    MemberLoad,
    Memory,
    NoReading,
    Overrides,
    Reading,
    Reason,
    StepKind,
)
from autoscaler.policy.decide import adopt
from autoscaler.policy.overrides import Moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEMORY = Memory(3, ((1.0, 2), (2.5, 3)), ((1.0, 1),), ((0.5, 2),), 2.5)
STATE = schema.RoleRecord(
    MEMORY,
    {"v3": ("id", "t3")},
    frozenset({"v1", "v3"}),
    1000.0,
    50.0,
    "boot",
    owing={"v4": ("id4", "")},
    let_go={"v3": ("id", "t3")},
)
LIMITS = Limits(14, 256)


class Trouble:
    """Remembers what the history thread told."""

    def __init__(self) -> None:
        self.told: list[str | None] = []
        self.came = threading.Event()

    def __call__(self, text: str | None) -> None:
        """Take in a sentence, or None when all is well again."""
        self.told.append(text)
        self.came.set()


@pytest.fixture
def trouble() -> Trouble:
    """Return an ear for trouble."""
    return Trouble()


@pytest.fixture
def history(tmp_path: Path, trouble: Trouble) -> Iterator[History]:
    """Yield a running history on a new file."""
    one = History(tmp_path / "history.db", LIMITS, trouble)
    one.start()
    yield one
    one.close(5.0)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """Read the file as anybody may."""
    with sqlite3.connect(path) as database:
        return database.execute(query).fetchall()


def event(wall: float, name: str) -> schema.Statement:
    """Return an event's statement."""
    return schema.event(wall, name, {"role": "validator", "member": "v1", "n": 1})


def a_round(readings: tuple[Reading, ...], wall: float = 1.0) -> list[schema.Statement]:
    """Return the statements of a round whose first reading is of the only chosen member."""
    loads = (MemberLoad(readings[0].member, readings[0].cpu_percent, ready=True, warming=True),)
    around = rounds.Surroundings(wall, MEMORY, MEMORY, containers=2)
    return rounds.statements("validator", wall, readings, loads, around)


# What goes in comes out.


def test_a_roles_memory_comes_back_as_it_was(history: History) -> None:
    """Desired, recommendations, events, unfinished stops, known names and both clocks."""
    assert history.write([schema.role_state("validator", STATE)]).wait(5.0)
    assert schema.load_roles(history.path) == ({"validator": STATE}, [])


def test_only_the_last_memory_of_a_role_is_kept(history: History) -> None:
    """It is a state, not a log."""
    for _ in range(3):
        record = history.write([schema.role_state("validator", STATE)])
    assert record.wait(5.0)
    assert rows(history.path, "SELECT count(*) FROM role_state") == [(1,)]


def test_readings_keep_their_reason_instead_of_a_number(history: History) -> None:
    """No reading is NULL with its reason, never 0."""
    given = (Reading("v1", 12.5, source="cgroup"), Reading("v2", None, NoReading.TIMED_OUT))
    assert history.write(a_round(given)).wait(5.0)
    stored = rows(history.path, "SELECT member, cpu_percent, reason FROM readings")
    assert stored == [("v1", 12.5, None), ("v2", None, "timed_out")]


def test_a_round_keeps_what_the_rules_saw_of_each_member(history: History) -> None:
    """The place among the chosen, whether it was counted, whether it was warming."""
    given = (Reading("v1", 12.5), Reading("v2", 3.0))
    assert history.write(a_round(given)).wait(5.0)
    stored = rows(history.path, "SELECT member, place, ready, warming FROM readings")
    assert stored == [("v1", 0, 1, 1), ("v2", None, 0, None)]
    stored = rows(history.path, "SELECT monotonic, desired, containers, given FROM rounds")
    assert stored == [(1.0, 3, 2, None)]


def test_counts_set_by_hand_are_on_record_with_their_time() -> None:
    """So a replay can take them over at the moment at which the daemon did."""
    by_hand = adopt(adopt(MEMORY, 4, 3.0), 2, 3.5)
    around = rounds.Surroundings(4.0, by_hand, MEMORY, containers=4)
    *_, (_, values) = rounds.statements("validator", 1.0, (), (), around)
    assert rounds.given_from(str(values[-1])) == rounds.Given(adopted=((3.0, 4), (3.5, 2)))


def test_a_daemon_puts_the_memory_it_begins_with_on_record() -> None:
    """In its first round, with the count it found running."""
    around = rounds.Surroundings(4.0, MEMORY, None, containers=3, found=3)
    *_, (_, values) = rounds.statements("validator", 1.0, (), (), around)
    assert rounds.given_from(str(values[-1])) == rounds.Given(begun=MEMORY, found=3)


def test_what_operators_had_set_is_on_record() -> None:
    """And nothing is written where they had set nothing."""
    paused = Overrides(pause_down=True)
    around = rounds.Surroundings(4.0, MEMORY, MEMORY, containers=3, overrides=paused)
    *_, (_, values) = rounds.statements("validator", 1.0, (), (), around)
    assert rounds.overrides_from(str(values[-2])) == paused
    assert rounds.overrides_from(None) == Overrides()


def test_a_file_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    """Its readings stay, and new ones fit beside them."""
    path = tmp_path / "history.db"
    with sqlite3.connect(path) as old:
        old.executescript(
            "CREATE TABLE readings (wall REAL NOT NULL, role TEXT NOT NULL, member TEXT NOT NULL,"
            " cpu_percent REAL, memory_percent REAL, reason TEXT, source TEXT NOT NULL);"
            "INSERT INTO readings VALUES (1, 'validator', 'v1', 7, NULL, NULL, 'cgroup');"
            "PRAGMA user_version=1"
        )
    for _ in range(2):
        database = open_history(path)
        assert database.execute("PRAGMA user_version").fetchone() == (VERSION,)
        for statement in a_round((Reading("v1", 8.0),), 2.0):
            database.execute(*statement)
        found = database.execute("SELECT wall, cpu_percent, place FROM readings").fetchall()
        assert found == [(1.0, 7.0, None), (2.0, 8.0, 0)]
        database.close()


def test_a_decision_keeps_every_number(history: History) -> None:
    """So that it can be explained later."""
    given = Decision(Reason.SCALE_UP, 1, 2, 2, 80.5, 80.5, 70.0, 40.0, 2, 2, 2)
    assert history.write([schema.decision("validator", 7.0, given)]).wait(5.0)
    assert rows(history.path, "SELECT * FROM decisions") == [
        (7.0, "validator", "scale_up", 1, 2, 2, 80.5, 80.5, 70.0, 40.0, 2, 2, 2)
    ]


def test_an_action_is_there_before_its_outcome_and_then_with_it(history: History) -> None:
    """The row is begun once and completed once."""
    action = schema.ActionRecord("k", 1.0, "validator", "v2", "id", StepKind.START, "load")
    assert history.write([schema.action_begun(action)]).wait(5.0)
    assert rows(history.path, "SELECT action, outcome FROM actions") == [("start", None)]
    assert history.write([schema.action_ended("k", 2.0, "failed", "no network")]).wait(5.0)
    stored = rows(history.path, "SELECT action, finished, outcome, detail FROM actions")
    assert stored == [("start", 2.0, "failed", "no network")]


def test_statements_of_one_record_arrive_together_or_not_at_all(
    history: History, trouble: Trouble
) -> None:
    """A record is one transaction."""
    record = history.write([event(1.0, "a"), ("INSERT INTO nowhere VALUES (1)", ())])
    assert not record.wait(5.0)
    assert trouble.came.wait(5.0)
    assert rows(history.path, "SELECT count(*) FROM events") == [(0,)]


# Files that cannot be used.


def test_a_missing_file_is_an_empty_memory(tmp_path: Path) -> None:
    """The first start is no problem to tell of."""
    assert schema.load_roles(tmp_path / "none.db") == ({}, [])


@pytest.mark.parametrize("umask", [0o077, 0o022, 0o000])
def test_the_group_and_nobody_else_may_read_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """`autoscaler events` is for the daemon's group; the service's umask is 0077."""
    before = os.umask(umask)
    try:
        database = open_history(tmp_path / "history.db")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    database.close()
    assert modes == dict.fromkeys(("history.db", "history.db-shm", "history.db-wal"), 0o640)


def test_a_file_that_everybody_could_read_is_closed_to_them(tmp_path: Path) -> None:
    """Earlier versions, started by hand, left such files, with those that SQLite keeps beside."""
    path = tmp_path / "history.db"
    open_history(path).close()
    path.chmod(0o644)
    kept = open_history(path)
    for file in tmp_path.iterdir():
        file.chmod(0o644)
    again = open_history(path)
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    again.close()
    kept.close()
    assert modes == dict.fromkeys(("history.db", "history.db-shm", "history.db-wal"), 0o640)


@pytest.mark.parametrize("damage", ["random", "truncated"])
def test_a_damaged_file_is_told_when_read_and_put_aside_when_written(
    tmp_path: Path, trouble: Trouble, damage: str
) -> None:
    """Never "no members", never in the way: the old file stays beside for whoever wants it."""
    path = tmp_path / "history.db"
    database = open_history(path)
    with database:
        for n in range(2000):
            database.execute(*event(float(n), "filler"))
    database.close()
    whole = path.read_bytes()
    path.write_bytes(b"\x17no database" * 500 if damage == "random" else whole[: len(whole) // 2])
    roles, problems = schema.load_roles(path)
    assert roles == {}
    assert str(path) in problems[0]
    history = History(path, LIMITS, trouble)
    history.start()
    assert history.write([schema.role_state("validator", STATE)]).wait(5.0)
    history.close(5.0)
    assert (tmp_path / "history.db.damaged").exists()
    assert schema.load_roles(path)[0] == {"validator": STATE}


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path, trouble: Trouble) -> None:
    """It is told with what to do, and not a byte of it changes."""
    path = tmp_path / "history.db"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=99")
    before = path.read_bytes()
    history = History(path, LIMITS, trouble)
    history.start()
    assert trouble.came.wait(5.0)
    assert "newer autoscaler" in str(trouble.told[0])
    history.close(5.0)
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == []
    assert len(path.read_bytes()) >= len(before)


def test_a_directory_that_cannot_be_made_is_told_once_and_nobody_waits(
    tmp_path: Path, trouble: Trouble
) -> None:
    """Records are let go at once, so that no action is held up."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    history = History(tmp_path / "file" / "history.db", LIMITS, trouble)
    history.start()
    assert trouble.came.wait(5.0)
    for _ in range(3):
        record = history.write([event(1.0, "a")])
        assert record.done.wait(5.0)
        assert not record.stored
    assert [text is not None and "history.db" in text for text in trouble.told] == [True]
    assert history.dropped == 3
    history.close(5.0)


def test_storing_begins_again_when_the_file_can_be_used(
    tmp_path: Path, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the trouble is told too."""
    monkeypatch.setattr(history_module, "RETRY_SECONDS", 0.05)
    folder = tmp_path / "late"
    folder.write_text("in the way", encoding="utf-8")
    history = History(folder / "history.db", LIMITS, trouble)
    history.start()
    assert trouble.came.wait(5.0)
    folder.unlink()
    deadline = time.monotonic() + 5.0
    while not history.write([event(1.0, "a")]).wait(1.0):
        assert time.monotonic() < deadline
    assert trouble.told[-1] is None
    history.close(5.0)


def test_unusable_memory_of_one_role_leaves_the_others(tmp_path: Path) -> None:
    """Each problem is told with its role; nothing is guessed."""
    path = tmp_path / "history.db"
    database = open_history(path)
    good = schema.role_state("good", STATE)
    usable: dict[str, object] = {
        "desired": 1,
        "recommendations": [],
        "up_events": [],
        "down_events": [],
        "recorded_at": None,
        "leaving": {},
        "known": [],
    }
    worse: tuple[dict[str, object], ...] = (
        {"desired": None},
        {"recommendations": [[1.0, float("inf")]]},
        {"leaving": {"v1": []}},
        {"known": 3},
        {"up_events": {}},
    )
    bad = ["nonsense", "[]", "{}", *(json.dumps({**usable, **one}) for one in worse)]
    with database:
        database.execute(*good)
        for n, text in enumerate(bad):
            database.execute(
                "INSERT INTO role_state VALUES (?, ?, 1, 1, 'boot')", (f"bad{n}", text)
            )
    database.close()
    roles, problems = schema.load_roles(path)
    assert set(roles) == {"good"}
    assert len(problems) == len(bad)


# Slow disks and full queues.


def test_an_action_waits_at_most_its_second_for_a_hanging_file(
    tmp_path: Path, trouble: Trouble
) -> None:
    """Somebody holds the database: the wait ends by itself and says no."""
    path = tmp_path / "history.db"
    history = History(path, LIMITS, trouble)
    history.start()
    assert history.write([event(1.0, "a")]).wait(5.0)
    holder = sqlite3.connect(path, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    assert not history.write([event(2.0, "b")]).wait(0.3)
    assert time.monotonic() - began < 1.0
    holder.rollback()
    holder.close()
    history.close(5.0)
    assert rows(path, "SELECT count(*) FROM events") == [(2,)]


def test_a_file_that_hangs_is_told_once_and_its_end_too(
    tmp_path: Path, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hanging disk raises no error, so whoever writes next notices the time it takes."""
    monkeypatch.setattr(history_module, "HANG_SECONDS", 0.1)
    history = History(tmp_path / "history.db", LIMITS, trouble)
    history.start()
    assert history.write([event(1.0, "a")]).wait(5.0)
    holder = sqlite3.connect(history.path, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    while not trouble.told:
        history.write([event(2.0, "b")]).wait(0.02)
        assert time.monotonic() < began + 3.0
    history.write([event(3.0, "c")])
    holder.rollback()
    holder.close()
    assert history.write([event(4.0, "d")]).wait(5.0)
    assert [text is None or "the disk hangs" in text for text in trouble.told] == [True, True]
    assert trouble.told[-1] is None
    history.close(5.0)


def test_a_file_damaged_while_in_use_is_put_aside_and_a_new_one_begun(
    tmp_path: Path, trouble: Trouble
) -> None:
    """It can still be opened, so only the next record shows it; both are told."""
    path = tmp_path / "history.db"
    database = open_history(path)
    query = "SELECT rootpage FROM sqlite_master WHERE name = 'events'"
    (page,) = database.execute(query).fetchone()
    (size,) = database.execute("PRAGMA page_size").fetchone()
    database.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    history = History(path, LIMITS, trouble)
    history.start()
    deadline = time.monotonic() + 5.0
    while not history.write([event(1.0, "a")]).wait(1.0):
        assert time.monotonic() < deadline
    history.close(5.0)
    assert "history.db.damaged" in str(trouble.told[0])
    assert trouble.told[1:] == [None]
    assert (tmp_path / "history.db.damaged").exists()


def test_memory_on_a_hanging_disk_does_not_hold_up_the_start(tmp_path: Path) -> None:
    """A pipe nobody writes to stands for it: the start goes on without, and says so."""
    path = tmp_path / "history.db"
    os.mkfifo(path)
    stored = load_in_time(path, Moment(0.0, 0.0, ""), 0.1)
    (problem,) = stored.problems
    assert stored == Stored(problems=(problem,))
    assert problem.reason == f"{path} could not be read within 0.1 s: the disk hangs"
    assert "pauses and pins that were in force are gone" in problem.consequence


def test_an_action_under_way_when_the_daemon_ended_is_told_once(
    tmp_path: Path, trouble: Trouble
) -> None:
    """It has no outcome; those with one are not told, and it has one after it was told."""
    path = tmp_path / "history.db"

    def act(history: History, key: str) -> Record:
        action = schema.ActionRecord(key, 1.0, "validator", "v2", "id", StepKind.START, "wanted: 2")
        return history.write([schema.action_begun(action)])

    first = History(path, LIMITS, trouble)
    first.start()
    act(first, "done")
    act(first, "open")
    first.write([schema.action_ended("done", 2.0, "ok", ""), schema.role_state("validator", STATE)])
    first.close(5.0)
    stored = load_in_time(path, Moment(0.0, 0.0, ""))
    assert stored.unfinished == (Unfinished("open", "validator", "v2", "start", "wanted: 2"),)
    second = History(path, LIMITS, trouble)
    second.start()
    tell(stored, Journal(second, SystemClock()), second)
    second.close(5.0)
    assert rows(path, "SELECT event, member FROM events") == [("action.interrupted", "v2")]
    assert load_in_time(path, Moment(0.0, 0.0, "")).unfinished == ()


def test_a_path_that_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    """It is not taken for a first start."""
    roles, problems = schema.load_roles(tmp_path / ("x" * 300))
    assert roles == {}
    assert "too long" in problems[0]


def test_several_records_are_waited_for_together() -> None:
    """Three that never come cost one wait, not three."""
    began = time.monotonic()
    assert not wait_for_all([Record(()) for _ in range(3)], 0.2)
    assert time.monotonic() - began < 0.5


@pytest.mark.parametrize("value", ["\ud800", 2**63])
def test_a_value_that_no_file_can_hold_costs_only_what_came_with_it(
    history: History, trouble: Trouble, monkeypatch: pytest.MonkeyPatch, value: object
) -> None:
    """The thread goes on: it is told, and what comes later is stored."""
    monkeypatch.setattr(history_module, "RETRY_SECONDS", 0.01)
    bad = ("INSERT INTO events VALUES (?, ?, ?, ?, ?)", (1.0, value, None, None, "{}"))
    assert not history.write([bad]).wait(10.0)
    deadline = time.monotonic() + 10.0
    while not history.write([event(2.0, "later")]).wait(10.0):
        assert time.monotonic() < deadline
    assert trouble.told[0] is not None
    assert "cannot store history" in trouble.told[0]
    assert ("later",) in rows(history.path, "SELECT event FROM events")


def test_a_full_queue_drops_and_counts(tmp_path: Path, trouble: Trouble) -> None:
    """The thread does not run here: what exceeds the queue is let go at once."""
    history = History(tmp_path / "history.db", LIMITS, trouble)
    for _ in range(history_module.QUEUE_LIMIT):
        history.write([])
    record = history.write([event(1.0, "a")])
    assert (record.done.is_set(), record.stored, history.dropped) == (True, False, 1)


def test_closing_stores_what_is_queued(tmp_path: Path, trouble: Trouble) -> None:
    """Also when the thread has hardly begun."""
    history = History(tmp_path / "history.db", LIMITS, trouble)
    for n in range(1200):
        history.write([event(float(n), "a")])
    history.start()
    history.close(10.0)
    assert rows(history.path, "SELECT count(*) FROM events") == [(1200,)]


def test_closing_does_not_wait_for_ever(tmp_path: Path, trouble: Trouble) -> None:
    """A hanging file costs the given time, no more."""
    path = tmp_path / "history.db"
    open_history(path).close()
    holder = sqlite3.connect(path, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    history = History(path, LIMITS, trouble)
    history.start()
    history.write([event(1.0, "a")])
    began = time.monotonic()
    history.close(0.3)
    assert time.monotonic() - began < 2.0
    holder.rollback()
    holder.close()


# How much is kept.


def test_old_rows_go_after_their_days(tmp_path: Path) -> None:
    """14 days before the last reading."""
    day = 86400.0
    database = open_history(tmp_path / "history.db")
    with database:
        for wall in (100 * day, 115 * day):
            database.execute(*event(wall, "a"))
            for statement in a_round((Reading("v1", 1.0),), wall):
                database.execute(*statement)
    prune(database, 14, 256)
    assert database.execute("SELECT wall FROM events").fetchall() == [(115 * day,)]
    assert database.execute("SELECT wall FROM readings").fetchall() == [(115 * day,)]
    database.close()


def test_rows_of_a_clock_that_was_ahead_do_not_make_later_ones_old(tmp_path: Path) -> None:
    """Set forward by a year and back again: what is written now stays."""
    day = 86400.0
    database = open_history(tmp_path / "history.db")
    with database:
        for wall in (465 * day, 100 * day):
            for statement in a_round((Reading("v1", 1.0),), wall):
                database.execute(*statement)
    prune(database, 14, 256)
    assert (100 * day,) in database.execute("SELECT wall FROM readings").fetchall()
    database.close()


def test_limits_that_change_count_at_the_next_cleaning(
    tmp_path: Path, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload takes history from 14 days to one while the file stays open."""
    monkeypatch.setattr(history_module, "PRUNE_SECONDS", 0.01)
    day = 86400.0
    one = History(tmp_path / "history.db", LIMITS, trouble)
    one.start()
    for wall in (100 * day, 105 * day):
        assert one.write(a_round((Reading("v1", 1.0),), wall)).wait(10.0)
    assert len(rows(one.path, "SELECT wall FROM readings")) == 2
    one.use(Limits(1, 256))
    deadline = time.monotonic() + 10.0
    while len(rows(one.path, "SELECT wall FROM readings")) > 1:
        assert time.monotonic() < deadline, "the old reading is still there"
        assert one.write([event(105 * day, "later")]).wait(10.0)
    assert rows(one.path, "SELECT wall FROM readings") == [(105 * day,)]
    one.close(10.0)


def test_the_oldest_rows_go_when_the_file_is_too_large(tmp_path: Path) -> None:
    """After pruning to 1 MiB the file is that small and holds the newest rows."""
    path = tmp_path / "history.db"
    database = open_history(path)
    filler = {"text": "x" * 1000}
    with database:
        for n in range(3000):
            database.execute(*schema.event(float(n), "a", filler))
    prune(database, 14, 1)
    kept = [wall for (wall,) in database.execute("SELECT wall FROM events ORDER BY wall")]
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    assert 100 < len(kept) < 1100
    assert kept[-1] == 2999.0
    assert kept[0] == 3000.0 - len(kept)
    assert path.stat().st_size < 1.2 * 1024 * 1024


# Other hands.


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_removed_or_replaced_under_the_daemon_is_begun_anew_with_nothing_lost_since(
    history: History, trouble: Trouble, *, replaced: bool
) -> None:
    """SQLite would write on into a file that has no name any more."""
    assert history.write([event(1.0, "before")]).wait(5.0)
    for path in history.path.parent.glob("history.db*"):
        path.unlink()
    if replaced:
        open_history(history.path).close()
    assert history.write([event(2.0, "after")]).wait(5.0)
    assert rows(history.path, "SELECT event FROM events") == [("after",)]
    first, second = trouble.told
    assert first is not None
    assert "history.db was removed or replaced by somebody; it is begun anew" in first
    assert second is None


def test_a_file_replaced_by_something_else_is_put_aside_like_a_damaged_one(
    history: History,
) -> None:
    """As by a copy that went wrong."""
    assert history.write([event(1.0, "before")]).wait(5.0)
    for path in history.path.parent.glob("history.db*"):
        path.unlink()
    history.path.write_bytes(b"no database" * 1000)
    assert history.write([event(2.0, "after")]).wait(5.0)
    assert rows(history.path, "SELECT event FROM events") == [("after",)]
