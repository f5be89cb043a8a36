"""Makes the view that the controller shows to the HTTP server."""

from __future__ import annotations

from autoscaler.daemon.explaining import situation
from autoscaler.daemon.report import status
from autoscaler.daemon.state import State
from autoscaler.policy.overrides import Moment
from autoscaler.surface.view import RoleView, View


def view(state: State, moment: Moment) -> View:
    """Return the state as a value that never changes."""
    now = moment.monotonic
    return View(
        status=status(state, moment, foresee=False),
        roles={
            name: RoleView(role.policy, role.overrides, situation(role, state, moment))
            for name, role in state.roles.items()
        },
        ticked_at=state.ticked_at,
        ticked_wall=moment.wall - (now - state.ticked_at),
        interval=state.settings.interval,
        ready=bool(state.engine_up) and state.publication.proven is not None and not state.late,
    )
