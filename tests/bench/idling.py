"""What the daemon costs while nothing happens."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from autoscaler.demo.spec import RoleSpec
from tests.bench.hosts import host
from tests.bench.rows import Limit, Row
from tests.bench.surfaces import all_on

PLAIN = ("idle_cpu_percent", "idle_rss_mib")
ALL = ("idle_all_cpu_percent", "idle_all_rss_mib")
ROLES = {"validator": (3, 9003), "business": (2, 9009), "slim": (1, 9013)}
SETTLE_SECONDS = 20.0
SECONDS = 120.0
LOOK_SECONDS = 10.0


@dataclass
class _Watched:
    """A daemon and what it has used: monotonic time, CPU seconds and MiB at each look."""

    pid: int
    looks: list[tuple[float, float, float]] = field(default_factory=list)

    def look(self) -> None:
        """Look once."""
        self.looks.append((time.monotonic(), cpu_seconds(self.pid), rss_mib(self.pid)))


def measure(wanted: frozenset[str]) -> list[Row]:
    """Let daemons with six running members each and no load stand for two minutes, side by side:
    one as it is by default and one with all surfaces on, or the one that is asked for.
    """
    specs = [
        RoleSpec(name, count, port, cpus=0.5, running=count, settings={"min": str(count)})
        for name, (count, port) in ROLES.items()
    ]
    work = f"daemon with 6 running members at the default interval, {SECONDS:g} s without load"
    watched: dict[str, _Watched] = {}
    with contextlib.ExitStack() as stack:
        if wanted.intersection(PLAIN):
            plain = stack.enter_context(host(specs, {}))
            plain.start()
            watched[work] = _Watched(plain.daemon.process.pid)
        if wanted.intersection(ALL):
            full = stack.enter_context(all_on(specs))
            watched[f"{work}, all surfaces on"] = _Watched(full.daemon.process.pid)
        for number in range(round(SECONDS / LOOK_SECONDS) + 1):
            time.sleep(LOOK_SECONDS if number else SETTLE_SECONDS)
            for one in watched.values():
                one.look()
    return [
        row
        for what, one in watched.items()
        for row in _rows(what, one, *((PLAIN, 70.0) if what == work else (ALL, 80.0)))
    ]


def _rows(work: str, watched: _Watched, keys: tuple[str, str], most_mib: float) -> list[Row]:
    (began, before, _), (ended, after, _) = watched.looks[0], watched.looks[-1]
    memory = [mib for _, _, mib in watched.looks]
    return [
        Row(
            keys[0],
            f"{work}: percent of a core",
            "%",
            100 * (after - before) / (ended - began),
            limit=Limit(0.5, "figure"),
            detail={
                "cpu_seconds_at": [
                    (round(at - began, 2), round(cpu - before, 2)) for at, cpu, _ in watched.looks
                ]
            },
        ),
        Row(
            keys[1],
            f"{work}: resident memory, the most seen",
            "MiB",
            max(memory),
            limit=Limit(most_mib, "figure"),
            detail={"mib_at": memory},
        ),
    ]


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its ended children: fields 14 to 17 of proc(5)."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return sum(map(int, text.rpartition(")")[2].split()[11:15])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no resident memory")
