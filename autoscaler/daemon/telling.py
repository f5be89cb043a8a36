"""Brings what happened in other threads to the controller's, where events are told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from autoscaler.daemon.inbox import Item
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.worker import Done
from autoscaler.surface.defects import Defect


class Troubled:
    """Reports answers that could not be made. `put` takes an item for the controller."""

    def __init__(self, journal: Journal, put: Callable[[Item], None]) -> None:
        self._journal = journal
        self._put = put

    def tell(self, defect: Defect) -> None:
        """Tell a defect."""
        told = partial(
            self._journal.error,
            "request.failed",
            surface=defect.surface,
            request=defect.request,
            reason=defect.reason,
            place=defect.place,
            more=defect.more,
            consequence="this request was answered with a 500; scaling goes on",
            hint="this is a defect of autoscaler: report it with this line",
        )
        self._put(Done("request", lambda _result: told(), lambda _error: None))


class Door:
    """Reports a control socket that was removed. `put` takes an item for the controller."""

    def __init__(self, journal: Journal, put: Callable[[Item], None]) -> None:
        self._journal = journal
        self._put = put

    def told(self, trouble: str) -> None:
        """Tell what is wrong with it, or that it is there again if `trouble` is empty."""
        if trouble:
            tell = partial(
                self._journal.error,
                "control.failed",
                reason=trouble,
                consequence="scaling goes on; no command can be given until it is there again",
            )
        else:
            tell = partial(
                self._journal.warning,
                "control.recovered",
                reason="somebody removed the control socket; it listens on a new one",
                hint="let whatever clears old files leave AUTOSCALER_RUN_DIR alone",
            )
        self._put(Done("control", lambda _result: tell(), lambda _error: None))


class Told:
    """Counts messages, and reports places that fail in the controller's thread, where events are.

    `put` takes an item for the controller.
    """

    def __init__(self, journal: Journal, put: Callable[[Item], None]) -> None:
        self._journal = journal
        self._put = put

    def count(self, outcome: str, number: int) -> None:
        """Count messages, or events that found no room."""
        self._journal.counts.notified(outcome, number)

    def failed(self, place: str, reason: str) -> None:
        """Tell that a place cannot be told."""
        told = partial(
            self._journal.warning,
            "notify.failed",
            place=place,
            reason=reason,
            consequence="scaling goes on; messages to this place are lost until it works again",
            hint="see `autoscaler check --notify`",
        )
        self._later(told)

    def recovered(self, place: str) -> None:
        """Tell that it can be told again."""
        told = partial(
            self._journal.info,
            "notify.recovered",
            place=place,
            reason="it works again",
        )
        self._later(told)

    def _later(self, tell: Callable[[], None]) -> None:
        self._put(Done("notify", lambda _result: tell(), lambda _error: None))
