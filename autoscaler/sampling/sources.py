"""The sources in their order of preference, and which of them serves each role now.

A source has failed for a role when a running member of it stays without a reading for longer
than twice the averaging time; then the next source serves the role until the first gives full
readings again. A member that has just started has no reading anywhere, which is nobody's failure:
its time counts from the start of its run, and a window fills in half the time allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from autoscaler.errors import AutoscalerError
from autoscaler.model import NoReading, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from autoscaler.model import Member
    from autoscaler.sampling.source import Source

_WARM_UP_PART = 0.5
"""After this part of the time allowed the next source starts to fill its windows."""

_WINDOW_FILLS = (NoReading.FIRST_SIGHT, NoReading.RESTARTED)


class SourceEventKind(StrEnum):
    """What became of a source for a role."""

    FAILED = "failed"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """A source stopped or began again to measure a role. `detail` is a sentence for people."""

    kind: SourceEventKind
    source: str
    role: str
    detail: str


@dataclass(frozen=True, slots=True)
class _Silence:
    """Since when (monotonic seconds) a run has no reading."""

    run: tuple[str, str]
    since: float


class _Watch:
    """How one source does for one role."""

    def __init__(self, allowed_seconds: float) -> None:
        self._allowed_seconds = allowed_seconds
        self._silences: dict[str, _Silence] = {}
        self.failed = False

    def observe(self, running: Sequence[Member], readings: Mapping[str, Reading], at: float) -> str:
        """Take the readings of the role's running members; return why it fails now, or ""."""
        silences: dict[str, _Silence] = {}
        for member in running:
            if readings[member.name].cpu_percent is not None:
                continue
            before = self._silences.get(member.name)
            same = before is not None and before.run == member.run
            silences[member.name] = before if before and same else _Silence(member.run, at)
        self._silences = silences
        for member in running:
            if self._seconds(member.name, at) > self._allowed_seconds:
                reading = readings[member.name]
                return (
                    f"{member.name} without a reading for {self._seconds(member.name, at):.0f} s:"
                    f" {reading.reason}: {reading.detail}"
                )
        return ""

    def _seconds(self, name: str, at: float) -> float:
        """Return how long a member has been without a reading."""
        silence = self._silences.get(name)
        return 0.0 if silence is None else at - silence.since

    def wants_help(self, at: float) -> bool:
        """Whether the next source should fill its windows, as it may soon be needed."""
        limit = self._allowed_seconds * _WARM_UP_PART
        return self.failed or any(self._seconds(name, at) > limit for name in self._silences)

    def rest(self) -> None:
        """Forget since when readings are missing: the source is not asked any more."""
        self._silences = {}

    def full(self, running: Sequence[Member], readings: Mapping[str, Reading]) -> bool:
        """Whether all running members have readings, apart from windows that have to fill."""
        reasons = [readings[m.name].reason for m in running]
        return None in reasons and all(r is None or r in _WINDOW_FILLS for r in reasons)


class Sources:
    """Samples the members with the preferred source, and with later ones where that fails.

    `sources` in order of preference, at least one; `average_over` in seconds; `now` gives
    monotonic seconds. For one caller at a time.
    """

    def __init__(
        self, sources: Sequence[Source], average_over: float, now: Callable[[], float]
    ) -> None:
        self._sources = tuple(sources)
        self._allowed_seconds = 2 * average_over
        self._now = now
        self._watches: dict[tuple[str, str], _Watch] = {}
        self._events: list[SourceEvent] = []
        self.serving: dict[str, str] = {}
        """The source that serves each role."""

    def sample(self, members: Sequence[Member]) -> dict[str, Reading]:
        """Return one reading for each member, by name, from the source that serves its role."""
        roles: dict[str, list[Member]] = {}
        for member in members:
            roles.setdefault(member.role, []).append(member)
        self._forget_all_but(roles)
        given: dict[str, dict[str, dict[str, Reading]]] = {role: {} for role in roles}
        asking = list(roles)
        for source in self._sources:
            wanted = [member for role in asking for member in roles[role]]
            if not wanted:
                break
            readings = self._ask(source, wanted)
            for role in asking:
                given[role][source.name] = {m.name: readings[m.name] for m in roles[role]}
            asking = [r for r in asking if self._judge(source, r, roles[r], given[r][source.name])]
        for (name, role), watch in self._watches.items():
            if name not in given[role]:
                watch.rest()
        served: dict[str, Reading] = {}
        for role, by_source in given.items():
            self.serving[role] = self._choose(role, by_source)
            served.update(by_source[self.serving[role]])
        return served

    def events(self) -> tuple[SourceEvent, ...]:
        """Return what changed since the last call, oldest first."""
        events, self._events = tuple(self._events), []
        return events

    def _ask(self, source: Source, members: Sequence[Member]) -> dict[str, Reading]:
        """Sample a source; members it does not answer for have a reading that says so."""
        try:
            readings = source.sample(members, self._now)
            why = f"source {source.name} says nothing of it"
        except AutoscalerError as error:
            readings, why = {}, str(error)
        failed = NoReading.SOURCE_FAILED
        return {
            m.name: readings.get(m.name)
            or Reading(m.name, None, failed, source=source.name, detail=why)
            for m in members
        }

    def _judge(
        self, source: Source, role: str, members: Sequence[Member], readings: Mapping[str, Reading]
    ) -> bool:
        """Note how the source does for the role; return whether the next one should be asked."""
        key = (source.name, role)
        watch = self._watches.setdefault(key, _Watch(self._allowed_seconds))
        running = [m for m in members if m.running]
        at = self._now()
        why = watch.observe(running, readings, at)
        if why and not watch.failed:
            watch.failed = True
            self._events.append(SourceEvent(SourceEventKind.FAILED, *key, why))
        elif watch.failed and not why and watch.full(running, readings):
            watch.failed = False
            detail = f"readings of all {len(running)} running members"
            self._events.append(SourceEvent(SourceEventKind.RECOVERED, *key, detail))
        return watch.wants_help(at)

    def _choose(self, role: str, by_source: Mapping[str, Mapping[str, Reading]]) -> str:
        """Return the source that serves the role: the first that has not failed.

        Where an earlier one that failed still gives more readings than that, or all failed, it is
        the one with the most: a second source that is down as well must not make it worse.
        """
        candidates: list[str] = []
        for name in by_source:
            candidates.append(name)
            if not self._watches[name, role].failed:
                break

        def worth(name: str) -> tuple[int, bool]:
            count = sum(r.cpu_percent is not None for r in by_source[name].values())
            return count, not self._watches[name, role].failed

        return max(candidates, key=worth)

    def _forget_all_but(self, roles: Mapping[str, object]) -> None:
        """Forget roles that have no members any more, and tell that their troubles are over."""
        for (source, role), watch in self._watches.items():
            if role not in roles and watch.failed:
                detail = "the role has no members any more"
                self._events.append(SourceEvent(SourceEventKind.RECOVERED, source, role, detail))
        self._watches = {key: w for key, w in self._watches.items() if key[1] in roles}
        self.serving = {role: name for role, name in self.serving.items() if role in roles}
