"""Rules about several settings at once that must also be reported while others are wrong.

They work on what was written, so that a mistake elsewhere does not hide them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.settings import names
from autoscaler.settings.kinds import switch

if TYPE_CHECKING:
    from collections.abc import Mapping


def cross_problems(written: Mapping[names.Path, str]) -> list[str]:
    """Return one text per mistake that concerns several settings; `written` maps place to text."""
    return [*_scope_problems(written), *_repeated_members(written)]


def _members(written: Mapping[names.Path, str]) -> dict[str, list[str]]:
    """Return the container names written for each role that is not disabled."""
    found: dict[str, list[str]] = {}
    for path, text in written.items():
        if path[-1] == "members" and not _disabled(path[1], written):
            found[path[1]] = [part.strip() for part in text.split(",") if part.strip()]
    return found


def _disabled(role: str, written: Mapping[names.Path, str]) -> bool:
    """Whether a role was switched off; a value that is neither is reported elsewhere."""
    try:
        return not switch().validate(written.get(("roles", role, "enabled"), "true"))
    except ValueError:
        return False


def _scope_problems(written: Mapping[names.Path, str]) -> list[str]:
    """Say that nothing tells which containers may be touched."""
    if written.get(("project",), "").strip() or any(_members(written).values()):
        return []
    problem = (
        "AUTOSCALER_PROJECT: nothing says which containers may be started and stopped; set it to "
        "the compose project of your stack (`docker compose ls` shows it), or name the containers "
        "of at least one role, such as AUTOSCALER_ROLES__BUSINESS__MEMBERS=business-1,business-2"
    )
    return [problem]


def _repeated_members(written: Mapping[names.Path, str]) -> list[str]:
    """Say which container names stand in more than one role."""
    owners: dict[str, list[str]] = {}
    for role, members in _members(written).items():
        for member in dict.fromkeys(members):
            owners.setdefault(member, []).append(names.variable(("roles", role, "members")))
    return [
        f"{' and '.join(variables)}: both name the container {member!r}; "
        "a container belongs to one role"
        for member, variables in owners.items()
        if len(variables) > 1
    ]
