"""Reads rounds from a CSV file, line by line.

Columns, in any order, named in the first line: `time` (Unix seconds, or ISO 8601 with its zone),
`role`, `member`, `cpu_percent` (of the CPU the member may use; empty: no reading), and if wanted
`ready` and `warming` (1 or 0; without them a member is ready and not warming). Lines of one time
and role are one round, one line for each member that was meant to run. Times never go back.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from autoscaler.errors import AutoscalerError
from autoscaler.model import MemberLoad
from autoscaler.replay.recorded import Round
from autoscaler.replay.source import Recording, Span

REQUIRED = ("time", "role", "member", "cpu_percent")
OPTIONAL = ("ready", "warming")
LARGEST_PERCENT = 1e5
"""Above this it is no percentage of the CPU a container may use."""

LATEST_TIME = 7_258_118_400.0
"""The year 2200 in Unix seconds: a time beyond it is written in milliseconds, or none."""

_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class _Line:
    time: float
    role: str
    load: MemberLoad


def csv_file(path: Path, span: Span, known_roles: Sequence[str]) -> Recording:
    """Return the rounds of a file; reading raises AutoscalerError with line and remedy.

    Lines of roles other than those of the span are left out, those of no known role refused.
    """
    return Recording(str(path), lambda: _rounds(path, span, tuple(known_roles)))


def _rounds(path: Path, span: Span, known_roles: tuple[str, ...]) -> Iterator[Round]:
    """Yield the rounds of the span."""
    low = -math.inf if span.begin is None else span.begin
    high = math.inf if span.until is None else span.until
    pending: dict[str, list[MemberLoad]] = {}
    now = -math.inf
    for line in _lines(path, known_roles):
        if line.time != now:
            yield from _finished(now, pending)
            pending, now = {}, line.time
        if line.role in span.roles and low <= line.time <= high:
            pending.setdefault(line.role, []).append(line.load)
    yield from _finished(now, pending)


def _finished(time: float, pending: Mapping[str, list[MemberLoad]]) -> Iterator[Round]:
    """Yield the rounds of one time."""
    for role, loads in pending.items():
        yield Round(role, time, time, tuple(loads), len(loads))


def _lines(path: Path, known_roles: tuple[str, ...]) -> Iterator[_Line]:
    """Yield the lines, each checked."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _checked(path, file, known_roles)
    except OSError as error:
        raise AutoscalerError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AutoscalerError(f"{path} is not UTF-8 text; save it as UTF-8") from error


def _checked(path: Path, file: TextIO, known_roles: tuple[str, ...]) -> Iterator[_Line]:
    reader = csv.reader(file)
    place = _columns(path, _header(path, reader))
    before = -math.inf
    seen: set[tuple[str, str]] = set()
    while True:
        try:
            row = next(reader, None)
            if row is None:
                return
            if not row:
                continue
            line = _line(row, place, known_roles)
            if line.time < before:
                raise ValueError("its time is before that of the line above; sort by time")
            if line.time > before:
                seen.clear()
            key = (line.role, line.load.name)
            if key in seen:
                raise ValueError(f"{key[1]} of {key[0]} has a line of this time already")
        except (ValueError, csv.Error) as error:
            raise AutoscalerError(f"{path}, line {reader.line_num}: {error}") from error
        seen.add(key)
        before = line.time
        yield line


def _header(path: Path, reader: Iterator[list[str]]) -> list[str]:
    """Return the first line. Raises AutoscalerError if it is none of a CSV file."""
    try:
        return next(reader, [])
    except csv.Error as error:
        raise AutoscalerError(f"{path}, line 1: {error}; is it a CSV file?") from error


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Return where each column stands. Raises AutoscalerError."""
    names = [name.strip().lower() for name in header]
    lacking = [name for name in REQUIRED if name not in names]
    unknown = [name for name in names if name not in REQUIRED + OPTIONAL]
    twice = sorted({name for name in names if names.count(name) > 1})
    said = [
        f"{what} {', '.join(map(repr, which))}"
        for what, which in (("lacks", lacking), ("has unknown", unknown), ("has twice", twice))
        if which
    ]
    if said:
        raise AutoscalerError(
            f"{path}, line 1: the header {' and '.join(said)}; needed are "
            f"{', '.join(REQUIRED)}, allowed also {', '.join(OPTIONAL)}"
        )
    return {name: at for at, name in enumerate(names)}


def _line(row: Sequence[str], place: Mapping[str, int], known_roles: tuple[str, ...]) -> _Line:
    """Read one line. Raises ValueError with what is wrong and what is allowed."""
    if len(row) != len(place):
        raise ValueError(f"has {len(row)} values, but the header names {len(place)} columns")
    cell = {name: row[at].strip() for name, at in place.items()}
    role = cell["role"]
    if role not in known_roles:
        raise ValueError(f"role={role!r} is not in the settings; allowed: {', '.join(known_roles)}")
    if not cell["member"]:
        raise ValueError("member is empty; it names the container")
    ready = _flag(cell, "ready", default=True)
    warming = _flag(cell, "warming", default=False)
    load = MemberLoad(cell["member"], _percent(cell["cpu_percent"]), ready, warming)
    return _Line(_time(cell["time"]), role, load)


def _time(text: str) -> float:
    seconds = _unix_seconds(text)
    if seconds is None or not 0.0 <= seconds < LATEST_TIME:
        raise ValueError(
            f"time={text!r}; allowed: Unix seconds, or ISO 8601 with its zone such as "
            "2026-03-01T12:00:05Z, from 1970 to 2199"
        )
    return seconds


def _unix_seconds(text: str) -> float | None:
    """Return the time a text stands for, None if it stands for none."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else found.timestamp()


def _percent(text: str) -> float | None:
    if not text:
        return None
    try:
        percent = float(text)
    except ValueError:
        percent = math.nan
    if not 0.0 <= percent <= LARGEST_PERCENT:
        raise ValueError(
            f"cpu_percent={text!r}; allowed: a number from 0, in percent of the CPU the member may "
            "use, with a decimal point; empty for no reading"
        )
    return percent


def _flag(cell: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = cell.get(name, "").lower()
    if not text:
        return default
    if text not in _FLAGS:
        raise ValueError(f"{name}={text!r}; allowed: 1 or 0")
    return _FLAGS[text]
