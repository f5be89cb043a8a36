"""What a source of readings is, and what the sources share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from autoscaler.model import NoReading, Reading
from autoscaler.sampling.cpu import Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from autoscaler.model import Member
    from autoscaler.sampling.cpu import Counter, CpuWindows


class Source(Protocol):
    """Measures members. A failure is a reading with its reason, never an exception or a 0."""

    @property
    def name(self) -> str:
        """The source's name in settings, logs and metrics."""

    def sample(self, members: Sequence[Member], now: Callable[[], float]) -> dict[str, Reading]:
        """Return one reading for each member, by name; blocks for one timeout at most.

        `now` gives monotonic seconds. Members left out since the last call are forgotten.
        """


def not_running(member: Member, source: str) -> Reading:
    """Return the reading of a member that does not run."""
    detail = f"the container is {member.state.value}"
    return Reading(member.name, None, NoReading.NOT_RUNNING, source=source, detail=detail)


def no_reading(member: Member, source: str, missing: Missing) -> Reading:
    """Return a reading that says why there is none."""
    return Reading(member.name, None, missing.reason, source=source, detail=missing.detail)


def reading(
    member: Member,
    source: str,
    outcome: tuple[Counter, float | None] | Missing,
    windows: CpuWindows,
) -> Reading:
    """Turn a member's counter and memory percent, or why there is none, into its reading."""
    if isinstance(outcome, Missing):
        return no_reading(member, source, outcome)
    counter, memory = outcome
    cpu = windows.observe(member, counter)
    if isinstance(cpu, Missing):
        return Reading(member.name, None, cpu.reason, memory, source, cpu.detail)
    return Reading(member.name, cpu, None, memory, source)
