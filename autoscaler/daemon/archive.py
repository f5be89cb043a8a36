"""Reads history for the HTTP server: bounded in rows and time, one question at a time."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autoscaler.daemon.reading_history import open_read_only
from autoscaler.errors import AutoscalerError

POINTS = 300
"""Points a series is thinned out to."""

ANSWER_SECONDS = 5.0
"""How long one question may take, waiting included."""

_STEPS = 20_000
"""Instructions of SQLite between two looks at the clock: some milliseconds."""

_EVENTS = (
    "SELECT rowid, wall, event, fields FROM events "
    "WHERE wall >= ? AND (? IS NULL OR role = ?) ORDER BY rowid DESC LIMIT ?"
)
_READINGS = (
    "SELECT CAST(wall / :width AS INTEGER) AS slot, member, avg(cpu_percent) FROM readings "
    "WHERE wall >= :since AND role = :role GROUP BY slot, member ORDER BY slot"
)
# With max(), SQLite takes the other columns from the row that has it: the last of the slot.
_DECISIONS = (
    "SELECT CAST(wall / :width AS INTEGER) AS slot, avg(mean), desired, cpu_high, cpu_low, "
    "max(wall) FROM decisions WHERE wall >= :since AND role = :role GROUP BY slot ORDER BY slot"
)


class HistoryArchive:
    """Answers questions about the history file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def events(self, since: float, role: str | None, limit: int) -> list[dict[str, Any]]:
        """Return the newest events, oldest first."""
        with self._open() as database:
            rows = database.execute(_EVENTS, (since, role, role, limit)).fetchall()
        return [
            {**json.loads(fields), "number": number, "time": wall, "event": event}
            for number, wall, event, fields in reversed(rows)
        ]

    def series(self, role: str, seconds: int) -> dict[str, Any]:
        """Return slots of equal width with the mean CPU of each member, and the decisions.

        `points` are [Unix time, mean, desired, cpu_high, cpu_low], `members` lists of
        [Unix time, percent or None] by name.
        """
        now = time.time()
        width = max(1.0, seconds / POINTS)
        asked = {"since": now - seconds, "role": role, "width": width}
        with self._open() as database:
            decisions = database.execute(_DECISIONS, asked).fetchall()
            readings = database.execute(_READINGS, asked).fetchall()
        members: dict[str, list[tuple[float, float | None]]] = {}
        for slot, member, cpu in readings:
            members.setdefault(member, []).append((slot * width, _two(cpu)))
        return {
            "role": role,
            "since": now - seconds,
            "until": now,
            "width_seconds": width,
            "points": [
                (slot * width, _two(mean), desired, high, low)
                for slot, mean, desired, high, low, _ in decisions
            ],
            "members": members,
        }

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Give the open file to one thread at a time. Raises AutoscalerError."""
        end = time.monotonic() + ANSWER_SECONDS
        if not self._lock.acquire(timeout=ANSWER_SECONDS):
            raise AutoscalerError("history is being read for others; ask again")
        try:
            with contextlib.closing(open_read_only(self._path)) as database:
                database.set_progress_handler(lambda: int(time.monotonic() > end), _STEPS)
                yield database
        except sqlite3.Error as error:
            raise AutoscalerError(f"history cannot be read: {error}") from error
        finally:
            self._lock.release()


def _two(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
