"""Readings from the kernel's own counters: for containers of this host, v1 and v2 cgroups.

Hundreds of times cheaper than the engine's stats: a few small files for each container.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.model import NoReading
from autoscaler.sampling.cgroup_paths import Files, find_files
from autoscaler.sampling.cpu import Counter, CpuWindows, Missing
from autoscaler.sampling.source import not_running, reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from autoscaler.model import Member, Reading

_READ_BYTES = 16_384


class CgroupSource:
    """Reads the members' counters under `root`, one after another: there is nothing to wait for.

    `host_memory_bytes` is the limit of containers without one (0 if unknown: they have no memory
    percent). `average_over` and `interval` are seconds. `proc` is where processes are listed.
    """

    name = "cgroup"

    def __init__(
        self,
        average_over: float,
        interval: float,
        host_memory_bytes: int = 0,
        root: str = "/sys/fs/cgroup",
        proc: str = "/proc",
    ) -> None:
        self._windows = CpuWindows(average_over, interval)
        self._host_memory_bytes = host_memory_bytes
        self._root = root
        self._proc = proc
        self._files: dict[str, _Known] = {}

    def sample(self, members: Sequence[Member], now: Callable[[], float]) -> dict[str, Reading]:
        """Return one reading for each member, by name."""
        readings: dict[str, Reading] = {}
        for member in members:
            if member.running:
                outcome = self._outcome(member, now)
                readings[member.name] = reading(member, self.name, outcome, self._windows)
            else:
                self._windows.interrupt(member)
                readings[member.name] = not_running(member, self.name)
        self._windows.keep(readings)
        for name in self._files.keys() - readings.keys():
            del self._files[name]
        return readings

    def _outcome(
        self, member: Member, now: Callable[[], float]
    ) -> tuple[Counter, float | None] | Missing:
        """Read a member's counters; look for its files again if they are gone."""
        known = self._files.get(member.name)
        if known is not None and known.run == member.run:
            try:
                return self._read(known.files, now)
            except FileNotFoundError:
                del self._files[member.name]
            except (OSError, ValueError, IndexError) as error:
                return _failed(error)
        files = find_files(member, self._root, self._proc)
        if isinstance(files, str):
            return Missing(NoReading.NO_COUNTER, files)
        try:
            outcome = self._read(files, now)
        except (OSError, ValueError, IndexError) as error:
            return _failed(error)
        self._files[member.name] = _Known(member.run, files)
        return outcome

    def _read(self, files: Files, now: Callable[[], float]) -> tuple[Counter, float | None]:
        """Read the counter and memory; raises OSError, ValueError or IndexError."""
        text = _slurp(files.cpu)
        at = now()
        seconds = int(text) / 1e9 if files.version == 1 else field(text, b"usage_usec") / 1e6
        return Counter(seconds, at), self._memory(files)

    def _memory(self, files: Files) -> float | None:
        """Return memory in use as percent of the limit, None if the kernel does not tell.

        Like `docker stats`: usage without the inactive file cache, of the container's limit, or
        of the host's memory where there is none or a higher one.
        """
        if not files.memory_usage:
            return None
        try:
            usage = int(_slurp(files.memory_usage))
            limit = _slurp(files.memory_limit).strip()
            cache = field(_slurp(files.memory_stat), files.cache_field)
        except (OSError, ValueError, IndexError):
            # CPU decides; a container without its memory figures still has a reading.
            return None
        host = self._host_memory_bytes
        most = host if limit == b"max" else min(int(limit), host or int(limit))
        return 100.0 * max(usage - cache, 0) / most if most > 0 else None


@dataclass(frozen=True, slots=True)
class _Known:
    """Where the counters of a member's run were found."""

    run: tuple[str, str]
    files: Files


def _failed(error: Exception) -> Missing:
    """Word a counter that is there but cannot be read."""
    return Missing(NoReading.SOURCE_FAILED, f"cannot read its CPU counter: {error}")


def field(text: bytes, name: bytes) -> int:
    """Return the number behind `name` in a file of "name number" lines.

    Raises ValueError or IndexError if the file has no such line.
    """
    start = 0 if text.startswith(name + b" ") else text.index(b"\n" + name + b" ") + 1
    return int(text[start:].split(None, 2)[1])


def _slurp(path: str) -> bytes:
    """Return the whole of a small kernel file; half as costly as opening it as a Python file.

    Opened anew each time: kept open, four descriptors for every container would add up.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _READ_BYTES)
    finally:
        os.close(descriptor)
