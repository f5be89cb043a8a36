"""Judges the roles: what the settings ask of them against the containers that are there. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.actuation.addresses import AddressMode, Problem, address_of
from autoscaler.cli.findings import Finding, fail, ok, warn
from autoscaler.labels import PROJECT_LABEL, ROLE_LABEL
from autoscaler.model import Health
from autoscaler.settings import oscillations
from autoscaler.settings.names import variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from autoscaler.model import Member
    from autoscaler.settings import RoleSettings, Settings


def threshold_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what is doubtful about the settings of the roles alone, without any container."""
    for name, role in settings.roles.items():
        for found in oscillations(role):
            yield warn(
                f"role {name}",
                f"CPU_LOW {role.cpu_low:g} and CPU_HIGH {role.cpu_high:g} with the flap guard off "
                f"never come to rest between {found.fewer} and {found.more} members at a steady "
                f"load between {found.low:g} and {found.high:g} percent of one member",
                f"set {_name(name, 'flap_guard')}=true, or {_name(name, 'cpu_low')} to "
                f"{found.fewer * role.cpu_high / found.more:g} or less",
            )
        if role.fixed and role.min != role.max:
            yield warn(
                f"role {name}",
                f"is fixed, so load never takes it from {role.min} to {role.max} members",
                f"set {_name(name, 'fixed')}=false to let it scale, or MIN and MAX to one number",
            )


def role_findings(
    settings: Settings, members: Sequence[Member], checked: AbstractSet[str]
) -> Iterator[Finding]:
    """Yield what is true of each role's containers.

    `checked` has the names of containers with a HEALTHCHECK; the engine tells a member's health
    only once it has run.
    """
    for name, role in settings.roles.items():
        own = [member for member in members if member.role == name]
        problems = [*_count_findings(name, role, own, settings), *_project_findings(name, own)]
        problems += _health_findings(name, role, own, checked)
        if own and not any(finding.level == "fail" for finding in problems):
            running = sum(member.running for member in own)
            names = ", ".join(member.name for member in own)
            yield ok(f"role {name}", f"{len(own)} containers, {running} running: {names}")
        yield from problems
    count = len(members)
    if count > settings.workers:
        yield warn(
            "workers",
            f"{count} members but {settings.workers} workers: when all drain at once, others wait",
            f"set {variable(('workers',))}={count}",
        )


def _name(role: str, field: str) -> str:
    """Return the variable of a role's setting."""
    return variable(("roles", role, field))


def _count_findings(
    name: str, role: RoleSettings, own: Sequence[Member], settings: Settings
) -> Iterator[Finding]:
    """Say which containers are missing."""
    missing = [member for member in role.members if member not in {m.name for m in own}]
    if missing:
        yield fail(
            f"role {name}",
            f"no container is named {', '.join(missing)}",
            f"create it (docker compose up --no-start), or take it out of {_name(name, 'members')}",
        )
    if not own and not missing:
        where = (
            f"label its containers {ROLE_LABEL}={name} in the compose project {settings.project}"
            if settings.project
            else f"name its containers in {_name(name, 'members')}"
        )
        yield fail(
            f"role {name}",
            "has no containers",
            f"{where} and create them (docker compose up --no-start), or switch the role off: "
            f"{_name(name, 'enabled')}=false",
        )
    elif own and len(own) < role.min:
        yield fail(
            f"role {name}",
            f"needs at least {role.min} containers and has {len(own)}",
            f"create {role.min - len(own)} more, or set {_name(name, 'min')}={len(own)}",
        )
    elif own and len(own) < role.most:
        yield warn(
            f"role {name}",
            f"may grow to {role.most} members but has {len(own)} containers",
            f"create {role.most - len(own)} more without starting them (docker compose up "
            f"--no-start), or set {_name(name, 'max')}={len(own)}",
        )


def _project_findings(name: str, own: Sequence[Member]) -> Iterator[Finding]:
    """Say that a role mixes the containers of two compose projects."""
    projects = sorted({member.project or "(none)" for member in own})
    if len(projects) > 1:
        owners = "; ".join(f"{member.name}: {member.project or '(none)'}" for member in own)
        yield fail(
            f"role {name}",
            f"its containers are of {len(projects)} compose projects ({PROJECT_LABEL}): {owners}",
            f"take those of other stacks out of {_name(name, 'members')}: requests of one stack "
            "would reach the other",
        )


def _health_findings(
    name: str, role: RoleSettings, own: Sequence[Member], checked: AbstractSet[str]
) -> Iterator[Finding]:
    """Say for which members an open port is all that tells whether they are healthy."""
    blind = [m.name for m in own if m.health is Health.NONE and m.name not in checked]
    if blind and not role.health_path:
        yield warn(
            f"role {name}",
            f"only an open TCP port tells whether these are healthy: {', '.join(blind)}",
            f"give the containers a HEALTHCHECK, or set {_name(name, 'health_path')} to a path "
            "that answers 2xx only when requests can be served",
        )


def address_findings(
    settings: Settings, members: Sequence[Member], networks: frozenset[str] | None
) -> Iterator[Finding]:
    """Yield how NGINX reaches the members; `networks` are NGINX's, None if they are unknown."""
    nginx = settings.nginx
    published = nginx.addresses == "published"
    if networks is not None:
        mode: AddressMode = "published" if published else "container"
        for member in members:
            if not member.running:
                continue
            found = address_of(member, mode, nginx.network or None, networks)
            if isinstance(found, Problem):
                text, _, remedy = found.text.partition("; ")
                yield fail("addresses", text, remedy)
    loose = [m.name for m in members if not m.static_address and "host" not in m.networks]
    if loose and not published:
        yield warn(
            "addresses",
            f"without a fixed address: {', '.join(loose)}; the engine may give their address to "
            "another container after a restart, until the upstreams are written anew",
            "give each a fixed ipv4_address on the network it shares with NGINX",
        )
