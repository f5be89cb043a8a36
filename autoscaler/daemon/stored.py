"""Reading what a daemon before this one has stored, without waiting for a disk that hangs."""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from dataclasses import dataclass, field
from pathlib import Path

from autoscaler.daemon.database import open_to_read
from autoscaler.daemon.history import HistorySink
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.override_store import load_overrides
from autoscaler.daemon.schema import RoleRecord, action_ended, load_roles
from autoscaler.policy.overrides import Moment, Override

LOAD_SECONDS = 5.0
"""How long the start waits for the memory of the last daemon."""

MOST_UNFINISHED = 50
"""More unfinished actions than can have been under way are not told."""

_UNFINISHED = (
    "SELECT id, role, member, action, reason FROM actions WHERE outcome IS NULL "
    "ORDER BY wall DESC LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An action on record without an outcome: the daemon ended while it was under way."""

    key: str
    role: str
    member: str
    action: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stored:
    """Roles' memory, actions that were under way, and sentences about what was unusable."""

    roles: dict[str, RoleRecord] = field(default_factory=dict)
    unfinished: tuple[Unfinished, ...] = ()
    problems: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()


def load_in_time(path: Path, now: Moment, seconds: float = LOAD_SECONDS) -> Stored:
    """Return what is stored, on the clocks of `now`; after `seconds` only words that say so."""
    answer: queue.SimpleQueue[Stored] = queue.SimpleQueue()

    def work() -> None:
        roles, problems = load_roles(path)
        unfinished = () if problems or not roles else _load_unfinished(path)
        overrides, bad = load_overrides(path, now) if not problems else ((), [])
        answer.put(Stored(roles, unfinished, (*problems, *bad), overrides))

    threading.Thread(target=work, name="load", daemon=True).start()
    try:
        return answer.get(timeout=seconds)
    except queue.Empty:
        problem = f"{path} could not be read within {seconds:g} s: the disk hangs"
        return Stored(problems=(problem,))


def tell(stored: Stored, journal: Journal, history: HistorySink) -> None:
    """Tell what the last daemon left half done, once: it is put on record as interrupted."""
    for one in stored.unfinished:
        journal.warning(
            "action.interrupted",
            role=one.role,
            member=one.member,
            action=one.action,
            reason=f"the daemon ended while it was under way ({one.reason}); it is finished, or "
            "not, by what is wanted and what runs now",
        )
        wall = journal.clock.wall().timestamp()
        history.write([action_ended(one.key, wall, "interrupted", "the daemon ended")])


def _load_unfinished(path: Path) -> tuple[Unfinished, ...]:
    """Read the actions without an outcome; what cannot be read is not worth a second complaint."""
    try:
        with contextlib.closing(open_to_read(path, 2.0)) as database:
            rows = database.execute(_UNFINISHED, (MOST_UNFINISHED,)).fetchall()
    except sqlite3.Error:
        return ()
    return tuple(Unfinished(*map(str, row)) for row in reversed(rows))
