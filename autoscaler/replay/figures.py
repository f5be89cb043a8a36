"""What one set of rules would have done, in figures. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FLAP_SECONDS = 600.0
"""A change that takes back the one before it within this time is a flap."""


@dataclass(slots=True)
class Figures:
    """Sums over one role; times are seconds, `node_seconds` members times seconds.

    `above` is the time in which the mean lay above the upper threshold of these rules,
    `above_in_force` above that of the rules in force; `at_max` the time at the maximum. `same` are
    rounds whose count was the recorded one.
    """

    rounds: int = 0
    span: float = 0.0
    up: int = 0
    down: int = 0
    flaps: int = 0
    above: float = 0.0
    above_in_force: float = 0.0
    node_seconds: float = 0.0
    at_max: float = 0.0
    same: int = 0
    _changed_at: float | None = None
    _grew: bool = False

    @property
    def changes(self) -> int:
        """How often the count changed."""
        return self.up + self.down

    def change(self, at: float, *, grew: bool) -> None:
        """Count a change of the count."""
        if grew:
            self.up += 1
        else:
            self.down += 1
        before = self._changed_at
        if before is not None and grew is not self._grew and at - before <= FLAP_SECONDS:
            self.flaps += 1
        self._changed_at, self._grew = at, grew
