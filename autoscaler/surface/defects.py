"""Tells of defects in answers: where, at what request, and not for each of a flood of them."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

QUIET_SECONDS = 60.0
"""After a defect was told, those of so many seconds are only counted: a page asks every 2 s."""

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Defect:
    """An answer that could not be made.

    `place` is the line of code, `more` how many defects were not told since the last one.
    """

    surface: str
    request: str
    reason: str
    place: str
    more: int


class Defects:
    """Takes defects from any thread. `tell` is called with those that are told."""

    def __init__(
        self, tell: Callable[[Defect], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._quiet_until = float("-inf")
        self._more = 0

    def report(self, surface: str, request: str, error: BaseException) -> None:
        """Tell a defect of `surface` (http or control), or count it."""
        now = self._monotonic()
        with self._lock:
            if now < self._quiet_until:
                self._more += 1
                return
            self._quiet_until = now + QUIET_SECONDS
            more, self._more = self._more, 0
        reason = f"{type(error).__name__}: {error}"[:_LONGEST]
        self._tell(Defect(surface, request[:_LONGEST], reason, _place(error), more))


def _place(error: BaseException) -> str:
    """Return file, line and function where an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "unknown"
    last = frames[-1]
    return f"{PurePath(last.filename).name}:{last.lineno} in {last.name}"
