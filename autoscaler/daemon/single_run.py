"""Tells when a daemon that was started to decide and act once is at its end."""

from __future__ import annotations

from autoscaler.daemon.state import State

DONE = "once: decided and done"
UNFINISHED = "once: not done in time; the events before this one say what it waits for"
"""Why a single run ended."""


class SingleRun:
    """One run from `began_at` (monotonic seconds); a dry one proposes and has nothing to do."""

    def __init__(self, state: State, began_at: float, *, dry: bool) -> None:
        self._state = state
        self._began_at = began_at
        self._dry = dry

    def ended(self, rounds: int, now: float) -> str | None:
        """Return why it is at its end after so many rounds of readings, None if it goes on."""
        settings = self._state.settings
        longest = max((r.start_timeout for r in settings.roles.values()), default=0.0)
        if self._decided(rounds) and (self._dry or self._done()):
            return DONE
        if now - self._began_at > 2 * settings.average_over + longest:
            return UNFINISHED
        return None

    def _decided(self, rounds: int) -> bool:
        """Tell whether every role was decided on whole windows."""
        settings = self._state.settings
        enough = settings.average_over / settings.interval + 1
        return rounds >= enough and all(r.decided for r in self._state.roles.values())

    def _done(self) -> bool:
        """Tell whether nothing is under way or left to do."""
        state = self._state
        if any(t.busy for r in state.roles.values() for t in r.tracks.values()):
            return False
        steps = sum(len(r.steps) for r in state.roles.values())
        return steps == 0 and state.publication.settled and not state.publication.busy
