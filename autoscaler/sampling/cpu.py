"""CPU counters turned into percent of what a container may use, averaged over a window.

Pure: counters and their times are arguments.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.model import NoReading

if TYPE_CHECKING:
    from collections.abc import Collection

    from autoscaler.model import Member

_STALE_AFTER = 2.0
"""A counter older than this many averaging times is no base: it would hide what came between."""

_SPACING = 0.25
"""Counters closer together than this part of an interval are not kept: memory stays bounded."""

_WORDS = {
    NoReading.FIRST_SIGHT: "seen for the first time",
    NoReading.RESTARTED: "it was restarted or recreated",
    NoReading.COUNTER_WENT_BACK: "its CPU counter went back",
    NoReading.STALE: "its counters were not read for a while",
}


@dataclass(frozen=True, slots=True)
class Counter:
    """CPU seconds used since the container started, as it stood at `at` (monotonic seconds)."""

    cpu_seconds: float
    at: float


@dataclass(frozen=True, slots=True)
class Missing:
    """Why there is no percentage, and the same as a sentence for people."""

    reason: NoReading
    detail: str


@dataclass(slots=True)
class _Window:
    """The counters of one run, oldest first, and why there may be too few of them."""

    run: tuple[str, str]
    reason: NoReading
    counters: deque[Counter]

    def restart(self, reason: NoReading) -> None:
        """Forget the counters, for this reason."""
        self.counters.clear()
        self.reason = reason


class CpuWindows:
    """The counters of every member's present run, reaching back one averaging time.

    `average_over` and `interval` are seconds. A percentage lies between the newest counter and
    the newest one that is at least `average_over - interval / 2` old, so that a late or early
    tick does not make the window one interval longer or shorter.
    """

    def __init__(self, average_over: float, interval: float) -> None:
        self._average_over = average_over
        self._base_age = max(average_over - interval / 2, 0.0)
        self._spacing = interval * _SPACING
        self._windows: dict[str, _Window] = {}

    def __len__(self) -> int:
        """How many members are remembered."""
        return len(self._windows)

    def observe(self, member: Member, counter: Counter) -> float | Missing:
        """Take the member's counter as it stands; return its percentage or why there is none.

        `100 * cpu_seconds / (wall_seconds * allowed_cpus)`; may exceed 100 a little, as the
        kernel lets bursts through.
        """
        window = self._window(member)
        counters = window.counters
        if not (math.isfinite(counter.cpu_seconds) and counter.cpu_seconds >= 0):
            return Missing(NoReading.NO_COUNTER, f"its CPU counter reads {counter.cpu_seconds}")
        if not member.allowed_cpus > 0:
            return Missing(
                NoReading.NO_COUNTER, "it has no CPU limit, and the engine tells no number of CPUs"
            )
        if counters and counter.cpu_seconds < counters[-1].cpu_seconds:
            window.restart(NoReading.COUNTER_WENT_BACK)
        oldest_base = counter.at - max(self._base_age, self._spacing)
        while len(counters) > 1 and counters[1].at <= oldest_base:
            counters.popleft()
        while counters and counter.at - counters[0].at > _STALE_AFTER * self._average_over:
            counters.popleft()
            window.reason = NoReading.STALE
        percent = self._percent(member, window, counter, oldest_base)
        if not counters or counter.at - counters[-1].at >= self._spacing:
            counters.append(counter)
        return percent

    def _percent(
        self, member: Member, window: _Window, counter: Counter, oldest_base: float
    ) -> float | Missing:
        """Return the percentage from the oldest counter kept, if that is old enough."""
        base = window.counters[0] if window.counters else None
        if base is None or base.at > oldest_base:
            seconds = 0.0 if base is None else counter.at - base.at
            return Missing(
                window.reason,
                f"{_WORDS[window.reason]}; {seconds:.0f} of {self._average_over:g} s are measured",
            )
        used = counter.cpu_seconds - base.cpu_seconds
        return 100.0 * used / ((counter.at - base.at) * member.allowed_cpus)

    def _window(self, member: Member) -> _Window:
        """Return the window of the member's present run, an empty one if the run is new."""
        window = self._windows.get(member.name)
        if window is None:
            window = _Window(member.run, NoReading.FIRST_SIGHT, deque())
            self._windows[member.name] = window
        elif window.run != member.run:
            window.run = member.run
            window.restart(NoReading.RESTARTED)
        return window

    def interrupt(self, member: Member) -> None:
        """Note that the member does not run: what it used before says nothing of afterwards."""
        window = self._windows.get(member.name)
        if window is not None and window.counters:
            window.restart(NoReading.STALE)

    def keep(self, names: Collection[str]) -> None:
        """Forget all members but these."""
        for name in self._windows.keys() - set(names):
            del self._windows[name]
