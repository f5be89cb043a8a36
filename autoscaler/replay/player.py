"""Plays the rounds of one role to one set of rules. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from autoscaler.model import Decision, Memory, RolePolicy
from autoscaler.policy.decide import adopt, decide, within_reach
from autoscaler.policy.schedule import Forecast, Timetable, attainable
from autoscaler.replay.figures import Figures
from autoscaler.replay.recorded import Round, spread
from autoscaler.windows import Bounds


class Player:
    """One set of rules for a role, with the memory they would have.

    `high_in_force` is the upper threshold the figures of all sets are compared by; `limited` tells
    whether the containers that existed limit the count, as they limit that of the daemon. `policy`
    has the bounds outside of all windows of the schedule in `timetable`.
    """

    def __init__(
        self,
        policy: RolePolicy,
        high_in_force: float,
        timetable: Timetable | None = None,
        *,
        limited: bool = True,
    ) -> None:
        self.policy = policy
        self._timetable = timetable
        self._forecast: Forecast | None = None
        self._maximum = policy.maximum
        self.figures = Figures()
        self.memory: Memory | None = None
        self._high_in_force = high_in_force
        self._limited = limited
        self._played_at = float("-inf")
        self._before: tuple[float, float, int, int] | None = None

    def play(self, one: Round) -> Decision:
        """Decide on a round as the daemon would have with these rules."""
        memory = self._memory(one)
        current = memory.desired
        policy = self._scheduled(one)
        self._maximum = policy.maximum
        if self._limited and one.containers is not None and one.containers < policy.maximum:
            policy = within_reach(policy, current, one.containers)
        loads = one.loads if one.desired == current else spread(one.loads, current)
        decision, self.memory = decide(policy, memory, loads, one.at, one.overrides, one.protected)
        self._played_at = one.at
        return decision

    def _scheduled(self, one: Round) -> RolePolicy:
        """Return the rules with the bounds that the schedule had in force at a round."""
        if self._timetable is None:
            return self.policy
        moment = datetime.fromtimestamp(one.wall, UTC)
        if self._forecast is None or not self._forecast.holds_at(moment):
            self._forecast = self._timetable.forecast(moment)
        bounds = self._forecast.now.bounds
        if self._limited and one.containers is not None:
            own = Bounds(self.policy.minimum, self.policy.maximum)
            bounds = attainable(bounds, own, one.containers)
        return replace(self.policy, minimum=bounds.minimum, maximum=bounds.maximum)

    def count(self, one: Round, decision: Decision) -> None:
        """Add a round that was played to the figures."""
        figures = self.figures
        figures.rounds += 1
        before, desired = decision.desired_before, decision.desired
        if before == one.desired:
            figures.same += 1
        if self._before is not None:
            self._lasted(one.at)
        mean = decision.mean
        self._before = (one.at, -1.0 if mean is None else mean, desired, self._maximum)
        if desired != before:
            figures.change(one.at, grew=desired > before)

    def _lasted(self, at: float) -> None:
        """Add the time since the round before; of a gap only what a missing round would last."""
        if self._before is None:
            return
        since, mean, desired, maximum = self._before
        figures = self.figures
        seconds = min(max(0.0, at - since), self.policy.gap_seconds)
        figures.span += seconds
        figures.node_seconds += seconds * desired
        if mean > self.policy.cpu_high:
            figures.above += seconds
        if mean > self._high_in_force:
            figures.above_in_force += seconds
        if desired >= maximum:
            figures.at_max += seconds

    def _memory(self, one: Round) -> Memory:
        """Return the memory for a round: that of the one before and what happened since.

        Counts set by hand are taken over whatever these rules had made of the count. A memory with
        which a daemon began is taken over by rules that are in step with it.
        """
        memory, given = self.memory, one.given
        if memory is None:
            return given.begun if given and given.begun else Memory(desired=one.desired)
        if given is None:
            return memory
        if given.begun is not None:
            return _begun(memory, given.begun, given.found, self._played_at)
        for at, count in given.adopted:
            memory = adopt(memory, count, at)
        return memory


def _begun(memory: Memory, begun: Memory, found: int | None, played_at: float) -> Memory:
    """Return the memory after a restart of the daemon; the round before it was at `played_at`.

    What the daemon before it remembered after its last round was set by hand.
    """
    for at, count in begun.recommendations:
        if at > played_at:
            memory = adopt(memory, count, at)
    if found is not None:
        memory = replace(memory, desired=found)
    return begun if begun.desired == memory.desired else memory
