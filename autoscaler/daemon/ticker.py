"""The schedule: APScheduler posts a tick every interval and can be made anew when it fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC

from apscheduler.schedulers.background import BackgroundScheduler


class Ticker:
    """Calls `post` every `interval` seconds from a thread of its own.

    The scheduler follows the wall clock, so a clock that is set back can silence it; whoever waits
    for the ticks keeps a monotonic deadline and calls `renew` when one is late.
    """

    def __init__(self, post: Callable[[], None], interval: float) -> None:
        self._post = post
        self._interval = interval
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        self._scheduler = BackgroundScheduler(timezone=UTC, daemon=True)

    @property
    def interval(self) -> float:
        """Seconds between two ticks."""
        return self._interval

    def start(self) -> None:
        """Begin to tick; the first tick comes one interval from now."""
        self._scheduler.start()
        self._add()

    def renew(self, interval: float | None = None) -> None:
        """Make the job anew from now on, with another interval if one is given."""
        if interval is not None:
            self._interval = interval
        self._add()

    def stop(self) -> None:
        """End the schedule without waiting for anything."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _add(self) -> None:
        self._scheduler.add_job(
            self._post,
            "interval",
            seconds=self._interval,
            id="tick",
            replace_existing=True,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
