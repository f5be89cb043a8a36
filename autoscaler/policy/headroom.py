"""How much the host itself has left, and whether that is too little to start one more member. Pure.

More members on a host whose CPU is used up only split the same cores, and one without memory left
may end another. A saturated host stays so until it has been clearly better for a while, so that a
busy hour is told once and not each time the load breathes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoscaler.model import Overrides

BUSY_PERCENT = 90.0
"""Above this much of the host's CPU, more members only split the same cores: what is warned of
where no ceiling is set."""

LOW_MEMORY_PERCENT = 10.0
"""Below this much available memory, starting one more risks an out-of-memory kill: likewise."""

CPU_RECOVERED_PART = 0.95
"""The CPU has recovered at this part of the ceiling."""

MEMORY_RECOVERED_PART = 1.1
"""The memory has recovered at this multiple of the floor."""

RECOVERY_SECONDS = 60.0
"""How long a host must have been clearly better without a break to count as recovered."""


@dataclass(frozen=True, slots=True)
class HostLoad:
    """The host at one look: CPU in use in percent of all its CPUs, and memory available.

    `cpu_percent` is an average since an earlier look, None at the first.
    """

    cpu_percent: float | None
    memory_percent: float


@dataclass(frozen=True, slots=True)
class HeadroomLimits:
    """What the host must have left, in percent; None: only warned of, at the values above."""

    cpu_ceiling: float | None = None
    memory_floor: float | None = None

    @property
    def cpu(self) -> float:
        """The CPU in use above which the host counts as saturated."""
        return BUSY_PERCENT if self.cpu_ceiling is None else self.cpu_ceiling

    @property
    def memory(self) -> float:
        """The available memory below which the host counts as saturated."""
        return LOW_MEMORY_PERCENT if self.memory_floor is None else self.memory_floor


@dataclass(frozen=True, slots=True)
class Headroom:
    """Of which resource the host has too little left.

    Of a saturated resource, `cpu_better_since` and `memory_better_since` tell since when (monotonic
    seconds) it has been clearly better; None: it is not.
    """

    cpu_saturated: bool = False
    memory_saturated: bool = False
    cpu_better_since: float | None = None
    memory_better_since: float | None = None


def judge(limits: HeadroomLimits, load: HostLoad | None, before: Headroom, now: float) -> Headroom:
    """Compare a look at `now` with the limits; `before` is what the look before had found.

    What was not measured is not saturated: nobody is kept from growing by a lack of knowledge.
    Only the first look of a meter, which has no CPU yet, says nothing new of it.
    """
    if load is None:
        return Headroom()
    cpu = before.cpu_saturated, before.cpu_better_since
    if load.cpu_percent is not None:
        cpu = _next(
            before.cpu_better_since,
            saturated=before.cpu_saturated,
            beyond=load.cpu_percent > limits.cpu,
            better=load.cpu_percent <= limits.cpu * CPU_RECOVERED_PART,
            now=now,
        )
    memory = _next(
        before.memory_better_since,
        saturated=before.memory_saturated,
        beyond=load.memory_percent < limits.memory,
        better=load.memory_percent >= limits.memory * MEMORY_RECOVERED_PART,
        now=now,
    )
    return Headroom(cpu[0], memory[0], cpu[1], memory[1])


def _next(
    better_since: float | None, *, saturated: bool, beyond: bool, better: bool, now: float
) -> tuple[bool, float | None]:
    """Return whether a resource is saturated after a look, and since when it has been better."""
    if not saturated or not better:
        return saturated or beyond, None
    since = now if better_since is None else better_since
    return (True, since) if now - since < RECOVERY_SECONDS else (False, None)


def holding(overrides: Overrides, limits: HeadroomLimits, found: Headroom) -> Overrides:
    """Return what operators have set together with what the host's state holds.

    Only a limit that is set holds.
    """
    cpu = found.cpu_saturated and limits.cpu_ceiling is not None
    memory = found.memory_saturated and limits.memory_floor is not None
    if not cpu and not memory:
        return overrides
    return replace(overrides, host_cpu=cpu, host_memory=memory)
