"""A history of 30 days at 5 s of three roles, as the daemon would have written it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path

from autoscaler.daemon import schema
from autoscaler.daemon.database import open_history
from autoscaler.model import MemberLoad, Memory
from autoscaler.policy.decide import decide
from autoscaler.settings import load

DAYS = 30
INTERVAL = 5
MEMBERS = {"validator": 3, "business": 2, "slim": 1}
ROUNDS = DAYS * 86400 // INTERVAL * len(MEMBERS)
WALL = 1_800_000_000.0

_ENV = "AUTOSCALER_PROJECT=month\nAUTOSCALER_NGINX__CONTAINER=nginx\nAUTOSCALER_STATE_DIR={}\n"

Row = tuple[object, ...]


def write(folder: Path, days: int = DAYS) -> Path:
    """Write a history in which load comes and goes four times a day, with what the rules did.

    Returns the env file whose STATE_DIR is the folder.
    """
    env_file = folder / "autoscaler.env"
    env_file.write_text(_ENV.format(folder), encoding="utf-8")
    settings = load(env_file, {}).settings
    policies = {role: settings.roles[role].policy(settings.average_over) for role in MEMBERS}
    memories = dict.fromkeys(MEMBERS, Memory(1))
    database = open_history(settings.state_dir / "history.db")
    for day in range(days):
        rounds: list[Row] = []
        readings: list[Row] = []
        for at in range(day * 86400, (day + 1) * 86400, INTERVAL):
            wave = 1.1 + math.sin(at / 86400 * 8 * math.pi)
            for role, members in MEMBERS.items():
                memory, wall = memories[role], WALL + at
                count = memory.desired
                cpu = min(100.0, wave * 30 * members / count)
                begun = json.dumps({"begun": schema.memory_state(memory), "found": None})
                rounds.append(
                    (wall, role, float(at), count, members, 0, None, None if at else begun)
                )
                readings += _readings(wall, role, count, cpu)
                loads = (MemberLoad(role, cpu),) * count
                _, memories[role] = decide(policies[role], memory, loads, float(at))
        with database:
            database.executemany(
                "INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", readings
            )
            database.executemany("INSERT INTO rounds VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rounds)
    database.close()
    return env_file


def _readings(wall: float, role: str, count: int, cpu: float) -> Iterable[Row]:
    """Yield the rows of a role's members at one look, of which `count` run."""
    for number in range(MEMBERS[role]):
        name = f"{role}-{number}"
        if number < count:
            yield (wall, role, name, cpu, 20.0, None, "cgroup", number, 1, 0)
        else:
            yield (wall, role, name, None, None, "not_running", "", None, 0, None)
