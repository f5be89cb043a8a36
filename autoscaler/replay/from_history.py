"""Reads rounds from the daemon's history, row by row, without changing it.

Rows are taken in the order in which they were written, which holds also where the wall clock was
set back. Decisions are not read.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from autoscaler.daemon.reading_history import open_read_only
from autoscaler.daemon.rounds import Given, given_from, overrides_from
from autoscaler.errors import AutoscalerError
from autoscaler.model import MemberLoad, Memory
from autoscaler.replay.recorded import NOBODY, Round
from autoscaler.replay.source import Recording, Span

CLOCKS_APART = 60.0
"""Seconds by which both clocks may differ over a restart before it counts as another boot."""

ABSENT = MemberLoad("", None, ready=False)
"""A chosen member of which nothing is on record."""

_ROUNDS = (
    "SELECT wall, role, monotonic, desired, containers, protected, overrides, given FROM rounds "
    "WHERE rowid >= ? AND wall >= ? AND wall <= ? AND role IN ({}) ORDER BY rowid"
)
_READINGS = (
    "SELECT wall, role, member, cpu_percent, place, ready, warming FROM readings "
    "WHERE rowid >= ? AND wall >= ? AND wall <= ? AND place IS NOT NULL AND role IN ({}) "
    "ORDER BY rowid"
)
_ENDS = "SELECT min(wall), max(wall) FROM {} WHERE wall >= ? AND wall <= ?"

_Row = tuple[float, str, str, float | None, int, int, int | None]


def history(path: Path, span: Span) -> Recording:
    """Return the rounds on record. Raises AutoscalerError if there are none or it is unreadable."""
    low = -1e18 if span.begin is None else span.begin
    high = 1e18 if span.until is None else span.until
    with contextlib.closing(open_read_only(path)) as database, _told(path):
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        if "rounds" not in tables:
            raise AutoscalerError(
                f"{path} was written by an older autoscaler, which kept less than a replay needs; "
                "let the daemon of this version run for a while"
            )
        begin, end = database.execute(_ENDS.format("rounds"), (low, high)).fetchone()
        # Each table is pruned for itself: only where both begin is a round whole.
        other, _ = database.execute(_ENDS.format("readings"), (low, high)).fetchone()
    if begin is None:
        raise AutoscalerError(
            f"{path} has no readings of that time; autoscaler events --since 30d shows from when"
        )
    begin = max(begin, begin if other is None else other)
    return Recording(
        f"the history in {path}", lambda: _rounds(path, (begin, high), span.roles), begin, end
    )


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what SQLite says into the program's words."""
    try:
        yield
    except sqlite3.Error as error:
        raise AutoscalerError(f"cannot read {path}: {error}") from error


def _rounds(path: Path, ends: tuple[float, float], roles: tuple[str, ...]) -> Iterator[Round]:
    """Yield the rounds, each with the loads of its members."""
    marks = ", ".join("?" * len(roles))
    with contextlib.closing(open_read_only(path)) as database, _told(path):
        first = [
            database.execute(f"SELECT min(rowid) FROM {table} WHERE wall >= ?", ends[:1]).fetchone()  # noqa: S608 - names from this module
            for table in ("rounds", "readings")
        ]
        found = [row[0] or 0 for row in first]
        rounds = database.execute(_ROUNDS.format(marks), (found[0], *ends, *roles))
        readings = iter(database.execute(_READINGS.format(marks), (found[1], *ends, *roles)))
        clock = _Clock()
        row: _Row | None = next(readings, None)
        for wall, role, monotonic, desired, containers, protected, overrides, given in rounds:
            loads: list[MemberLoad] = []
            while row is not None and (row[0] < wall or (row[0] == wall and row[1] == role)):
                if row[0] == wall:
                    _place(loads, row)
                row = next(readings, None)
            happened = given_from(given) if given else None
            at = clock.at(wall, monotonic, begun=happened is not None and bool(happened.begun))
            if happened is not None and clock.offset:
                happened = _shifted(happened, clock.offset)
            who = overrides_from(overrides) if overrides else NOBODY
            yield Round(role, wall, at, tuple(loads), desired, containers, protected, who, happened)


def _place(loads: list[MemberLoad], row: _Row) -> None:
    """Put a member's load where the rules found it."""
    _, _, member, cpu, place, ready, warming = row
    while len(loads) <= place:
        loads.append(ABSENT)
    loads[place] = MemberLoad(member, cpu, ready == 1, warming == 1)


class _Clock:
    """Makes one clock that goes on of the monotonic clocks of all boots on record."""

    def __init__(self) -> None:
        self.offset = 0.0
        self._last: tuple[float, float] | None = None

    def at(self, wall: float, monotonic: float, *, begun: bool) -> float:
        """Return the moment of a round; `begun`: a daemon began with it."""
        last = self._last
        if last is not None and begun:
            passed, by_wall = monotonic - last[1], wall - last[0]
            if passed < 0 or abs(passed - by_wall) > CLOCKS_APART:
                self.offset += last[1] + max(0.0, by_wall) - monotonic
        self._last = (wall, monotonic)
        return monotonic + self.offset


def _shifted(given: Given, offset: float) -> Given:
    """Return what happened on the clock that goes on."""

    def moved(entries: tuple[tuple[float, int], ...]) -> tuple[tuple[float, int], ...]:
        return tuple((at + offset, count) for at, count in entries)

    memory = given.begun
    if memory is not None:
        memory = Memory(
            memory.desired,
            moved(memory.recommendations),
            moved(memory.up_events),
            moved(memory.down_events),
            None if memory.recorded_at is None else memory.recorded_at + offset,
        )
    return replace(given, adopted=moved(given.adopted), begun=memory)
