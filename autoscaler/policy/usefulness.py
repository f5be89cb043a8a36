"""Did growing help? Compares a role's mean CPU once new members are warm with that before. Pure.

The rules do not use it: a role that is above its threshold grows all the same. It is for people.
What it remembers is not stored: a restart of the daemon forgets a growth that was not judged yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autoscaler.model import Decision, MemberLoad, Reason

IN_A_ROW = 2
"""So many useless starts one after another are told: a single one may be load that rose."""

HELPED_PART = 0.25
"""How much of the expected fall of the mean a growth must bring, else it was useless.

Expected is what the same load gives when it is spread evenly over all members. Not all of that is
asked for, because load often rises while members start.
"""

GIVE_UP_SECONDS = 900.0
"""A growth that is not complete after so long is not judged."""

_BY_LOAD = frozenset({Reason.SCALE_UP, Reason.SCALE_UP_LIMITED})


@dataclass(frozen=True, slots=True)
class Growth:
    """A growth that load asked for, from `before` to `after` members at `at` (monotonic seconds).

    `mean_before` is the mean CPU it was decided on, in percent; `mean_after` the one with all new
    members warm. Growths too close together to tell them apart are one.
    """

    at: float
    before: int
    after: int
    mean_before: float
    mean_after: float | None = None

    @property
    def expected(self) -> float:
        """The mean if the load of before lay evenly on all members, in percent."""
        return self.mean_before * self.before / self.after

    @property
    def useless(self) -> bool:
        """Whether the mean fell by too little."""
        line = self.mean_before - HELPED_PART * (self.mean_before - self.expected)
        return self.mean_after is not None and self.mean_after > line


@dataclass(frozen=True, slots=True)
class Trials:
    """What is remembered of a role: the growth to be judged, and the useless ones before it.

    `complete_since` is when all chosen members were ready and warm, None while they are not.
    """

    pending: Growth | None = None
    complete_since: float | None = None
    useless: tuple[Growth, ...] = ()


def follow(
    trials: Trials,
    decision: Decision,
    loads: Sequence[MemberLoad],
    now: float,
    settle_seconds: float,
) -> tuple[Trials, tuple[Growth, ...]]:
    """Take in a decision and the loads it was made on; return useless growths in a row to tell.

    They are told once they make `IN_A_ROW` starts together. A growth is judged by the mean when all
    members have been warm for `settle_seconds`; that is the time readings are averaged over, so
    nothing from before the start is left in them. A growth that is undone, or whose members do not
    come, is forgotten.
    """
    before, after = decision.desired_before, decision.desired
    if after != before:
        return _changed(trials, decision, now), ()
    growth = trials.pending
    if growth is None:
        return trials, ()
    if before != growth.after or now - growth.at > GIVE_UP_SECONDS:  # somebody set another count
        return Trials(useless=trials.useless), ()
    if decision.mean is None or not _complete(loads, after):
        return replace(trials, complete_since=None), ()
    since = now if trials.complete_since is None else trials.complete_since
    if now - since < settle_seconds:
        return replace(trials, complete_since=since), ()
    return _judged(trials, replace(growth, mean_after=decision.mean))


def _judged(trials: Trials, growth: Growth) -> tuple[Trials, tuple[Growth, ...]]:
    if not growth.useless:
        return Trials(), ()
    useless = (*trials.useless, growth)
    if sum(one.after - one.before for one in useless) < IN_A_ROW:
        return Trials(useless=useless), ()
    return Trials(), useless


def _changed(trials: Trials, decision: Decision, now: float) -> Trials:
    """Begin a trial with growth by load; one not judged yet keeps what it began with."""
    grew = decision.desired > decision.desired_before
    if not grew or decision.reason not in _BY_LOAD or decision.mean is None:
        return Trials(useless=trials.useless)
    growth = trials.pending
    if growth is None or growth.after != decision.desired_before:
        growth = Growth(now, decision.desired_before, decision.desired, decision.mean)
    return Trials(replace(growth, at=now, after=decision.desired), None, trials.useless)


def _complete(loads: Sequence[MemberLoad], count: int) -> bool:
    """Whether every chosen member is there, ready, warm and has a reading."""
    return len(loads) >= count and all(
        one.ready and not one.warming and one.cpu_percent is not None for one in loads
    )
