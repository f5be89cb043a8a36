"""What `autoscaler simulate` costs over 30 days of readings, in seconds of one core and memory.

The floor is a bare loop that reads the same rows. Each runs in a process of its own, started by a
small one that measures it: a large one's memory would count as its child's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench import month
from tests.bench.rows import Limit, Row

_LAUNCH = """
import json, resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
_BARE = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
for table, columns in (
    ("rounds", "wall, role, monotonic, desired, containers, protected, overrides, given"),
    ("readings", "wall, role, member, cpu_percent, place, ready, warming"),
):
    for row in database.execute(f"SELECT {columns} FROM {table} ORDER BY rowid"):
        pass
"""
_CHANGE = ("--set", "validator.cpu_high=75")


@dataclass(frozen=True)
class Cost:
    """What a process used: seconds of one core, and the most memory at once in MiB."""

    seconds: float
    mib: float


def measure(wanted: frozenset[str]) -> list[Row]:
    """Write the month once, then replay it to one set of rules and to two."""
    del wanted
    with tempfile.TemporaryDirectory(prefix="autoscaler-bench-") as name:
        folder = Path(name)
        (folder / "day").mkdir()
        (folder / "month").mkdir()
        day = _replay(month.write(folder / "day", days=1))
        env_file = month.write(folder / "month")
        floor = _run(sys.executable, "-c", _BARE, str(folder / "month" / "history.db"))
        one, two = _replay(env_file), _replay(env_file, *_CHANGE)
    work = f"replay of {month.DAYS} days at {month.INTERVAL} s, {len(month.MEMBERS)} roles"
    return [
        _row("simulate_month_s", f"{work}, one set of rules", one, floor, 30.0),
        _row("simulate_month_two_s", f"{work}, two sets", two, floor, 60.0),
        Row(
            "simulate_month_mib",
            f"{work}, two sets: memory, over that of one day and one set",
            "MiB",
            two.mib,
            day.mib,
            Limit(1.25, "ratio"),
        ),
    ]


def _row(key: str, work: str, cost: Cost, floor: Cost, most_seconds: float) -> Row:
    detail = {"rounds": month.ROUNDS, "us_per_round": 1e6 * cost.seconds / month.ROUNDS}
    limit = Limit(most_seconds, "figure")
    return Row(key, work, "s", cost.seconds, floor.seconds, limit, detail=detail)


def _replay(env_file: Path, *words: str) -> Cost:
    """Replay the history that belongs to an env file."""
    command = [sys.executable, "-m", "autoscaler", "simulate", "--env-file", str(env_file)]
    return _run(*command, "--json", *words)


def _run(*command: str) -> Cost:
    """Run a command to its end. Raises CalledProcessError if it fails."""
    launched = subprocess.run(
        [sys.executable, "-c", _LAUNCH, *command], check=True, stdout=subprocess.PIPE, text=True
    )
    return Cost(*json.loads(launched.stdout))
