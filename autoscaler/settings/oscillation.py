"""Which steady loads two thresholds would chase up and down for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoscaler.settings.role import RoleSettings


@dataclass(frozen=True, slots=True)
class Oscillation:
    """Steady loads strictly between `low` and `high` swing between two counts of members.

    The loads are percent of what one member may use: 120 keeps two members at 60 %.
    """

    fewer: int
    more: int
    low: float
    high: float


def oscillations(role: RoleSettings) -> tuple[Oscillation, ...]:
    """Return every range of steady load at which the role would never come to rest.

    With n members a load L is below `cpu_low` if L < n * cpu_low, so one goes; with n - 1 it is
    above `cpu_high` if L > (n - 1) * cpu_high, so it comes back. Both hold between these bounds.
    The flap guard, a fixed role, and a direction that is switched off exclude it.
    """
    policy = role.policy(0.0)
    still = "Disabled" in {policy.scale_up.select, policy.scale_down.select}
    if policy.flap_guard or policy.fixed or still:
        return ()
    return tuple(
        Oscillation(count - 1, count, (count - 1) * role.cpu_high, count * role.cpu_low)
        for count in range(role.min + 1, role.most + 1)
        if (count - 1) * role.cpu_high < count * role.cpu_low
    )


def oscillation_range(role: RoleSettings) -> tuple[float, float] | None:
    """Return the widest of those ranges in percent of one member, None if there is none."""
    found = oscillations(role)
    return (found[0].low, found[0].high) if found else None
