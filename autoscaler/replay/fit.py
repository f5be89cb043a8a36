"""How well the model of load on another count meets what was recorded. Pure.

Where the recorded count changed, the load before it says by the model what each member should show
after it, and the recording says what each did.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from autoscaler.replay.recorded import FULL_PERCENT, Round

SATURATED_PERCENT = 99.0
"""From here on a member may have been asked for more than its reading can show."""

LATEST_SECONDS = 300.0
"""After so long another load than that before the change is compared, so it is not."""


@dataclass(slots=True)
class _Awaited:
    """A change of the count at `at`, and the mean in percent that the model says comes of it.

    `complete_since` is when all members carried their part, None while they do not.
    """

    at: float
    mean: float
    complete_since: float | None = None


@dataclass(slots=True)
class Fit:
    """Sums over the changes of one role's recorded count that could be compared.

    `error` and `largest` are points of percent between the mean by the model and the recorded one.
    Not compared are changes from a member at its limit, those followed by another before all
    members were warm, and those around which a reading was missing.
    """

    changes: int = 0
    error: float = 0.0
    largest: float = 0.0
    _before: Round | None = None
    _awaited: _Awaited | None = None

    @property
    def mean_error(self) -> float | None:
        """The average error in points of percent, None if nothing could be compared."""
        return self.error / self.changes if self.changes else None

    def take(self, one: Round, settle_seconds: float) -> None:
        """Take in the next round. After `settle_seconds` no reading reaches back to before."""
        before, self._before = self._before, one
        if before is not None and before.desired != one.desired:
            self._awaited = _expected(before, one)
        elif self._awaited is not None:
            self._compare(self._awaited, one, settle_seconds)

    def _compare(self, awaited: _Awaited, one: Round, settle_seconds: float) -> None:
        if one.at - awaited.at > LATEST_SECONDS:
            self._awaited = None
            return
        total = _total(one)
        if total is None:
            awaited.complete_since = None
            return
        if awaited.complete_since is None:
            awaited.complete_since = one.at
        if one.at - awaited.complete_since < settle_seconds:
            return
        error = abs(total / one.desired - awaited.mean)
        self.changes += 1
        self.error += error
        self.largest = max(self.largest, error)
        self._awaited = None


def _expected(before: Round, after: Round) -> _Awaited | None:
    """Return what the model says of a change of the count, None if it cannot know."""
    total = _total(before)
    if total is None or max(load.cpu_percent or 0.0 for load in before.loads) >= SATURATED_PERCENT:
        return None
    return _Awaited(after.at, min(FULL_PERCENT, total / after.desired))


def _total(one: Round) -> float | None:
    """Return the load of a round in percent of one member, None unless every member carries it."""
    if len(one.loads) != one.desired:
        return None
    total = 0.0
    for load in one.loads:
        cpu = load.cpu_percent
        if not load.ready or load.warming or cpu is None or not 0.0 <= cpu < inf:
            return None
        total += cpu
    return total
