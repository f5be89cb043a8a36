"""The statements that fill the history file, and how the memory of the rules is read back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoscaler.daemon.database import read_rows
from autoscaler.model import Decision, Memory, StepKind

Statement = tuple[str, tuple[object, ...]]

_ROLES = "SELECT role, state, wall, monotonic, boot_id FROM role_state"


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """What is restored of a role: its memory and the runs we were taking down (by member).

    `owing` are the runs whose hook after healthy was still to come, `let_go` those whose hook
    before stop was begun. `last_change` is that of the count, as status shows it.
    """

    memory: Memory
    leaving: Mapping[str, tuple[str, str]]
    known: frozenset[str]
    stamp_wall: float
    stamp_monotonic: float
    boot_id: str
    owing: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    let_go: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    last_change: Mapping[str, object] | None = None


def role_state(role: str, record: RoleRecord) -> Statement:
    """Return the statement that stores a role's memory."""
    state = {
        **memory_state(record.memory),
        "leaving": record.leaving,
        "owing": record.owing,
        "let_go": record.let_go,
        "known": sorted(record.known),
        "last_change": record.last_change,
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
        rows, damage = read_rows(path, _ROLES)
    except (sqlite3.Error, OSError) as error:
        return {}, [f"cannot read {path}: {error}"]
    if damage:
        problems.append(f"{path} is damaged ({damage}); what it says of the roles can be read")
    for role, text, wall, monotonic, boot in rows:
        try:
            roles[role] = _parse(json.loads(text), wall, monotonic, boot)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            problems.append(f"stored memory of role {role} in {path} cannot be used: {error}")
    return roles, problems


def _parse(state: dict[str, object], wall: float, monotonic: float, boot: str) -> RoleRecord:
    known = state["known"]
    if not isinstance(known, list):
        raise TypeError("known is no list")
    return RoleRecord(
        memory_from(state),
        _runs(state["leaving"]),
        frozenset(str(k) for k in known),
        float(wall),
        float(monotonic),
        str(boot),
        _runs(state.get("owing", {})),  # older files have none
        _runs(state.get("let_go", {})),
        _change(state.get("last_change")),
    )


def _change(value: object) -> dict[str, object] | None:
    """Read a change of the count back; None unless all is there that status shows of it."""
    whole = (
        isinstance(value, dict) and {"desired_before", "desired", "reason", "at"} <= value.keys()
    )
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) and whole else None


def _runs(value: object) -> dict[str, tuple[str, str]]:
    """Read runs of members back. Raises TypeError or LookupError if they are none."""
    if not isinstance(value, dict):
        raise TypeError("runs of members have the wrong form")
    return {str(k): (str(v[0]), str(v[1])) for k, v in value.items()}


def decision(role: str, wall: float, d: Decision) -> Statement:
    """Return the statement that stores a decision."""
    counts = (d.reason.value, d.desired_before, d.desired, d.would_be)
    percents = (d.mean, d.average, d.cpu_high, d.cpu_low)
    return (
        "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (wall, role, *counts, *percents, d.recommended, d.stabilized, d.limit),
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
