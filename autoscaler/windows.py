"""Windows of a schedule: values that say when a role has other bounds.

A window begins at each of its starts and lasts until the first end after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Recurrence(Protocol):
    """Wall-clock times that come again and again; naive, to the minute."""

    def next_after(self, local: datetime) -> datetime | None:
        """Return the first one after a time, None if there is none."""

    def last_until(self, local: datetime) -> datetime | None:
        """Return the last one at or before a time, None if there was none."""


@dataclass(frozen=True, slots=True)
class Window:
    """A named span of time with bounds of its own; None leaves that bound as the role has it."""

    name: str
    start: Recurrence
    end: Recurrence
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """Fewest and most members."""

    minimum: int
    maximum: int


def bounds_of(window: Window, own: Bounds) -> Bounds:
    """Return the bounds while only this window is in force; `own` are the role's MIN and MAX."""
    return Bounds(
        own.minimum if window.minimum is None else window.minimum,
        own.maximum if window.maximum is None else window.maximum,
    )
