"""What happens to the rules' memory outside a decision: changes by hand, restarts."""

from __future__ import annotations

from math import isfinite

from autoscaler.model import Memory
from autoscaler.policy.behavior import Entries


def adopt(memory: Memory, count: int, now: float) -> Memory:
    """Take over a count that somebody else set.

    The count is remembered as a recommendation made `now`, so a growth by hand gets the whole
    scale-down window; it is no scale event, so it uses up no rate limit.
    """
    return Memory(
        desired=count,
        recommendations=(*memory.recommendations, (now, count)),
        up_events=memory.up_events,
        down_events=memory.down_events,
        recorded_at=now,
    )


def restored(memory: Memory, now: float) -> Memory:
    """Return what is plausible of a memory that was stored before a restart.

    Times are already on this boot's monotonic clock (those from before the boot are negative).
    Dropped are entries from the future, without a finite time, recommendations below 0 and
    events of less than one member. If anything was dropped, or no recommendation is left that
    `recorded_at` could be the time of, it becomes None: the next decision then starts a full window
    from the current count. `desired` is left alone.
    """
    recommendations = _plausible(memory.recommendations, now, least=0)
    up_events = _plausible(memory.up_events, now, least=1)
    down_events = _plausible(memory.down_events, now, least=1)
    complete = (
        len(recommendations) == len(memory.recommendations)
        and len(up_events) == len(memory.up_events)
        and len(down_events) == len(memory.down_events)
    )
    recorded_at = memory.recorded_at
    if recorded_at is not None:
        if complete and recommendations and _possible(recorded_at, now):
            recorded_at = min(recorded_at, recommendations[-1][0])
        else:
            recorded_at = None
    return Memory(memory.desired, recommendations, up_events, down_events, recorded_at)


def _plausible(entries: Entries, now: float, *, least: int) -> Entries:
    """Return the entries that can have happened, oldest first."""
    return tuple(sorted(e for e in entries if _possible(e[0], now) and e[1] >= least))


def _possible(at: float, now: float) -> bool:
    """Whether a time in monotonic seconds is a number and not in the future."""
    return isfinite(at) and at <= now
