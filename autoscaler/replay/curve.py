"""A curve of any length in bounded memory: buckets that double when there are too many. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

MOST_BUCKETS = 2000
"""More than a picture has columns."""


class Sample(NamedTuple):
    """One round of a role: Unix seconds, and by set of rules the mean percent and the count."""

    wall: float
    means: tuple[float | None, ...]
    counts: tuple[int, ...]


@dataclass(slots=True)
class Bucket:
    """Some rounds in a row: by set of rules the highest mean (None without any) and count."""

    wall: float
    means: list[float | None]
    counts: list[int]

    def take(self, means: tuple[float | None, ...], counts: tuple[int, ...]) -> None:
        """Take in one round or bucket more."""
        self.means = [_higher(a, b) for a, b in zip(self.means, means, strict=True)]
        self.counts = [max(a, b) for a, b in zip(self.counts, counts, strict=True)]


@dataclass(slots=True)
class Curve:
    """The buckets, oldest first, each of the same number of rounds; peaks are kept."""

    buckets: list[Bucket] = field(default_factory=list)
    _width: int = 1
    _filled: int = 0

    def add(self, sample: Sample) -> None:
        """Take in a round."""
        if self.buckets and self._filled < self._width:
            self.buckets[-1].take(sample.means, sample.counts)
            self._filled += 1
            return
        if len(self.buckets) >= MOST_BUCKETS:
            self._halve()
        self.buckets.append(Bucket(sample.wall, list(sample.means), list(sample.counts)))
        self._filled = 1

    def _halve(self) -> None:
        """Make one bucket of each two."""
        pairs = zip(self.buckets[::2], self.buckets[1::2], strict=True)
        halved = []
        for first, second in pairs:
            first.take(tuple(second.means), tuple(second.counts))
            halved.append(first)
        self.buckets = halved
        self._width *= 2


def _higher(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return b if a is None else a
    return max(a, b)
