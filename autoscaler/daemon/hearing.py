"""Takes in what the engine's event stream tells, and looks where that alone is not enough."""

from __future__ import annotations

from autoscaler.daemon.looking import Looking
from autoscaler.daemon.observing import Observing
from autoscaler.daemon.ports import Parts
from autoscaler.daemon.state import State
from autoscaler.events import EngineEvent, EventKind

_LEADS_TO_LOOK = frozenset(EventKind) - {EventKind.KILL, EventKind.CONNECTED}


class Hearing:
    """Makes the state follow events at once; looks find the same later, if an event is missed."""

    def __init__(self, state: State, looking: Looking, observing: Observing) -> None:
        self._state = state
        self._looking = looking
        self._observing = observing

    def event(self, event: EngineEvent, parts: Parts, now: float) -> None:
        """Take in one event at `now` (monotonic seconds)."""
        if event.kind is EventKind.DISCONNECTED:
            for role in self._state.roles.values():
                role.hands.disconnected()
        elif event.kind is EventKind.CONNECTED:
            if self._state.engine_up is not None:
                self._observing.distrust_addresses(now)
            self._observing.look()
            return
        if event.container_id:
            parts.inventory.forget(event.container_id)
        about_nginx = bool(event.name) and event.name == self._state.settings.nginx.container
        if about_nginx and event.kind is EventKind.START:
            self._observing.distrust_addresses(now)
        concerns = self._looking.event(event, now) or about_nginx
        if concerns and event.kind in _LEADS_TO_LOOK:
            self._observing.look()
