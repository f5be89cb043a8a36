"""Gathers what the explanation of a role needs from the state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from autoscaler.daemon import hooking, hosting, scheduling
from autoscaler.daemon.deciding import rounded
from autoscaler.daemon.overriding import shown
from autoscaler.daemon.state import RoleState, State
from autoscaler.model import RolePolicy
from autoscaler.policy.behavior import longest_period, longest_window
from autoscaler.policy.decide import with_protected, within_reach
from autoscaler.policy.explain import Explanation, Situation, Turn, explain
from autoscaler.policy.overrides import Moment

MOST_STEPS = 200
"""How often the policy is asked at most to foresee the next change."""


def situation(role: RoleState, state: State, moment: Moment) -> Situation | None:
    """Return what explains a role's last decision; None before the first."""
    if role.decision is None:
        return None
    now = moment.monotonic
    return Situation(
        role.name,
        _in_reach(role, role.policy),
        role.memory,
        role.decision,
        role.loads(now),
        state.sampled_at if state.sampled_at is not None else now,
        _step(role, state),
        hosting.in_force(role, state),
        role.low_since,
        hosting.words(state),
        _turn(role, state, moment),
    )


def _in_reach(role: RoleState, policy: RolePolicy) -> RolePolicy:
    """Return rules with bounds that the role's containers allow."""
    reachable = within_reach(policy, role.memory.desired, len(role.members))
    return with_protected(reachable, role.protected_running)


def _turn(role: RoleState, state: State, moment: Moment) -> Turn | None:
    """Return when the schedule gives the role other bounds, and which."""
    wall = datetime.fromtimestamp(moment.wall, UTC)
    change = scheduling.next_bounds(role, state.settings, wall)
    if change is None:
        return None
    until, bounds, words = change
    policy = replace(role.policy, minimum=bounds.minimum, maximum=bounds.maximum)
    new = _in_reach(role, policy)
    if new == _in_reach(role, role.policy):
        return None
    return Turn(moment.monotonic + until.timestamp() - moment.wall, new, words)


def explanation(role: RoleState, state: State, moment: Moment) -> Explanation | None:
    """Explain a role's last decision; None before the first."""
    found = situation(role, state, moment)
    return None if found is None else explain(found)


def _step(role: RoleState, state: State) -> float:
    """Return the interval, or for long windows a coarser step: this runs in the controller."""
    horizon = longest_window(role.policy) + longest_period(role.policy)
    return max(state.settings.interval, horizon / MOST_STEPS)


def answer(role: RoleState, state: State, moment: Moment) -> dict[str, Any]:
    """Return the answer to `explain`."""
    told = explanation(role, state, moment)
    why = list(told.sentences) if told else [f"{role.name} was not decided on yet."]
    wall = datetime.fromtimestamp(moment.wall, UTC)
    return {
        "role": role.name,
        "sentences": [
            *why,
            *hooking.sentences(role, moment.monotonic),
            *scheduling.sentences(role, state.settings, wall),
        ],
        "schedule": scheduling.shown(role, state.settings, wall),
        "next_change_seconds": told.next_seconds if told else None,
        "next_desired": told.next_desired if told else None,
        "decision": rounded(role.decision) if role.decision else None,
        "overrides": [shown(o, moment) for o in state.overrides if o.concerns(role.name)],
    }
