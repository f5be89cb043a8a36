"""Readings from the Docker engine's stats API: works wherever the engine is.

The engine's own percentages and `precpu_stats` are not used: the first frame has no delta, and
some engines leave out `system_cpu_usage`. Deltas are our own.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

from docker.utils import version_gte

from autoscaler.engine.client import translated
from autoscaler.errors import EngineError, EngineUnavailableError
from autoscaler.model import NoReading
from autoscaler.sampling.cpu import Counter, CpuWindows, Missing
from autoscaler.sampling.fanout import Fanout
from autoscaler.sampling.source import not_running, reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from autoscaler.clock import Clock
    from autoscaler.engine.client import EngineClient
    from autoscaler.model import Member, Reading

_ONE_SHOT_SINCE = "1.41"
_MAX_WORKERS = 256
_SLACK_SECONDS = 0.5  # for the answers that arrive at the timeout itself

_Outcome = tuple[Counter, float | None] | Missing


class DockerSource:
    """Asks the engine for the counters of all members at once.

    `timeout` is seconds for each call and, with a little slack, for all of them; `api` should
    keep as many connections as there are members. `average_over` and `interval` are seconds.
    """

    name = "docker"

    def __init__(
        self, api: EngineClient, timeout: float, average_over: float, interval: float, clock: Clock
    ) -> None:
        self._api = api
        self._timeout = timeout
        self._clock = clock
        self._windows = CpuWindows(average_over, interval)
        self._fanout: Fanout[tuple[str, str], _Outcome] = Fanout("stats", _MAX_WORKERS)

    def sample(self, members: Sequence[Member], now: Callable[[], float]) -> dict[str, Reading]:
        """Return one reading for each member, by name, within the timeout."""
        calls = {m.run: self._call(m, now) for m in members if m.running}
        outcomes = self._fanout.run(calls, self._timeout + _SLACK_SECONDS)
        late = Missing(NoReading.TIMED_OUT, f"no stats from the engine within {self._timeout:g} s")
        readings: dict[str, Reading] = {}
        for member in members:
            if member.running:
                outcome = outcomes.get(member.run, late)
                readings[member.name] = reading(member, self.name, outcome, self._windows)
            else:
                self._windows.interrupt(member)
                readings[member.name] = not_running(member, self.name)
        self._windows.keep(readings)
        return readings

    def _call(self, member: Member, now: Callable[[], float]) -> Callable[[], _Outcome]:
        """Return the call that asks for one member's counters."""
        return lambda: self._ask(member, now)

    def _ask(self, member: Member, now: Callable[[], float]) -> _Outcome:
        """Ask for one member's counters. Never raises."""
        asked = now()
        try:
            with translated(f"read the stats of {member.name}"):
                frame = self._stats(member.container_id)
                answered = now()
                lag = frame_age(frame, self._clock.wall())
                # The engine may have read the counter up to a second before it answered.
                at = answered - lag if 0.0 <= lag <= answered - asked else answered
                return parse_stats(frame, at)
        except EngineUnavailableError as error:
            timed_out = now() - asked >= self._timeout
            reason = NoReading.TIMED_OUT if timed_out else NoReading.SOURCE_FAILED
            return Missing(reason, str(error))
        except EngineError as error:
            return Missing(NoReading.SOURCE_FAILED, str(error))

    def _stats(self, container_id: str) -> Mapping[str, Any]:
        """Return one frame of counters; one-shot where the engine can: it does not wait for two."""
        one_shot = True if version_gte(self._api.api_version, _ONE_SHOT_SINCE) else None
        frame: Mapping[str, Any] = self._api.stats(container_id, stream=False, one_shot=one_shot)
        return frame


def parse_stats(frame: object, at: float) -> tuple[Counter, float | None] | Missing:
    """Return the CPU counter of a stats frame, dated `at`, and its memory percent.

    An engine that does not know the CPU time sends zero or nothing: that is no counter.
    """
    total = _number(_get(frame, "cpu_stats", "cpu_usage", "total_usage"))
    if total is None or total <= 0:
        return Missing(NoReading.NO_COUNTER, "the engine's stats have no CPU time for it")
    return Counter(total / 1e9, at), memory_percent(_get(frame, "memory_stats"))


def memory_percent(stats: object) -> float | None:
    """Return memory in use as percent of the limit, as `docker stats` does it.

    Usage without the inactive file cache, which the kernel gives back when asked: `inactive_file`
    of cgroup v2, `total_inactive_file` of v1. None if the frame does not tell.
    """
    usage, limit = _number(_get(stats, "usage")), _number(_get(stats, "limit"))
    if usage is None or limit is None or limit <= 0:
        return None
    cache = _number(_get(stats, "stats", "total_inactive_file"))
    if cache is None:
        cache = _number(_get(stats, "stats", "inactive_file"))
    return 100.0 * (usage - cache if cache is not None and cache < usage else usage) / limit


def frame_age(frame: object, wall: datetime) -> float:
    """Return how many seconds before `wall` the engine read the frame's counters, nan if unknown.

    Both are wall clocks, perhaps of two machines: the caller must check that it makes sense.
    """
    read = _get(frame, "read")
    try:
        return (wall - datetime.fromisoformat(str(read))).total_seconds()
    except (ValueError, TypeError):
        return math.nan


def _get(frame: object, *path: str) -> object:
    """Return what lies at `path` in nested dicts, None if anything on the way is missing."""
    for key in path:
        if not isinstance(frame, dict):
            return None
        frame = frame.get(key)
    return frame


def _number(value: object) -> float | None:
    """Return `value` as a float if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
