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


_COUNTS_LOST = "counts begin with what runs now; nothing is stopped because of this"
_COUNTS_LEFT = (
    "roles that could be read go on from their counts, others begin with what runs now; nothing is "
    "stopped because of this"
)
_OVERRIDES_LOST = (
    "pauses and pins that were in force are gone: set again those still meant (autoscaler pause, "
    "autoscaler scale)"
)
_OVERRIDES_LEFT = (
    "pauses and pins that could be read are in force, others are gone: see autoscaler status"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What of the file was unusable, and what follows."""

    reason: str
    consequence: str


@dataclass(frozen=True, slots=True)
class Stored:
    """Roles' memory, actions that were under way, and what was unusable."""

    roles: dict[str, RoleRecord] = field(default_factory=dict)
    unfinished: tuple[Unfinished, ...] = ()
    problems: tuple[Problem, ...] = ()
    overrides: tuple[Override, ...] = ()


def load_in_time(path: Path, now: Moment, seconds: float = LOAD_SECONDS) -> Stored:
    """Return what is stored, on the clocks of `now`; after `seconds` only words that say so."""
    answer: queue.SimpleQueue[Stored] = queue.SimpleQueue()

    def work() -> None:
        roles, problems = load_roles(path)
        unfinished = () if problems or not roles else _load_unfinished(path)
        overrides, bad = load_overrides(path, now)
        found = _problems(problems, bad, roles=bool(roles), overrides=bool(overrides))
        answer.put(Stored(roles, unfinished, found, overrides))

    threading.Thread(target=work, name="load", daemon=True).start()
    try:
        return answer.get(timeout=seconds)
    except queue.Empty:
        problem = f"{path} could not be read within {seconds:g} s: the disk hangs"
        return Stored(problems=_problems([problem], [problem], roles=False, overrides=False))


def _problems(
    of_roles: list[str], of_overrides: list[str], *, roles: bool, overrides: bool
) -> tuple[Problem, ...]:
    """Say what follows from what was unusable; `roles` and `overrides`: whether any were left."""
    if of_roles and of_overrides and not (roles or overrides):
        return (Problem(of_roles[0], f"{_COUNTS_LOST}; {_OVERRIDES_LOST}"),)
    counts = _COUNTS_LEFT if roles else _COUNTS_LOST
    steered = _OVERRIDES_LEFT if overrides else _OVERRIDES_LOST
    return (
        *(Problem(text, counts) for text in of_roles),
        *(Problem(text, steered) for text in of_overrides),
    )


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
