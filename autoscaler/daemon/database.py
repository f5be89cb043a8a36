"""The history file itself: its tables, how it is opened, kept small, put aside when damaged."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import stat
from pathlib import Path
from typing import Any

from autoscaler.errors import AutoscalerError

VERSION = 2
"""2: what the rules were given is on record, too (see rounds)."""

_TABLES = """
CREATE TABLE IF NOT EXISTS role_state (
    role TEXT PRIMARY KEY, state TEXT NOT NULL, wall REAL NOT NULL, monotonic REAL NOT NULL,
    boot_id TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS readings (
    wall REAL NOT NULL, role TEXT NOT NULL, member TEXT NOT NULL, cpu_percent REAL,
    memory_percent REAL, reason TEXT, source TEXT NOT NULL,
    place INTEGER, ready INTEGER, warming INTEGER
);
CREATE INDEX IF NOT EXISTS readings_wall ON readings (wall);
CREATE TABLE IF NOT EXISTS decisions (
    wall REAL NOT NULL, role TEXT NOT NULL, reason TEXT NOT NULL, desired_before INTEGER NOT NULL,
    desired INTEGER NOT NULL, would_be INTEGER NOT NULL, mean REAL, average REAL,
    cpu_high REAL NOT NULL, cpu_low REAL NOT NULL, recommended INTEGER, stabilized INTEGER,
    rate_limit INTEGER
);
CREATE INDEX IF NOT EXISTS decisions_wall ON decisions (wall);
CREATE TABLE IF NOT EXISTS rounds (
    wall REAL NOT NULL, role TEXT NOT NULL, monotonic REAL NOT NULL, desired INTEGER NOT NULL,
    containers INTEGER NOT NULL, protected INTEGER NOT NULL, overrides TEXT, given TEXT
);
CREATE INDEX IF NOT EXISTS rounds_wall ON rounds (wall);
CREATE TABLE IF NOT EXISTS actions (
    id TEXT PRIMARY KEY, wall REAL NOT NULL, role TEXT NOT NULL, member TEXT NOT NULL,
    container_id TEXT NOT NULL, action TEXT NOT NULL, reason TEXT NOT NULL,
    finished REAL, outcome TEXT, detail TEXT
);
CREATE INDEX IF NOT EXISTS actions_wall ON actions (wall);
CREATE TABLE IF NOT EXISTS events (
    wall REAL NOT NULL, event TEXT NOT NULL, role TEXT, member TEXT, fields TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_wall ON events (wall);
"""

_SINCE_2 = ("place", "ready", "warming")
"""Columns of the readings that a file of version 1 lacks."""

_TIMED = ("readings", "rounds", "decisions", "actions", "events")


def open_history(path: Path) -> sqlite3.Connection:
    """Open or create the file and its tables.

    Raises AutoscalerError for a file of a newer version, sqlite3.Error or OSError if it cannot be
    used; see `is_damage`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _open_to_group(path)
    database = sqlite3.connect(path, timeout=5.0, check_same_thread=False)
    try:
        # Before the first write, which switching to WAL is: afterwards it has no effect.
        database.execute("PRAGMA auto_vacuum=INCREMENTAL")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise AutoscalerError(
                f"{path} was written by a newer autoscaler (format {version}, this one knows "
                f"{VERSION}); update, or move the file away"
            )
        database.executescript(_TABLES)
        _bring_up_to_date(database)
        database.execute(f"PRAGMA user_version={VERSION}")
    except BaseException:  # also an interrupt: who is not given the file cannot close it
        database.close()
        raise
    return database


def open_to_read(path: Path, seconds: float, options: str = "") -> sqlite3.Connection:
    """Open a file that is there so that it cannot be changed; a lock is waited for so long.

    `options` are further ones of SQLite's URI. Raises sqlite3.Error.
    """
    # Quoted: in a bare path SQLite would take %, ? and # for parts of the URI.
    uri = f"{path.absolute().as_uri()}?mode=ro{options}"
    return sqlite3.connect(uri, uri=True, timeout=seconds)


def read_rows(path: Path, question: str) -> tuple[list[tuple[Any, ...]], str]:
    """Return the rows of an answer, and what is damaged in a file that still gave them.

    A damaged file is asked again as SQLite's own recovery asks it: what is left may be outside of
    the part that was asked for. Raises sqlite3.Error if there is no answer.
    """
    with contextlib.closing(open_to_read(path, 2.0)) as database:
        try:
            return database.execute(question).fetchall(), ""
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            damage = error
    with contextlib.closing(open_to_read(path, 2.0)) as database:
        try:
            database.execute("PRAGMA writable_schema=ON")  # lets pages be missing at the end
            return database.execute(question).fetchall(), str(damage)
        except sqlite3.Error:
            raise damage from None


def _open_to_group(path: Path) -> None:
    """Let the daemon's group read the file, and nobody else, whatever the umask.

    `autoscaler events` and `simulate` need no more. SQLite gives the files beside it its mode, so
    this comes before the first of them; a killed daemon may have left some. Raises OSError.
    """
    path.touch(mode=0o640)
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        with contextlib.suppress(FileNotFoundError):
            mode = stat.S_IMODE(file.stat().st_mode)
            right = (mode | stat.S_IRGRP) & ~stat.S_IRWXO
            if mode != right:
                file.chmod(right)


def _bring_up_to_date(database: sqlite3.Connection) -> None:
    """Add what a file of an earlier version lacks; what is in it stays."""
    present = {row[1] for row in database.execute("PRAGMA table_info(readings)")}
    for column in _SINCE_2:
        if column not in present:
            database.execute(f"ALTER TABLE readings ADD COLUMN {column} INTEGER")


def is_damage(error: Exception) -> bool:
    """Tell whether an error says that the file itself is broken.

    sqlite3 has subclasses for what surrounds it: a lock, a full disk, a wrong statement.
    """
    return type(error) is sqlite3.DatabaseError


def put_aside(path: Path) -> None:
    """Keep a damaged file beside under another name. Raises OSError."""
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(path.with_name(f"{path.name}.damaged{suffix}"))


def prune(database: sqlite3.Connection, days: int, max_mib: int) -> None:
    """Remove rows older than `days`, then the oldest tenth while the file is over `max_mib`.

    Age counts from the reading written last: rows of a clock that was ahead for a while must not
    make all that comes after them look old.
    """
    last = database.execute("SELECT wall FROM readings ORDER BY rowid DESC LIMIT 1").fetchone()
    oldest = -math.inf if last is None else last[0] - days * 86400.0
    with database:
        for table in _TIMED:
            database.execute(f"DELETE FROM {table} WHERE wall < ?", (oldest,))  # noqa: S608 - names from this module
    for _ in range(20):
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        free = database.execute("PRAGMA freelist_count").fetchone()[0]
        size = database.execute("PRAGMA page_size").fetchone()[0]
        if (pages - free) * size <= max_mib * 1024 * 1024:
            break
        with database:
            for table in _TIMED:
                database.execute(
                    f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} "  # noqa: S608 - likewise
                    f"ORDER BY wall LIMIT (SELECT count(*) / 10 + 1 FROM {table}))"
                )
    # As a script, because a single statement is stepped once, which gives back a single page.
    database.executescript("PRAGMA incremental_vacuum")
