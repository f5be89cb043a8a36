"""Tells what no single decision shows: growth that did not help, and counts that flap."""

from __future__ import annotations

from typing import Any

from autoscaler.daemon.journal import Journal
from autoscaler.daemon.state import RoleState
from autoscaler.model import Decision, MemberLoad
from autoscaler.policy import turns, usefulness
from autoscaler.policy.usefulness import Growth


def follow(
    role: RoleState,
    decision: Decision,
    loads: tuple[MemberLoad, ...],
    now: float,
    journal: Journal,
    settle_seconds: float,
) -> None:
    """Take in a decision and the loads it was made on."""
    role.trials, useless = usefulness.follow(role.trials, decision, loads, now, settle_seconds)
    if useless:
        journal.warning("scale.useless", role=role.name, **_told(useless))
    role.turns, flapping = turns.follow(role.turns, decision, now)
    if flapping:
        journal.warning(
            "scale.flapping",
            role=role.name,
            turns=role.turns.count,
            ups=role.turns.ups,
            downs=role.turns.downs,
            reason=f"the count changed its direction {role.turns.count} times within an hour",
            hint="autoscaler simulate shows what a longer scale_down_window, or thresholds further "
            "apart, would have made of it",
        )


def _told(useless: tuple[Growth, ...]) -> dict[str, Any]:
    last = useless[-1]
    starts = sum(one.after - one.before for one in useless)
    return {
        "mean_before": round(last.mean_before, 1),
        "mean_after": round(last.mean_after or 0.0, 1),
        "mean_expected": round(last.expected, 1),
        "before": last.before,
        "after": last.after,
        "growths": [
            {
                "before": one.before,
                "after": one.after,
                "mean_before": round(one.mean_before, 1),
                "mean_after": round(one.mean_after or 0.0, 1),
            }
            for one in useless
        ],
        "reason": f"the mean CPU hardly fell after {starts} starts in a row",
        "hint": "the load rose as fast (100 % hides by how much), or another part is the limit: "
        "the host's own CPU, the database, one member that gets most requests",
    }
