"""Reads the history file for people, also while a daemon writes it or none runs."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoscaler.daemon.database import open_to_read
from autoscaler.errors import AutoscalerError

_EVENTS = (
    "SELECT rowid, wall, event, fields FROM events "
    "WHERE rowid > ? AND wall >= ? AND (? IS NULL OR role = ?) ORDER BY rowid"
)

_ROLES = "SELECT DISTINCT role FROM events WHERE role IS NOT NULL"


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event on record; `number` grows, `wall` is Unix seconds."""

    number: int
    wall: float
    event: str
    fields: dict[str, Any]


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open the file so that it cannot be changed. Raises AutoscalerError saying what helps."""
    try:
        there = path.exists()
        # SQLite needs to write beside a file in WAL mode. Nobody does if no daemon runs.
        quiet = not path.with_name(path.name + "-wal").exists()
    except OSError as error:
        raise AutoscalerError(_unreadable(path, str(error.strerror))) from error
    if not there:
        raise AutoscalerError(
            f"there is no history in {path}: no daemon has run with this AUTOSCALER_STATE_DIR"
        )
    problem = ""
    for options in ("", "&immutable=1")[: 1 + quiet]:
        try:
            return _tried(path, options)
        except sqlite3.Error as error:
            problem = str(error)
    raise AutoscalerError(_unreadable(path, problem))


def _tried(path: Path, options: str) -> sqlite3.Connection:
    """Return a connection that can read. Raises sqlite3.Error."""
    database = open_to_read(path, 5.0, options)
    try:
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _unreadable(path: Path, problem: str) -> str:
    return f"cannot read {path}: {problem}; members of the group autoscaler and root may"


def events_after(path: Path, number: int, since: float, role: str | None) -> list[StoredEvent]:
    """Return the events after that number and time, of one role or all, oldest first.

    Raises AutoscalerError if the file cannot be read.
    """
    rows = _rows(path, _EVENTS, (number, since, role, role))
    return [StoredEvent(n, wall, name, json.loads(text)) for n, wall, name, text in rows]


def roles_on_record(path: Path) -> frozenset[str]:
    """Return the roles that events are of. Raises AutoscalerError if the file cannot be read."""
    return frozenset(str(role) for (role,) in _rows(path, _ROLES, ()))


def _rows(path: Path, question: str, values: tuple[object, ...]) -> list[Any]:
    """Return all rows of an answer. Raises AutoscalerError."""
    with contextlib.closing(open_read_only(path)) as database:
        try:
            return database.execute(question, values).fetchall()
        except sqlite3.Error as error:
            raise AutoscalerError(f"cannot read {path}: {error}") from error
