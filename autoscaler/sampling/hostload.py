"""Reads how busy the host itself is from the kernel: /proc/stat and /proc/meminfo."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from autoscaler.policy.headroom import HostLoad

_IDLE, _IOWAIT, _COUNTED = 3, 4, 8
"""Columns of /proc/stat: the two that are not work, and how many do not overlap with others."""


@dataclass(frozen=True, slots=True)
class CpuTicks:
    """The kernel's counters since boot: ticks that were work, and all."""

    busy: int
    total: int


def cpu_ticks(stat: str) -> CpuTicks:
    """Read the text of /proc/stat. Raises ValueError if it has no such line."""
    for line in stat.splitlines():
        name, *numbers = line.split()
        if name == "cpu" and len(numbers) > _IOWAIT:
            ticks = [int(number) for number in numbers[:_COUNTED]]
            idle = ticks[_IDLE] + ticks[_IOWAIT]
            return CpuTicks(sum(ticks) - idle, sum(ticks))
    raise ValueError("it has no line `cpu` with counters")


def busy_percent(first: CpuTicks, last: CpuTicks) -> float | None:
    """Return the CPU that was work between two looks in percent, None if no time passed."""
    total = last.total - first.total
    return 100 * (last.busy - first.busy) / total if total > 0 else None


def memory_kib(meminfo: str) -> tuple[int, int]:
    """Return available and total memory from the text of /proc/meminfo. Raises ValueError."""
    return _kib(meminfo, "MemAvailable"), _kib(meminfo, "MemTotal")


def _kib(meminfo: str, name: str) -> int:
    """Return a line of /proc/meminfo in KiB. Raises ValueError without it."""
    for line in meminfo.splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise ValueError(f"/proc/meminfo has no {name}")


class HostMeter:
    """Measures this host at every look; the CPU is averaged over `average_over` seconds.

    A look comes every `interval` seconds. For one caller at a time.
    """

    def __init__(self, average_over: float, interval: float, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._ticks: deque[CpuTicks] = deque(maxlen=ceil(average_over / interval) + 1)

    def look(self) -> HostLoad | None:
        """Return the host's load since earlier looks, None where the kernel does not tell it."""
        try:
            ticks = cpu_ticks((self._proc / "stat").read_text(encoding="ascii"))
            memory = (self._proc / "meminfo").read_text(encoding="ascii")
            available, total = memory_kib(memory)
        except (OSError, ValueError):
            self._ticks.clear()
            return None
        self._ticks.append(ticks)
        percent = 100 * available / total if total else 0.0
        return HostLoad(busy_percent(self._ticks[0], ticks), percent)
