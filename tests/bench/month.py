"""Measures the replay of 30 days at 5 s of three roles: `python -m tests.replay.month`.

Prints seconds of one core and the highest memory for one set of rules and for two.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from autoscaler.daemon import schema
from autoscaler.model import MemberLoad, Memory
from autoscaler.policy.decide import decide
from autoscaler.settings import load

DAYS = 30
INTERVAL = 5
ENV = "AUTOSCALER_PROJECT=month\nAUTOSCALER_NGINX__CONTAINER=nginx\nAUTOSCALER_STATE_DIR={}\n"
MEMBERS = {"validator": 3, "business": 2, "slim": 1}
WALL = 1_800_000_000.0

Row = tuple[object, ...]


def write(env_file: Path, days: int) -> None:
    """Write a history in which load comes and goes four times a day, with what the rules did."""
    settings = load(env_file, {}).settings
    policies = {role: settings.roles[role].policy(settings.average_over) for role in MEMBERS}
    memories = dict.fromkeys(MEMBERS, Memory(1))
    database = schema.open_history(settings.state_dir / "history.db")
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
                readings += [
                    (wall, role, f"{role}-{n}", cpu, 20.0, None, "cgroup", n, 1, 0)
                    if n < count
                    else (wall, role, f"{role}-{n}", None, None, "not_running", "", None, 0, None)
                    for n in range(members)
                ]
                loads = (MemberLoad(role, cpu),) * count
                _, memories[role] = decide(policies[role], memory, loads, float(at))
        with database:
            database.executemany(
                "INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", readings
            )
            database.executemany("INSERT INTO rounds VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rounds)
    database.close()


def measure(env_file: Path, *words: str) -> tuple[float, float]:
    """Return the CPU seconds of one replay, and the highest memory in MiB of any so far."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    command = [sys.executable, "-m", "autoscaler", "simulate", "--env-file", str(env_file)]
    subprocess.run([*command, "--json", *words], check=True, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime - before, used.ru_maxrss / 1024


def main() -> None:
    """Write, measure, tell."""
    with tempfile.TemporaryDirectory(prefix="autoscaler-month-") as directory:
        env_file = Path(directory, "env")
        env_file.write_text(ENV.format(directory))
        write(env_file, DAYS)
        for name, words in (("one", ()), ("two", ("--set", "validator.cpu_high=75"))):
            seconds, mib = measure(env_file, *words)
            print(f"replay_30_days {name}: {seconds:.1f} s, {mib:.0f} MiB")  # noqa: T201 - its result


if __name__ == "__main__":
    main()
