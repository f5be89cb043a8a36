"""Rules about several settings at once that must also be reported while others are wrong.

They work on what was written, so that a mistake elsewhere does not hide them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.settings import names
from autoscaler.settings.kinds import switch
from autoscaler.settings.masking import hide, hide_users
from autoscaler.settings.role import BUILT_IN_ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping


def cross_problems(written: Mapping[names.Path, str]) -> list[str]:
    """Return one text per mistake that concerns several settings; `written` maps place to text."""
    return [
        *_scope_problems(written),
        *_repeated_members(written),
        *_prometheus_problems(written),
    ]


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
        f"{' and '.join(variables)}: both name the container {hide_users(member)!r}; "
        "a container belongs to one role"
        for member, variables in owners.items()
        if len(variables) > 1
    ]


def _prometheus_problems(written: Mapping[names.Path, str]) -> list[str]:
    """Say what Prometheus lacks to be a source."""
    listed = [part.strip().lower() for part in written.get(("cpu_source",), "").split(",")]

    def given(field: str) -> str:
        return written.get(("prometheus", field), "").strip()

    problems = []
    if "prometheus" in listed and not given("url"):
        problems.append(
            "AUTOSCALER_PROMETHEUS__URL: is not set, but AUTOSCALER_CPU_SOURCE names prometheus; "
            "set it to the address of Prometheus, such as http://127.0.0.1:9090"
        )
    pair = {names.variable(("prometheus", f)): given(f) for f in ("username", "password_file")}
    lacking = [variable for variable, value in pair.items() if not value]
    if len(lacking) == 1:
        (there,) = pair.keys() - lacking
        problems.append(
            f"{lacking[0]}: is not set, but {there}={hide(there, pair[there])} is; "
            "set both, or none"
        )
    if "prometheus" in listed and given("dialect").lower() == "custom":
        roles = dict.fromkeys((*BUILT_IN_ROLES, *(p[1] for p in written if p[0] == "roles")))
        problems += [
            f"{names.variable(('roles', role, 'prometheus_query'))}: is not set, but "
            "AUTOSCALER_PROMETHEUS__DIALECT is custom; set it, or choose another dialect"
            for role in roles
            if not _disabled(role, written)
            and not written.get(("roles", role, "prometheus_query"), "").strip()
        ]
    return problems
