"""One decision per role and tick: bounds, thresholds, windows and limits, then the operator.

The memory goes in and comes out as a value; the caller keeps it. A decision knows counts, not
containers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from autoscaler.model import Decision, MemberLoad, Memory, Overrides, Reason, RolePolicy
from autoscaler.policy.behavior import (
    Verdict,
    apply_behavior,
    enforce_bounds,
    longest_period,
    longest_window,
    record_change,
    record_recommendation,
)
from autoscaler.policy.hysteresis import Proposal, propose
from autoscaler.policy.memory import adopt, restored

__all__ = [
    "NO_OVERRIDES",
    "adopt",
    "decide",
    "earliest_change",
    "restored",
    "with_protected",
    "within_reach",
]

NO_OVERRIDES = Overrides()
"""Nobody interferes with the rules."""


class _Ruling(NamedTuple):
    """What the rules alone say: the count, why, how, and what they remember of it."""

    desired: int
    reason: Reason
    verdict: Verdict | None
    memory: Memory


def decide(
    policy: RolePolicy,
    memory: Memory,
    loads: Sequence[MemberLoad],
    now: float,
    overrides: Overrides = NO_OVERRIDES,
    protected_running: int = 0,
) -> tuple[Decision, Memory]:
    """Decide how many members a role should have `now` (monotonic seconds), and remember it.

    `loads` are the `memory.desired` chosen members; one that is absent counts as one without a
    reading. `protected_running` is the number of running members that may never be stopped; it
    lifts the minimum, and the maximum if it must.

    The rules always run, so `would_be` tells what they would do alone. Recommendations are
    remembered also while an operator holds the role; scale events only when the rules really
    changed the count. A partial change is named after the rate limit that cut it
    (SCALE_UP_LIMITED, SCALE_DOWN_LIMITED); one that ends at a bound is SCALE_UP or SCALE_DOWN.

    A saturated host holds growth that load asks for (HOST_SATURATED), not a minimum nor a pin.
    While its CPU is used up a low reading is no proof of low load, as the members may be starved:
    it counts as a wish for the current count, so the grace begins anew.
    """
    policy = with_protected(policy, protected_running)
    current = memory.desired
    proposal = _trusted(propose(policy, current, loads), current, overrides)
    ruling = _rule(policy, memory, proposal, now)
    if overrides.pin_forced and overrides.pin is not None:
        overrides = replace(overrides, pin=max(overrides.pin, protected_running, 1))
    desired, reason = _override(policy, overrides, current, ruling)
    verdict = ruling.verdict
    decision = Decision(
        reason=reason,
        desired_before=current,
        desired=desired,
        would_be=ruling.desired,
        mean=proposal.mean,
        average=proposal.average,
        cpu_high=policy.cpu_high,
        cpu_low=policy.cpu_low,
        recommended=proposal.recommended if verdict else None,
        stabilized=verdict.stabilized if verdict else None,
        limit=verdict.limit if verdict else None,
    )
    if reason is Reason.PINNED and desired != current:
        return decision, adopt(ruling.memory, desired, now)
    return decision, record_change(policy, ruling.memory, desired, now)


def earliest_change(
    policy: RolePolicy,
    memory: Memory,
    loads: Sequence[MemberLoad],
    now: float,
    step_seconds: float,
    overrides: Overrides = NO_OVERRIDES,
) -> tuple[float, Decision] | None:
    """Return when the count changes next if the readings stay as they are, and that decision.

    `memory` is that after the decision at `now`. The rules are asked every `step_seconds` from
    then on; None if nothing changes within the longest window plus the longest period. With
    protected members pass the policy through `with_protected` first. Raises ValueError if
    `step_seconds` is not above 0.
    """
    if not step_seconds > 0:
        raise ValueError(f"step_seconds is {step_seconds}; it must be above 0")
    horizon = longest_window(policy) + longest_period(policy)
    # Between two steps no look is missed, however long they are.
    policy = replace(policy, gap_seconds=max(policy.gap_seconds, step_seconds))
    for step in range(1, int(horizon / step_seconds) + 2):
        at = now + step * step_seconds
        decision, memory = decide(policy, memory, loads, at, overrides)
        if decision.desired != decision.desired_before:
            return at, decision
        if decision.recommended in {None, decision.desired_before}:
            # Equal readings ask for the same at every later step.
            return None
    return None


def with_protected(policy: RolePolicy, protected_running: int) -> RolePolicy:
    """Return the policy with bounds that running members allow which may never be stopped.

    They lift the minimum; also above the maximum, because a lower count could not be reached.
    """
    if protected_running <= policy.minimum:
        return policy
    maximum = max(policy.maximum, protected_running)
    return replace(policy, minimum=protected_running, maximum=maximum)


def within_reach(policy: RolePolicy, desired: int, containers: int) -> RolePolicy:
    """Return the policy with a maximum that the `containers` of the role can fill.

    One that is missing only keeps the count from growing: it may be in the middle of being made
    anew, so it never lowers `desired`.
    """
    if containers >= policy.maximum:
        return policy
    reachable = max(containers, min(desired, policy.maximum), policy.minimum)
    return replace(policy, maximum=reachable)


def _rule(policy: RolePolicy, memory: Memory, proposal: Proposal, now: float) -> _Ruling:
    """Apply the rules in their order; the first that applies decides."""
    current = memory.desired
    bound = enforce_bounds(policy, current)
    if policy.fixed:
        return _Ruling(bound[0] if bound else current, Reason.FIXED, None, memory)
    if bound:
        return _Ruling(*bound, None, memory)
    if proposal.recommended is None:
        return _Ruling(current, proposal.reason, None, memory)
    memory = _bridge_gap(policy, memory, now)
    verdict = apply_behavior(policy, memory, proposal.recommended, now)
    reason = _explain(current, proposal, verdict)
    memory = record_recommendation(policy, memory, proposal.recommended, now)
    return _Ruling(verdict.desired, reason, verdict, memory)


def _bridge_gap(policy: RolePolicy, memory: Memory, now: float) -> Memory:
    """Record the current count first after a gap, so that the gap never counts as "was low".

    Kubernetes does so only for a fresh controller; after an outage of the metrics longer than the
    window it shrinks at the first low value.
    """
    recorded_at = memory.recorded_at
    if recorded_at is not None and now - recorded_at <= policy.gap_seconds:
        return memory
    return record_recommendation(policy, memory, memory.desired, now)


def _saturated(overrides: Overrides) -> bool:
    return overrides.host_cpu or overrides.host_memory


def _trusted(proposal: Proposal, current: int, overrides: Overrides) -> Proposal:
    """Do not take the low readings of members that may be starved for low load."""
    asked = proposal.recommended
    if asked is None or asked >= current or not overrides.host_cpu:
        return proposal
    return replace(proposal, reason=Reason.HOST_SATURATED, recommended=current)


def _explain(current: int, proposal: Proposal, verdict: Verdict) -> Reason:
    """Name what brought the count about, or what kept it from changing."""
    if verdict.desired != current:
        if verdict.clip is Reason.SCALE_UP_LIMITED or verdict.clip is Reason.SCALE_DOWN_LIMITED:
            return verdict.clip
        return proposal.reason
    return verdict.clip or verdict.window or proposal.reason


def _override(
    policy: RolePolicy, overrides: Overrides, current: int, ruling: _Ruling
) -> tuple[int, Reason]:
    """Apply what an operator has set: freeze, else pin, else pause; hold stops any shrinking.

    Freeze and pin always name themselves; pause and hold only where they prevent a change. After
    pause comes a saturated host, which prevents growth by load.
    """
    if overrides.freeze:
        return current, Reason.FROZEN
    desired, reason = ruling.desired, ruling.reason
    if overrides.pin is not None:
        desired = overrides.pin
        if not overrides.pin_forced:
            desired = min(max(desired, policy.minimum), policy.maximum)
        reason = Reason.PINNED
    elif (desired > current and overrides.pause_up) or (desired < current and overrides.pause_down):
        return current, Reason.PAUSED
    elif desired > current and ruling.verdict is not None and _saturated(overrides):
        return current, Reason.HOST_SATURATED
    if desired < current and overrides.hold:
        return current, Reason.HELD
    return desired, reason
