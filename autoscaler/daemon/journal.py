"""Tells what happened: every event goes to the log and into history, with the same fields."""

from __future__ import annotations

from typing import Any

import structlog

from autoscaler.clock import Clock
from autoscaler.daemon import schema
from autoscaler.daemon.history import HistorySink
from autoscaler.surface.counts import Counts


class Journal:
    """Writes events: dotted stable names; fields are `role`, `member`, `reason` and numbers.

    `counts` is where outcomes are counted for Prometheus.
    """

    def __init__(self, history: HistorySink, clock: Clock) -> None:
        self._history = history
        self.clock = clock
        self.counts = Counts()
        self._log: Any = structlog.get_logger()

    def now_text(self) -> str:
        """Return the time of day as it stands in the log."""
        return self.clock.wall().isoformat(timespec="milliseconds")

    def debug(self, event: str, **fields: object) -> None:
        """Log a detail; not kept in history."""
        self._log.debug(event, **fields)

    def info(self, event: str, **fields: object) -> None:
        """Tell a change."""
        self._log.info(event, **fields)
        self._keep(event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Tell something that needs attention although the service goes on."""
        self._log.warning(event, **fields)
        self._keep(event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Tell something that somebody must mend."""
        self._log.error(event, **fields)
        self._keep(event, fields)

    def _keep(self, event: str, fields: dict[str, object]) -> None:
        self.counts.told(event, fields, self.clock.monotonic())
        self._history.write([schema.event(self.clock.wall().timestamp(), event, fields)])
