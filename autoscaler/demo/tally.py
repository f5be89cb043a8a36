"""Counts of a load: requests, failures by kind, answers by node, latencies.

Knows nothing of sockets; whoever makes the requests reports each outcome once.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

STEPS_PER_E = 50  # histogram steps per factor e: a step is 2 % wide
PERCENTILES = (50.0, 90.0, 99.0, 99.9)
EXAMPLES_KEPT = 10


class Outcome(NamedTuple):
    """How one request ended. `kind` is empty for a 2xx in time, else what went wrong.

    `detail` is a sentence for people; `node` the name the answering node gave, empty if none.
    """

    kind: str
    status: int = 0
    node: str = ""
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether the request was answered with 2xx in time."""
        return not self.kind


class Histogram:
    """Latencies in milliseconds, counted in steps of 2 %."""

    def __init__(self) -> None:
        self._steps: Counter[int] = Counter()
        self.longest = 0.0

    def add(self, milliseconds: float) -> None:
        """Count one latency."""
        self._steps[math.ceil(math.log(max(milliseconds, 0.01)) * STEPS_PER_E)] += 1
        self.longest = max(self.longest, milliseconds)

    def merge(self, other: Histogram) -> None:
        """Add another histogram's counts."""
        self._steps.update(other._steps)
        self.longest = max(self.longest, other.longest)

    def percentiles(self) -> dict[str, float]:
        """Return `p50`, `p90`, `p99`, `p99.9` and `max` in milliseconds, empty without latencies.

        A percentile is the upper edge of the step that holds the nearest-rank value.
        """
        total = self._steps.total()
        if not total:
            return {}
        found = {f"p{percent:g}": self._at(percent, total) for percent in PERCENTILES}
        return {**found, "max": round(self.longest, 2)}

    def _at(self, percent: float, total: int) -> float:
        """Return one percentile."""
        missing = math.ceil(total * percent / 100)
        for step in sorted(self._steps):
            missing -= self._steps[step]
            if missing <= 0:
                return round(min(math.exp(step / STEPS_PER_E), self.longest), 2)
        return round(self.longest, 2)


@dataclass(frozen=True)
class Report:
    """What a load has seen so far. Latencies are milliseconds, from the moment a request was due.

    `requests` have ended, `failed` of them not with 2xx in time; `failures` counts those by kind
    and `examples` describes the first. `nodes` counts answers. `connections` were opened, `stale`
    idle ones found closed before a byte was written. `behind_ms` is how late the generator itself
    was at worst.
    """

    requests: int
    failed: int
    in_flight: int
    failures: dict[str, int]
    examples: tuple[str, ...]
    nodes: dict[str, int]
    latency_ms: dict[str, float]
    latency_ms_by_path: dict[str, dict[str, float]]
    connections: int
    stale: int
    behind_ms: float


@dataclass
class Tally:
    """The running counts behind a `Report`."""

    requests: int = 0
    failed: int = 0
    connections: int = 0
    stale: int = 0
    behind_ms: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    nodes: Counter[str] = field(default_factory=Counter)
    latencies: dict[str, Histogram] = field(default_factory=dict)

    def count(self, outcome: Outcome, what: str, at_seconds: float) -> None:
        """Count a request that has ended; `what` and the time tell it apart among the examples."""
        self.requests += 1
        if outcome.node:
            self.nodes[outcome.node] += 1
        if outcome.ok:
            return
        self.failed += 1
        self.failures[outcome.kind] += 1
        if len(self.examples) < EXAMPLES_KEPT:
            node = f" by {outcome.node}" if outcome.node else ""
            self.examples.append(
                f"at {at_seconds:.3f} s: {what}: {outcome.kind}{node} {outcome.detail}".rstrip()
            )

    def time(self, path: str, milliseconds: float) -> None:
        """Count the latency of an answered request."""
        self.latencies.setdefault(path, Histogram()).add(milliseconds)

    def report(self, in_flight: int) -> Report:
        """Return the counts as they are now."""
        together = Histogram()
        for histogram in self.latencies.values():
            together.merge(histogram)
        return Report(
            requests=self.requests,
            failed=self.failed,
            in_flight=in_flight,
            failures=dict(self.failures),
            examples=tuple(self.examples),
            nodes=dict(self.nodes),
            latency_ms=together.percentiles(),
            latency_ms_by_path={p: h.percentiles() for p, h in sorted(self.latencies.items())},
            connections=self.connections,
            stale=self.stale,
            behind_ms=round(self.behind_ms, 1),
        )
