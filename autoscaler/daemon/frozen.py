"""Looks for the freeze file at each tick, beside the controller thread: its disk may hang."""

from __future__ import annotations

from collections.abc import Callable

from autoscaler.daemon.freezing import FreezeFile, read_freeze_file
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.overriding import Overriding
from autoscaler.daemon.state import State
from autoscaler.daemon.worker import Pool
from autoscaler.errors import AutoscalerError


class Freezing:
    """Tells the overrides whether the file is there. One look at a time."""

    def __init__(self, state: State, journal: Journal, pool: Pool, overriding: Overriding) -> None:
        self._state = state
        self._journal = journal
        self._pool = pool
        self._overriding = overriding
        self._busy = False
        self._trouble = ""

    def begin(self) -> None:
        """Look in this thread: a frozen host must not be touched before the first tick."""
        self._look()()

    def look(self) -> None:
        """Look again soon, unless a look still waits for the disk."""
        if not self._busy:
            self._busy = True
            self._pool.submit("freeze", self._look, self._looked, self._failed)

    def _look(self) -> Callable[[], None]:
        """Read the file; return what is to be done with it in the controller thread."""
        try:
            found = read_freeze_file(self._state.settings.freeze_file)
        except OSError as error:
            text = str(error)
            return lambda: self._unknown(text)
        return lambda: self._known(found)

    def _looked(self, take_in: Callable[[], None]) -> None:
        self._busy = False
        take_in()

    def _failed(self, error: AutoscalerError) -> None:
        self._busy = False
        self._unknown(str(error))

    def _known(self, found: FreezeFile | None) -> None:
        """Take in whether the file is there, and that it can be looked for again."""
        if self._trouble:
            self._trouble = ""
            self._journal.info("freeze.recovered", reason="it can be looked for again")
        self._overriding.freeze(found)

    def _unknown(self, text: str) -> None:
        """Tell once that it cannot be looked for; what was known of it stays."""
        if text != self._trouble:
            self._journal.warning(
                "freeze.unreadable", reason=text, consequence="what was known of it stays"
            )
        self._trouble = text
