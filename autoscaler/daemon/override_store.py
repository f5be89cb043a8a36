"""Operators' overrides in the history file: as a whole, so that each write mends the one before."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from math import isfinite
from pathlib import Path

from autoscaler.daemon.database import read_rows
from autoscaler.daemon.schema import Statement
from autoscaler.policy.overrides import (
    Direction,
    Moment,
    Override,
    OverrideKind,
    restored_override,
)

KEPT = frozenset({OverrideKind.PAUSE, OverrideKind.PIN})
"""What survives a restart: a lease ends with its command, the freeze file is there or not."""

_TABLE = (
    "CREATE TABLE IF NOT EXISTS overrides (fields TEXT NOT NULL, wall REAL NOT NULL, "
    "monotonic REAL NOT NULL, boot_id TEXT NOT NULL)"
)


def statements(standing: Iterable[Override], now: Moment) -> list[Statement]:
    """Return the statements that make the file say just this."""
    kept = [json.dumps(asdict(one)) for one in standing if one.kind in KEPT]
    insert = "INSERT INTO overrides VALUES (?, ?, ?, ?)"
    rows = [(insert, (text, now.wall, now.monotonic, now.boot_id)) for text in kept]
    return [(_TABLE, ()), ("DELETE FROM overrides", ()), *rows]


def load_overrides(path: Path, now: Moment) -> tuple[tuple[Override, ...], list[str]]:
    """Read what is stored, on the clocks of now, with sentences about what was unusable."""
    try:
        if not path.exists():
            return (), []
        tables, _ = read_rows(path, "SELECT name FROM sqlite_master WHERE name = 'overrides'")
        if not tables:
            return (), []
        rows, damage = read_rows(path, "SELECT * FROM overrides")
    except (sqlite3.Error, OSError) as error:
        return (), [f"cannot read the overrides in {path}: {error}"]
    found: list[Override] = []
    problems = [f"{path} is damaged ({damage}); the overrides can be read"] if damage else []
    for text, wall, monotonic, boot in rows:
        try:
            stored = Moment(float(monotonic), float(wall), str(boot))
            found.append(restored_override(_parse(text), stored, now))
        except (ValueError, LookupError, TypeError) as error:
            problems.append(f"a stored override in {path} cannot be used: {error}")
    return tuple(found), problems


def _parse(text: str) -> Override:
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise TypeError("it is no object")
    fields["kind"] = OverrideKind(fields["kind"])
    fields["direction"] = Direction(fields["direction"])
    one = Override(**fields)
    for value in (one.since, one.until, one.ends_at):
        if value is not None and not isfinite(value):
            raise ValueError(f"{value} is no time")
    if one.kind is OverrideKind.PIN and (not isinstance(one.count, int) or one.count < 1):
        raise ValueError(f"{one.count} is no count")
    return one
