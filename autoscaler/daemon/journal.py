"""Tells what happened: every event goes to the log and into history, with the same fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from autoscaler.clock import Clock
from autoscaler.daemon import schema
from autoscaler.daemon.history import HistorySink
from autoscaler.surface.counts import Counts


class Listener(Protocol):
    """Hears of every event, and must not keep who reports it waiting."""

    def offer(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """Take an event. `level` is info, warning or error."""


class Journal:
    """Writes events: dotted stable names; fields are `role`, `member`, `reason` and numbers.

    `counts` is where outcomes are counted for Prometheus; a `listener` hears of all events.
    """

    def __init__(self, history: HistorySink, clock: Clock) -> None:
        self._history = history
        self.clock = clock
        self.counts = Counts()
        self.listener: Listener | None = None
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
        self._keep("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Tell something that needs attention although the service goes on."""
        self._log.warning(event, **fields)
        self._keep("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Tell something that somebody must mend."""
        self._log.error(event, **fields)
        self._keep("error", event, fields)

    def _keep(self, level: str, event: str, fields: dict[str, object]) -> None:
        self.counts.told(event, fields, self.clock.monotonic())
        self._history.write([schema.event(self.clock.wall().timestamp(), event, fields)])
        if self.listener is not None:
            self.listener.offer(level, event, fields)
