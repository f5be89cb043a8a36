"""Waiting for conditions, never for times."""

from __future__ import annotations

import time
from collections.abc import Callable

DEFAULT_SECONDS = 30.0
LOOK_SECONDS = 0.02


def until(holds: Callable[[], object], what: str, seconds: float = DEFAULT_SECONDS) -> None:
    """Return as soon as `holds()` is true; AssertionError naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"within {seconds:g} s it did not come true that {what}")
        time.sleep(LOOK_SECONDS)
