"""Tells which sources of CPU readings fail for which role, and that they are back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from autoscaler.daemon.journal import Journal
from autoscaler.daemon.state import State
from autoscaler.model import Reading
from autoscaler.sampling.sources import SourceEvent, SourceEventKind


def follow(events: Iterable[SourceEvent], state: State, journal: Journal) -> None:
    """Take in what the sources say changed."""
    for event in events:
        failed = event.kind is SourceEventKind.FAILED
        state.source_troubles.pop((event.source, event.role), None)
        if failed:
            state.source_troubles[event.source, event.role] = event.detail
        tell = journal.warning if failed else journal.info
        tell(
            f"source.{event.kind.value}",
            role=event.role,
            source=event.source,
            reason=event.detail,
        )


def follow_new(readings: Mapping[str, Reading], state: State, journal: Journal) -> None:
    """Find that sources made anew by a reload serve: they know of no failure before their time."""
    for source, name in list(state.source_troubles):
        role = state.roles.get(name)
        if role is None:
            del state.source_troubles[source, name]
            continue
        found = [readings.get(m.name) for m in role.members.values() if m.running]
        if found and all(r is not None and r.source == source and _is_number(r) for r in found):
            detail = f"readings of all {len(found)} running members"
            follow([SourceEvent(SourceEventKind.RECOVERED, source, name, detail)], state, journal)


def _is_number(reading: Reading) -> bool:
    return reading.cpu_percent is not None
