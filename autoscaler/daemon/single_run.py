"""Tells when a daemon that was started to decide and act once is at its end."""

from __future__ import annotations

from autoscaler.daemon.state import State

DONE = "once: decided and done"
UNFINISHED = "once: not done in time; the events before this one say what it waits for"
"""Why a single run ended."""

UNREACHABLE = "once: no Docker engine answers at "
"""Begins the reason of a run that ended because of that; the address and the error follow."""

ENGINE_SECONDS = 10.0
"""How long a single run waits for an engine that does not answer, if its timeout is not longer.

The daemon waits for ever, because the engine comes back; whoever waits for a single run is to know.
"""


def failed(reason: str) -> bool:
    """Tell whether a run that ended for this reason did not do what it was started for."""
    return reason == UNFINISHED or reason.startswith(UNREACHABLE)


class SingleRun:
    """One run from `began_at` (monotonic seconds); a dry one proposes and has nothing to do."""

    def __init__(self, state: State, began_at: float, *, dry: bool) -> None:
        self._state = state
        self._began_at = self._answered_at = began_at
        self._dry = dry
        self._warm_since: int | None = None

    def ended(self, rounds: int, now: float) -> str | None:
        """Return why it is at its end after so many rounds of readings, None if it goes on."""
        settings = self._state.settings
        longest = max((r.start_timeout + r.warmup for r in settings.roles.values()), default=0.0)
        if self._state.engine_up:
            self._answered_at = now
        elif now - self._answered_at > max(ENGINE_SECONDS, settings.docker.timeout):
            trouble = self._state.engine_error or "no answer yet"
            return f"{UNREACHABLE}{settings.docker.url}: {trouble}"
        if self._decided(rounds, now) and (self._dry or self._done()):
            return DONE
        if now - self._began_at > 2 * settings.average_over + longest:
            return UNFINISHED
        return None

    def _decided(self, rounds: int, now: float) -> bool:
        """Tell whether every role was decided on whole windows and once with no member warming.

        A daemon that has just begun takes all that run for just started.
        """
        settings, roles = self._state.settings, self._state.roles.values()
        if rounds < settings.average_over / settings.interval + 1:
            return False
        if self._warm_since is None and not any(m.warming for r in roles for m in r.loads(now)):
            self._warm_since = rounds
        if self._warm_since is None or rounds == self._warm_since:
            return False
        return all(r.decided for r in roles)

    def _done(self) -> bool:
        """Tell whether nothing is under way or left to do."""
        state = self._state
        if any(t.busy for r in state.roles.values() for t in r.tracks.values()):
            return False
        steps = sum(len(r.steps) for r in state.roles.values())
        return steps == 0 and state.publication.settled and not state.publication.busy
