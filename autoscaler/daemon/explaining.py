"""Gathers what the explanation of a role needs from the state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from autoscaler.daemon import hooking, hosting, keeping, lacking, scheduling, strangers
from autoscaler.daemon.deciding import rounded
from autoscaler.daemon.overriding import shown
from autoscaler.daemon.state import RoleState, State
from autoscaler.model import RolePolicy
from autoscaler.policy.behavior import longest_period, longest_window
from autoscaler.policy.decide import with_protected, within_reach
from autoscaler.policy.explain import Explanation, Situation, Turn, explain
from autoscaler.policy.overrides import Moment, Override, OverrideKind, effect
from autoscaler.policy.schedule import moment_words
from autoscaler.windows import Bounds

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
        _turns(role, state, moment),
        _lease(role, state, moment),
    )


def _lease(role: RoleState, state: State, moment: Moment) -> str:
    """Say while which commands no member of the role is stopped; empty without any."""
    holds = [o for o in state.overrides if o.kind is OverrideKind.HOLD and o.concerns(role.name)]
    if not holds:
        return ""  # asked after every item: finding the host's time zone reads the disk
    zone = state.settings.zone()
    now = datetime.fromtimestamp(moment.wall, zone)
    told = []
    for one in holds:
        since = moment_words(datetime.fromtimestamp(one.since, zone), now)
        told.append(f"{one.command} runs ({one.by}, since {since} {zone})")
    return f"while {' and '.join(told)}"


def _in_reach(role: RoleState, policy: RolePolicy) -> RolePolicy:
    """Return rules with bounds that the role's containers allow."""
    reachable = within_reach(policy, role.memory.desired, len(role.members))
    return with_protected(reachable, role.kept_running)


def _turns(role: RoleState, state: State, moment: Moment) -> list[Turn]:
    """Return what time alone will change for the role: its schedule, and overrides that end.

    A lease does not count: whoever holds it renews it, see `_lease`.
    """
    wall = datetime.fromtimestamp(moment.wall, UTC)
    policy, standing = role.policy, state.overrides
    known = (_in_reach(role, policy), effect(standing, role.name))
    ends = [(o.ends_at, o) for o in standing if o.ends_at is not None and _is_ours(o, role)]
    coming: list[tuple[float, Override | Bounds, str]] = [
        (at, o, f"At {_clock(at, state, moment)} the {o.kind.value} by {o.by} ends")
        for at, o in ends
    ]
    change = scheduling.next_bounds(role, state.settings, wall)
    if change is not None:
        until, bounds, words = change
        coming.append((moment.monotonic + until.timestamp() - moment.wall, bounds, words))
    turns = []
    for at, what, words in sorted(coming, key=itemgetter(0)):
        if isinstance(what, Bounds):
            policy = replace(policy, minimum=what.minimum, maximum=what.maximum)
        else:
            standing = tuple(one for one in standing if one is not what)
        new = (_in_reach(role, policy), effect(standing, role.name))
        if new != known:
            held = hosting.holding_for(new[1], state)
            turns.append(Turn(at, new[0], held, words))
        known = new
    return turns


def _is_ours(one: Override, role: RoleState) -> bool:
    return one.concerns(role.name) and one.kind is not OverrideKind.HOLD


def _clock(at: float, state: State, moment: Moment) -> str:
    """Return a monotonic time as the schedule's clock shows it."""
    zone = state.settings.zone()
    local = datetime.fromtimestamp(moment.wall + at - moment.monotonic, zone)
    return f"{moment_words(local, datetime.fromtimestamp(moment.wall, zone))} ({zone})"


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
            *strangers.sentences(role, state.settings),
            *lacking.sentences(role, state, moment.monotonic),
            *keeping.sentences(role),
            *hooking.sentences(role, moment.monotonic),
            *scheduling.sentences(role, state.settings, wall),
        ],
        "schedule": scheduling.shown(role, state.settings, wall),
        "next_change_seconds": told.next_seconds if told else None,
        "next_desired": told.next_desired if told else None,
        "next_change_waits": (told.waits or None) if told else None,
        "decision": rounded(role.decision) if role.decision else None,
        "overrides": [shown(o, moment) for o in state.overrides if o.concerns(role.name)],
    }
