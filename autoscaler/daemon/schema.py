"""The tables of the history file and the statements that fill them."""

from __future__ import annotations

import json
import math
import sqlite3
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autoscaler.errors import AutoscalerError
from autoscaler.model import Decision, Memory, StepKind

VERSION = 2
"""2: what the rules were given is on record, too (see rounds)."""

Statement = tuple[str, tuple[object, ...]]

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
    _let_group_read(path)
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
    except BaseException:
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


def _let_group_read(path: Path) -> None:
    """Let the daemon's group read the file, though the service's umask gives others nothing.

    `autoscaler events` and `simulate` need no more. SQLite gives the files beside it its mode, so
    this comes before the first of them. Raises OSError.
    """
    path.touch()
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & stat.S_IRGRP:
        path.chmod(mode | stat.S_IRGRP)


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


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """What is restored of a role: its memory and the runs we were taking down (by member)."""

    memory: Memory
    leaving: Mapping[str, tuple[str, str]]
    known: frozenset[str]
    stamp_wall: float
    stamp_monotonic: float
    boot_id: str


def role_state(role: str, record: RoleRecord) -> Statement:
    """Return the statement that stores a role's memory."""
    state = {
        **memory_state(record.memory),
        "leaving": record.leaving,
        "known": sorted(record.known),
    }
    return (
        "INSERT OR REPLACE INTO role_state VALUES (?, ?, ?, ?, ?)",
        (role, json.dumps(state), record.stamp_wall, record.stamp_monotonic, record.boot_id),
    )


def memory_state(memory: Memory) -> dict[str, object]:
    """Return a memory as JSON holds it."""
    return {
        "desired": memory.desired,
        "recommendations": memory.recommendations,
        "up_events": memory.up_events,
        "down_events": memory.down_events,
        "recorded_at": memory.recorded_at,
    }


def memory_from(state: Mapping[str, object]) -> Memory:
    """Read a memory back. Raises ValueError, LookupError or TypeError if it is none."""

    def pairs(key: str) -> tuple[tuple[float, int], ...]:
        value = state[key]
        if not isinstance(value, list):
            raise TypeError(f"{key} is no list")
        return tuple((float(t), int(n)) for t, n in value)

    recorded = state["recorded_at"]
    return Memory(
        desired=int(str(state["desired"])),
        recommendations=pairs("recommendations"),
        up_events=pairs("up_events"),
        down_events=pairs("down_events"),
        recorded_at=None if recorded is None else float(str(recorded)),
    )


def load_roles(path: Path) -> tuple[dict[str, RoleRecord], list[str]]:
    """Read the stored memory of every role; return it with sentences about what was unusable.

    A missing file is an empty answer; a damaged one is told, never taken for "no members".
    """
    problems: list[str] = []
    roles: dict[str, RoleRecord] = {}
    try:
        if not path.exists():
            return {}, []
        database = open_to_read(path, 2.0)
        try:
            rows = database.execute(
                "SELECT role, state, wall, monotonic, boot_id FROM role_state"
            ).fetchall()
        finally:
            database.close()
    except (sqlite3.Error, OSError) as error:
        return {}, [f"cannot read {path}: {error}"]
    for role, text, wall, monotonic, boot in rows:
        try:
            roles[role] = _parse(json.loads(text), wall, monotonic, boot)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            problems.append(f"stored memory of role {role} in {path} cannot be used: {error}")
    return roles, problems


def _parse(state: dict[str, object], wall: float, monotonic: float, boot: str) -> RoleRecord:
    leaving, known = state["leaving"], state["known"]
    if not isinstance(leaving, dict) or not isinstance(known, list):
        raise TypeError("leaving or known has the wrong form")
    return RoleRecord(
        memory_from(state),
        {str(k): (str(v[0]), str(v[1])) for k, v in leaving.items()},
        frozenset(str(k) for k in known),
        float(wall),
        float(monotonic),
        str(boot),
    )


def decision(role: str, wall: float, d: Decision) -> Statement:
    """Return the statement that stores a decision."""
    return (
        "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            wall,
            role,
            d.reason.value,
            d.desired_before,
            d.desired,
            d.would_be,
            d.mean,
            d.average,
            d.cpu_high,
            d.cpu_low,
            d.recommended,
            d.stabilized,
            d.limit,
        ),
    )


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """An action about to be done to a member; `key` is unique for ever."""

    key: str
    wall: float
    role: str
    member: str
    container_id: str
    kind: StepKind
    reason: str


def action_begun(action: ActionRecord) -> Statement:
    """Return the statement that says an action is about to happen."""
    return (
        "INSERT OR REPLACE INTO actions VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
        (
            action.key,
            action.wall,
            action.role,
            action.member,
            action.container_id,
            action.kind.value,
            action.reason,
        ),
    )


def action_ended(key: str, wall: float, outcome: str, detail: str) -> Statement:
    """Return the statement that records how an action ended: `ok` or `failed`."""
    return (
        "UPDATE actions SET finished = ?, outcome = ?, detail = ? WHERE id = ?",
        (wall, outcome, detail, key),
    )


def event(wall: float, name: str, fields: Mapping[str, object]) -> Statement:
    """Return the statement that stores one logged event with its fields."""
    role, member = fields.get("role"), fields.get("member")
    return (
        "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
        (wall, name, role, member, json.dumps(fields, default=str)),
    )
