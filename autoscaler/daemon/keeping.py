"""Says which members run on because of their label, and what that means for the count."""

from __future__ import annotations

from autoscaler.daemon.state import RoleState


def sentences(role: RoleState) -> list[str]:
    """Say of each running member that is protected why it is not stopped, and what that forbids."""
    return [
        f"{member.name} is protected (label autoscaler.protect), so it is never stopped and serves "
        f"while it is healthy; with the primary at least {role.kept_running} run."
        for member in role.ordered
        if member.running and member.protected and member.name != role.primary
    ]
