"""What the daemon costs while nothing happens."""

from __future__ import annotations

import os
import time
from pathlib import Path

from autoscaler.demo.spec import RoleSpec
from tests.bench.hosts import host
from tests.bench.rows import Limit, Row

ROLES = {"validator": (3, 9003), "business": (2, 9009), "slim": (1, 9013)}
SETTLE_SECONDS = 20.0
SECONDS = 120.0
LOOK_SECONDS = 10.0


def measure(wanted: frozenset[str]) -> list[Row]:
    """Let a daemon with six running members and no load stand for two minutes."""
    del wanted
    specs = [
        RoleSpec(name, count, port, cpus=0.5, running=count, settings={"min": str(count)})
        for name, (count, port) in ROLES.items()
    ]
    with host(specs, {}) as stand:
        pid = stand.start().process.pid
        time.sleep(SETTLE_SECONDS)
        used = [(time.monotonic(), cpu_seconds(pid))]
        memory = [rss_mib(pid)]
        while used[-1][0] - used[0][0] < SECONDS:
            time.sleep(LOOK_SECONDS)
            used.append((time.monotonic(), cpu_seconds(pid)))
            memory.append(rss_mib(pid))
    (began, before), (ended, after) = used[0], used[-1]
    percent = 100 * (after - before) / (ended - began)
    work = f"daemon with 6 running members at the default interval, {SECONDS:g} s without load"
    looks = [(round(at - began, 2), round(cpu - before, 2)) for at, cpu in used]
    return [
        Row(
            "idle_cpu_percent",
            f"{work}: percent of a core",
            "%",
            percent,
            limit=Limit(0.5, "figure"),
            detail={"cpu_seconds_at": looks},
        ),
        Row(
            "idle_rss_mib",
            f"{work}: resident memory, the most seen",
            "MiB",
            max(memory),
            limit=Limit(70.0, "figure"),
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
