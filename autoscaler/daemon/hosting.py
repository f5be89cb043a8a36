"""Follows what the host itself has left: tells when it is saturated, and holds roles if told to."""

from __future__ import annotations

from typing import Any

from autoscaler.daemon.journal import Journal
from autoscaler.daemon.state import RoleState, State
from autoscaler.model import Overrides
from autoscaler.policy.headroom import HeadroomLimits, HostLoad, holding, judge
from autoscaler.settings import Settings

_CPU_HINT = "see what uses it (top); give the host more CPUs or move work away"
_MEMORY_HINT = "see what uses it (docker stats, top); set memory limits, or give the host more"

_HELD = {
    "cpu": "load starts no member, and stops none, as those that lack CPU look idle",
    "memory": "load starts no member",
}
"""What a limit that is set holds while the host is beyond it."""


def limits_of(settings: Settings) -> HeadroomLimits:
    """Return what the host must have left."""
    return HeadroomLimits(settings.host_cpu_ceiling, settings.host_memory_floor)


def follow(state: State, load: HostLoad | None, journal: Journal) -> None:
    """Take in a look at the host; None: it was not or cannot be measured."""
    limits = limits_of(state.settings)
    before = state.headroom
    found = judge(limits, load, before, journal.clock.monotonic())
    state.host, state.headroom = load, found
    cpu = None if load is None or load.cpu_percent is None else round(load.cpu_percent, 1)
    memory = None if load is None else round(load.memory_percent, 1)
    numbers = {"cpu_percent": cpu, "memory_percent": memory}
    if found.cpu_saturated != before.cpu_saturated:
        held = limits.cpu_ceiling is not None
        text = f"{cpu} % of the host's CPU is in use, the limit is {limits.cpu:g} %"
        fields = {**numbers, "limit": limits.cpu, "reason": text}
        _tell(journal, "cpu", fields, _CPU_HINT, held=held, saturated=found.cpu_saturated)
    if found.memory_saturated != before.memory_saturated:
        held = limits.memory_floor is not None
        text = f"{memory} % of the host's memory is available, the limit is {limits.memory:g} %"
        fields = {**numbers, "limit": limits.memory, "reason": text}
        _tell(journal, "memory", fields, _MEMORY_HINT, held=held, saturated=found.memory_saturated)


def _tell(
    journal: Journal,
    resource: str,
    fields: dict[str, Any],
    hint: str,
    *,
    held: bool,
    saturated: bool,
) -> None:
    """Tell a change once; a host that is not measured any more has no numbers."""
    if saturated:
        consequence = _HELD[resource] if held else "nothing is held"
        journal.warning(
            "host.saturated", resource=resource, **fields, consequence=consequence, hint=hint
        )
        return
    if fields["memory_percent"] is None:
        fields["reason"] = "the host's load cannot be read any more, so nothing is held"
    journal.info("host.recovered", resource=resource, **fields)


def in_force(role: RoleState, state: State) -> Overrides:
    """Return what holds the rules of a role: what operators have set, and the host's state."""
    return holding_for(role.overrides, state)


def holding_for(overrides: Overrides, state: State) -> Overrides:
    """Return overrides together with what the host's state holds now."""
    return holding(overrides, limits_of(state.settings), state.headroom)


def words(state: State) -> str:
    """Say what the host lacks, with the numbers; empty if it lacks nothing."""
    load, found, limits = state.host, state.headroom, limits_of(state.settings)
    if load is None:
        return ""
    said = []
    if found.cpu_saturated and load.cpu_percent is not None:
        said.append(f"{load.cpu_percent:.0f} % of its CPU is in use, the limit is {limits.cpu:g} %")
    if found.memory_saturated:
        said.append(
            f"{load.memory_percent:.0f} % of its memory is left, the limit is {limits.memory:g} %"
        )
    return " and ".join(said)


def shown(state: State) -> dict[str, Any] | None:
    """Return the host's load for JSON, None where it is not measured."""
    load, found = state.host, state.headroom
    if load is None:
        return None
    limits = limits_of(state.settings)
    return {
        "cpu_percent": None if load.cpu_percent is None else round(load.cpu_percent, 1),
        "memory_percent": round(load.memory_percent, 1),
        "cpu_saturated": found.cpu_saturated,
        "memory_saturated": found.memory_saturated,
        "cpu_ceiling": limits.cpu_ceiling,
        "memory_floor": limits.memory_floor,
    }
