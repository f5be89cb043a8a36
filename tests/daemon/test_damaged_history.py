"""A damaged history at the start: what can be read of it counts, and what is lost is told."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from autoscaler.daemon import override_store, schema
from autoscaler.daemon.database import open_history
from autoscaler.daemon.stored import load_in_time
from autoscaler.model import Memory
from autoscaler.policy.overrides import Moment, Override, OverrideKind

NOW = Moment(1000.0, 2_000_000.0, "boot")
PAUSE = Override(OverrideKind.PAUSE, "sam", "deploy", NOW.wall)
STATE = schema.RoleRecord(
    Memory(desired=3), {}, frozenset({"v-1"}), NOW.wall, NOW.monotonic, NOW.boot_id
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a history with a count of 3, a pause, and many events after both."""
    found = tmp_path / "history.db"
    database = open_history(found)
    with database:
        database.execute(*schema.role_state("validator", STATE))
        for statement in override_store.statements([PAUSE], NOW):
            database.execute(*statement)
        for n in range(2000):
            database.execute(*schema.event(float(n), "filler", {}))
    database.close()
    return found


def test_what_is_left_of_a_file_that_was_cut_short_is_taken_on(path: Path) -> None:
    """The count and the pause lie in its first part; that it is damaged is told."""
    os.truncate(path, path.stat().st_size // 2)
    stored = load_in_time(path, NOW)
    assert stored.roles["validator"].memory.desired == 3
    assert stored.overrides == (PAUSE,)
    counts, pauses = stored.problems
    assert "is damaged (database disk image is malformed)" in counts.reason
    assert "go on from their counts" in counts.consequence
    assert "that could be read are in force" in pauses.consequence


def test_a_file_of_which_nothing_is_left_says_what_is_lost(path: Path) -> None:
    """In one line: the counts, and the pauses and pins that were in force."""
    path.write_bytes(b"no database " * 1000)
    stored = load_in_time(path, NOW)
    assert (stored.roles, stored.overrides) == ({}, ())
    (problem,) = stored.problems
    assert "counts begin with what runs now" in problem.consequence
    assert "pauses and pins that were in force are gone" in problem.consequence


def test_memory_of_one_role_that_is_unusable_does_not_cost_the_overrides(path: Path) -> None:
    """A pause that somebody relies on stays in force."""
    with sqlite3.connect(path) as database:
        database.execute("UPDATE role_state SET state = 'nonsense'")
    database.close()
    stored = load_in_time(path, NOW)
    assert stored.overrides == (PAUSE,)
    (problem,) = stored.problems
    assert "stored memory of role validator" in problem.reason


def test_overrides_that_alone_are_lost_leave_the_counts(path: Path) -> None:
    """And are told with what to do."""
    with sqlite3.connect(path) as database:
        database.execute("UPDATE overrides SET fields = 'nonsense'")
    database.close()
    stored = load_in_time(path, NOW)
    assert stored.roles["validator"].memory.desired == 3
    (problem,) = stored.problems
    assert "set again those still meant (autoscaler pause, autoscaler scale)" in problem.consequence
