"""The rows of the benchmark: what was measured, against which floor and limit, as table and JSON.

Pure: it measures nothing.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HEADS = ("key", "ours", "floor", "ratio", "at most", "")


@dataclass(frozen=True)
class Limit:
    """The most a row may show. `of` says of what: its `ratio` or its `figure`."""

    most: float
    of: str


@dataclass(frozen=True)
class Row:
    """One measured cost in `unit`.

    `floor` is the least it could have cost, measured in the same run, None where there is none.
    `judged` replaces `ours` where the limit is on another figure than the one shown. Without a
    `limit` it is only reported. `detail` holds what else was seen, raw times included.
    """

    key: str
    work: str
    unit: str
    ours: float
    floor: float | None = None
    limit: Limit | None = None
    judged: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times the floor ours is."""
        return self.ours / self.floor if self.floor else None

    @property
    def figure(self) -> float | None:
        """What the limit is compared with."""
        if self.limit is not None and self.limit.of == "ratio":
            return self.ratio
        return self.ours if self.judged is None else self.judged

    @property
    def holds(self) -> bool:
        """Whether it is within its limit. A figure that could not be had is not."""
        if self.limit is None:
            return True
        figure = self.figure
        return figure is not None and figure <= self.limit.most

    def cells(self) -> tuple[str, ...]:
        """Return its line of the table."""
        most = "report"
        if self.limit is not None:
            most = f"{self.limit.most:g} {'x' if self.limit.of == 'ratio' else self.unit}"
        if self.judged is not None:
            most += f" (has {self.judged:.3g})"
        floor = "" if self.floor is None else f"{self.floor:.4g} {self.unit}"
        ratio = "" if self.ratio is None else f"{self.ratio:.3g} x"
        verdict = "" if self.limit is None else "ok" if self.holds else "TOO MUCH"
        return (self.key, f"{self.ours:.4g} {self.unit}", floor, ratio, most, verdict)

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        limit = self.limit
        return {
            "work": self.work,
            "unit": self.unit,
            "ours": self.ours,
            "floor": self.floor,
            "ratio": self.ratio,
            "judged": self.figure if limit else None,
            "at_most": limit.most if limit else None,
            "of": limit.of if limit else None,
            "holds": self.holds,
            **self.detail,
        }


def table(rows: Sequence[Row]) -> str:
    """Return the rows as aligned lines, numbers to the right."""
    lines = [HEADS, *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in {0, len(HEADS) - 1} else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def document(rows: Iterable[Row], machine: Mapping[str, Any]) -> str:
    """Return everything as JSON: the machine it ran on, and the rows by key."""
    return json.dumps({"machine": machine, "rows": {r.key: r.document() for r in rows}}, indent=1)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, least and most of measured values."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}
