"""What the readers of recorded readings have in common. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autoscaler.replay.recorded import Round


@dataclass(frozen=True, slots=True)
class Span:
    """Which readings are wanted: from Unix seconds to Unix seconds (None: all), of which roles.

    `lead` are seconds before `since` that are played, but not counted, so that the rules know at
    `since` what they remembered then.
    """

    roles: tuple[str, ...]
    since: float | None = None
    until: float | None = None
    lead: float = 0.0

    @property
    def begin(self) -> float | None:
        """Unix seconds of the first reading that is played."""
        return None if self.since is None else self.since - self.lead


@dataclass(frozen=True, slots=True)
class Recording:
    """Rounds to play, in the order in which they happened; each call of `rounds` begins anew.

    `begin` and `end` are Unix seconds, as far as they are known before reading.
    """

    name: str
    rounds: Callable[[], Iterator[Round]]
    begin: float | None = None
    end: float | None = None
