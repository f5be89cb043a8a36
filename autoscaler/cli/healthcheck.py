"""Asks the running members what the daemon will ask them, and says who it would take out.

A health path with a typing error costs every member at the next reload, so each is asked here
first: by the daemon's own probe, at the same address, with the same patience.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from autoscaler.actuation.health import Standing, judge, leaves_open, probe
from autoscaler.cli.findings import Finding, fail, ok, warn
from autoscaler.daemon.readiness import where
from autoscaler.settings.names import variable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autoscaler.model import Member
    from autoscaler.settings import RoleSettings, Settings

TOGETHER = 16
"""How many members are asked at once; each may take HEALTH_TIMEOUT."""


def health_findings(settings: Settings, members: Sequence[Member]) -> list[Finding]:
    """Return one finding for each running member that the daemon probes, in their order.

    Those whose HEALTHCHECK has the word are left out, and those without an address.
    """
    asked = [
        (member, role, place)
        for member in members
        if member.running
        and (role := settings.roles.get(member.role)) is not None
        and leaves_open(member.health, role.health_path)
        and isinstance(place := where(member), tuple)
    ]
    with ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(lambda one: _finding(*one), asked))


def _finding(member: Member, role: RoleSettings, place: tuple[str, int]) -> Finding:
    """Ask one member and judge it as the daemon does."""
    result = probe(*place, role.health_path, role.health_timeout)
    standing = judge(member.health, result, role.health_path).standing
    item = f"health {member.name}"
    if standing is Standing.HEALTHY:
        return ok(item, result.detail)
    if standing is Standing.WAITING:
        text = f"{result.detail}, and its health check says {member.health}"
        return warn(item, text, "check again when it has started")
    unless = " unless its CPU is above CPU_HIGH" if result.slow else ""
    field = "health_path" if role.health_path else "port"
    return fail(
        item,
        f"{result.detail}; the daemon would take it out of NGINX{unless}",
        f"see `docker logs {member.name}`, or correct {variable(('roles', member.role, field))}; "
        "if it was just started, check again",
    )
