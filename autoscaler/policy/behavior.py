"""Stabilisation windows and rate limits, the same as the Kubernetes HPA v2 `behavior`.

The formulas, their floating point and the strict boundaries are those of the controller's
`pkg/controller/podautoscaler/horizontal.go` (release 1.36), so that a policy means the same here
and on a cluster. One quirk is not repeated: the controller may overwrite a scale event that a
longer period of the other direction would still count; here every event is kept that long.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import ceil
from operator import itemgetter

from autoscaler.model import LimitKind, Memory, RateLimit, Reason, RolePolicy, Select

Entries = tuple[tuple[float, int], ...]
"""(monotonic seconds, count), oldest first."""

TIME_TOLERANCE = 5e-7
"""Seconds by which an entry may seem too young: 300.1 - 300 is not 0.1 in floating point."""

_entry_time = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a recommendation at one moment.

    `stabilized` is the count after the windows, `limit` what the rate limit would allow (before
    it is kept from turning the direction; None if there was nothing to limit), `desired` the
    count after limit and bounds. `window` tells that a window changed the recommendation
    (SCALE_UP_STABILIZED, SCALE_DOWN_STABILIZED); `clip` what cut the rest (SCALE_UP_LIMITED,
    SCALE_DOWN_LIMITED, AT_MAX, AT_MIN). Both None if nothing did.
    """

    desired: int
    stabilized: int
    limit: int | None = None
    window: Reason | None = None
    clip: Reason | None = None


def enforce_bounds(policy: RolePolicy, current: int) -> tuple[int, Reason] | None:
    """Return the bound that `current` violates and the reason, None if it lies within both.

    Readings, windows and rate limits are not asked.
    """
    if current > policy.maximum:
        return policy.maximum, Reason.ABOVE_MAX
    if current < policy.minimum:
        return policy.minimum, Reason.BELOW_MIN
    return None


def apply_behavior(policy: RolePolicy, memory: Memory, recommended: int, now: float) -> Verdict:
    """Pass a raw recommendation through the windows, then through rate limits and bounds.

    `memory.desired` is the current count and lies within the bounds. Nothing is recorded.
    """
    current = memory.desired
    stabilized = stabilize(policy, memory, recommended, now)
    window = None
    if stabilized != recommended:
        window = (
            Reason.SCALE_UP_STABILIZED if recommended >= current else Reason.SCALE_DOWN_STABILIZED
        )
    if stabilized > current:
        limit = limit_up(policy, memory, now)
        desired, clip = _clip_up(policy, current, stabilized, limit)
        return Verdict(desired, stabilized, limit, window, clip)
    if stabilized < current:
        limit = limit_down(policy, memory, now)
        desired, clip = _clip_down(policy, current, stabilized, limit)
        return Verdict(desired, stabilized, limit, window, clip)
    return Verdict(current, stabilized, None, window)


def stabilize(policy: RolePolicy, memory: Memory, recommended: int, now: float) -> int:
    """Return the count nearest to the current one that both windows accept.

    It may rise only to the lowest recommendation of the up window and fall only to the highest
    of the down window, the new one included; old recommendations alone never move it.
    """
    lowest = highest = recommended
    if (seconds := policy.scale_up.window_seconds) > 0:
        for _, count in _younger(memory.recommendations, seconds, now):
            if count < lowest:  # noqa: PLR1730 -- a call per entry would double the tick's cost
                lowest = count
    if (seconds := policy.scale_down.window_seconds) > 0:
        for _, count in _younger(memory.recommendations, seconds, now):
            if count > highest:  # noqa: PLR1730 -- likewise
                highest = count
    return min(max(memory.desired, lowest), highest)


def limit_up(policy: RolePolicy, memory: Memory, now: float) -> int:
    """Return the highest count the up policies allow now; may lie below the current count."""
    rules = policy.scale_up
    if rules.select is Select.DISABLED or not rules.limits:
        return memory.desired
    highest = [_highest(rule, _period_start(rule, memory, now)) for rule in rules.limits]
    return min(highest) if rules.select is Select.MIN else max(highest)


