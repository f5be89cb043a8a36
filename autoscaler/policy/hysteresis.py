"""Two thresholds: what the CPU of a role's members asks for at one moment.

Knows nothing of time: windows and rate limits come afterwards (see behavior).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf

from autoscaler.model import MemberLoad, Reason, RolePolicy

FULL_PERCENT = 100.0
"""What a member without a reading counts as when the question is whether to shrink."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the thresholds recommend for one tick.

    `recommended` is a count of members, not clamped to the bounds; None without data. `mean` is
    the average of the usable readings, `average` the one over all chosen members with the missing
    ones filled in; equal to `mean` where nothing had to be filled in or asked. Both in percent.
    """

    reason: Reason
    recommended: int | None = None
    mean: float | None = None
    average: float | None = None


def propose(policy: RolePolicy, current: int, loads: Sequence[MemberLoad]) -> Proposal:
    """Compare the chosen members' CPU with both thresholds, which belong to the band themselves.

    `loads` are the `current` chosen members (further ones are not looked at); a chosen member
    that is absent, not ready, or without a finite CPU of at least 0 % has no usable reading.
    The reason is SCALE_UP or SCALE_DOWN if the recommendation differs from `current`, else
    WITHIN_BAND, AT_MIN, INCOMPLETE_DATA or ANTICIPATED_FLAPPING; NO_DATA without any reading.
    """
    usable = 0
    total = 0.0
    total_settled = 0.0
    for load in loads[:current]:
        cpu = load.cpu_percent
        # One comparison keeps out NaN, infinity and negative numbers alike.
        if load.ready and cpu is not None and 0.0 <= cpu < inf:
            usable += 1
            total += cpu
            if not load.warming:
                total_settled += cpu
    if usable == 0:
        return Proposal(Reason.NO_DATA)
    mean = total / usable
    if mean > policy.cpu_high:
        return _propose_more(policy, current, mean, total_settled / current)
    if mean < policy.cpu_low:
        filled = (total + FULL_PERCENT * (current - usable)) / current
        return _propose_less(policy, current, mean, filled)
    return Proposal(Reason.WITHIN_BAND, current, mean, mean)


def _propose_more(policy: RolePolicy, current: int, mean: float, average: float) -> Proposal:
    """Recommend growth if the load is too high even if the members not seen would carry none.

    `average` counts members without a reading and warming ones as 0 %: what they are about to
    take over is not asked for twice.
    """
    if average <= policy.cpu_high:
        return Proposal(Reason.INCOMPLETE_DATA, current, mean, average)
    recommended = max(current + 1, ceil(current * average / policy.cpu_high))
    return Proposal(Reason.SCALE_UP, recommended, mean, average)


def _propose_less(policy: RolePolicy, current: int, mean: float, average: float) -> Proposal:
    """Recommend shrinking if the load is low even if the members not seen would be full.

    `average` counts members without a reading as 100 %. The guard asks whether the remaining
    members would stay below `cpu_high` less the margin; without that, a load between
    `cpu_high` of one member and `cpu_low` of two would start and stop the second for ever.
    """
    if current <= policy.minimum:
        return Proposal(Reason.AT_MIN, current, mean, mean)
    if average >= policy.cpu_low:
        return Proposal(Reason.INCOMPLETE_DATA, current, mean, average)
    needed = ceil(current * average / (policy.cpu_high * (1.0 - policy.flap_margin)))
    if needed >= current:
        if policy.flap_guard:
            return Proposal(Reason.ANTICIPATED_FLAPPING, current, mean, average)
        needed = current - 1
    return Proposal(Reason.SCALE_DOWN, needed, mean, average)
