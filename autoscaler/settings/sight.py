"""Words for what serves a role though settings do not find it: what they look for, what to correct.

The daemon and `reload` say the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from autoscaler.labels import PROJECT_LABEL, ROLE_LABEL
from autoscaler.settings.names import variable
from autoscaler.settings.schema import Settings


def unseen(settings: Settings, role: str, serving: Sequence[str]) -> str:
    """Say that settings find none of the containers that serve a role, and what they look for."""
    all_of_it = "is all that serves" if len(serving) == 1 else "are all that serve"
    return (
        f"these settings do not find {', '.join(serving)}, which {all_of_it} it now; looked for "
        f"{_looked_for(settings, role)}"
    )


def remedy(settings: Settings, role: str) -> str:
    """Say what to correct so that the containers of a role are found."""
    if settings.roles[role].members:
        return f"correct {variable(('roles', role, 'members'))}"
    return f"correct {variable(('project',))}, or the containers' labels"


def _looked_for(settings: Settings, role: str) -> str:
    names = settings.roles[role].members
    if names:
        return f"by name: {', '.join(names)}"
    return f"by the labels {PROJECT_LABEL}={settings.project} and {ROLE_LABEL}={role}"