def limit_down(policy: RolePolicy, memory: Memory, now: float) -> int:
    """Return the lowest count the down policies allow now; may lie above the current count."""
    rules = policy.scale_down
    if rules.select is Select.DISABLED or not rules.limits:
        return memory.desired
    lowest = [_lowest(rule, _period_start(rule, memory, now)) for rule in rules.limits]
    return max(lowest) if rules.select is Select.MIN else min(lowest)


def record_recommendation(
    policy: RolePolicy, memory: Memory, recommended: int, now: float
) -> Memory:
    """Remember a raw recommendation and forget those that no window can still count."""
    kept = _younger(memory.recommendations, longest_window(policy), now)
    return Memory(
        desired=memory.desired,
        recommendations=(*kept, (now, recommended)),
        up_events=memory.up_events,
        down_events=memory.down_events,
        recorded_at=now,
    )


def record_change(policy: RolePolicy, memory: Memory, desired: int, now: float) -> Memory:
    """Make `desired` the current count and remember the change as a scale event.

    Events that no period of either direction can still count are forgotten. Without a change
    the memory is returned as it is.
    """
    change = desired - memory.desired
    if change == 0:
        return memory
    keep_seconds = longest_period(policy)
    up_events = _younger(memory.up_events, keep_seconds, now)
    down_events = _younger(memory.down_events, keep_seconds, now)
    if change > 0:
        up_events = (*up_events, (now, change))
    else:
        down_events = (*down_events, (now, -change))
    return Memory(desired, memory.recommendations, up_events, down_events, memory.recorded_at)


def longest_window(policy: RolePolicy) -> float:
    """Return the longer of both stabilisation windows in seconds."""
    return max(policy.scale_up.window_seconds, policy.scale_down.window_seconds)


def longest_period(policy: RolePolicy) -> float:
    """Return the longest period of any rate limit of either direction in seconds, 0 without."""
    limits = (*policy.scale_up.limits, *policy.scale_down.limits)
    return max([limit.period_seconds for limit in limits], default=0.0)


def _younger(entries: Entries, seconds: float, now: float) -> Entries:
    """Return the entries strictly younger than `seconds`: one exactly that old has expired."""
    if not entries:
        return entries
    cutoff = now - seconds + TIME_TOLERANCE
    if entries[0][0] > cutoff:
        return entries
    return entries[bisect_right(entries, cutoff, key=_entry_time) :]


def _period_start(rule: RateLimit, memory: Memory, now: float) -> int:
    """Return the count at the start of the rule's period; changes of both directions count."""
    cutoff = now - rule.period_seconds + TIME_TOLERANCE
    start = memory.desired
    for at, change in memory.up_events:
        if at > cutoff:
            start -= change
    for at, change in memory.down_events:
        if at > cutoff:
            start += change
    return start


def _highest(rule: RateLimit, start: int) -> int:
    """Return the most members after growing from `start`; percent rounds up, in floats."""
    if rule.kind is LimitKind.MEMBERS:
        return start + rule.value
    return ceil(start * (1 + rule.value / 100))


def _lowest(rule: RateLimit, start: int) -> int:
    """Return the fewest members after shrinking from `start`; percent truncates, in floats."""
    if rule.kind is LimitKind.MEMBERS:
        return start - rule.value
    return int(start * (1 - rule.value / 100))


def _clip_up(
    policy: RolePolicy, current: int, stabilized: int, limit: int
) -> tuple[int, Reason | None]:
    """Cut growth at the rate limit (at least `current`) or the maximum, whichever is lower."""
    limit = max(limit, current)
    allowed = min(policy.maximum, limit)
    if stabilized <= allowed:
        return stabilized, None
    return allowed, Reason.SCALE_UP_LIMITED if limit < policy.maximum else Reason.AT_MAX


def _clip_down(
    policy: RolePolicy, current: int, stabilized: int, limit: int
) -> tuple[int, Reason | None]:
    """Cut shrinking at the rate limit (at most `current`) or the minimum, whichever is higher."""
    limit = min(limit, current)
    allowed = max(policy.minimum, limit)
    if stabilized >= allowed:
        return stabilized, None
    return allowed, Reason.SCALE_DOWN_LIMITED if limit > policy.minimum else Reason.AT_MIN
