"""How much the host itself has left, and whether that is too little to start one more member. Pure.

More members on a host whose CPU is used up only split the same cores, and one without memory left
may end another. A saturated host stays so until it is clearly better, so that it is told once.
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
    """Of which resource the host has too little left."""

    cpu_saturated: bool = False
    memory_saturated: bool = False


def judge(limits: HeadroomLimits, load: HostLoad | None, before: Headroom) -> Headroom:
    """Compare a look with the limits; `before` is what the look before had found.

    What was not measured is not saturated: nobody is kept from growing by a lack of knowledge.
    Only the first look of a meter, which has no CPU yet, says nothing new of it.
    """
    if load is None:
        return Headroom()
    ceiling = limits.cpu * (CPU_RECOVERED_PART if before.cpu_saturated else 1.0)
    floor = limits.memory * (MEMORY_RECOVERED_PART if before.memory_saturated else 1.0)
    busy = before.cpu_saturated if load.cpu_percent is None else load.cpu_percent > ceiling
    return Headroom(busy, load.memory_percent < floor)


def holding(overrides: Overrides, limits: HeadroomLimits, found: Headroom) -> Overrides:
    """Return what operators have set together with what the host's state holds.

    Only a limit that is set holds.
    """
    cpu = found.cpu_saturated and limits.cpu_ceiling is not None
    memory = found.memory_saturated and limits.memory_floor is not None
    if not cpu and not memory:
        return overrides
    return replace(overrides, host_cpu=cpu, host_memory=memory)
