"""Which containers are members, and in what state: the engine's answers turned into values.

Pure: dicts of the engine API come in, members and warnings go out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from autoscaler.labels import (
    NUMBER_LABEL,
    ONEOFF_LABEL,
    ORDER_LABEL,
    PROJECT_LABEL,
    ROLE_LABEL,
    SERVICE_LABEL,
    LabelWarning,
    shown,
    wishes,
)
from autoscaler.model import ContainerState, Health, Member, PublishedPort

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from autoscaler.scope import RoleScope, Scope

_TWIN = re.compile(r"[0-9a-f]{12}_.+")
_DEFAULT_PERIOD = 100_000  # microseconds, the kernel's when only a quota is set
_NEVER = "0001-01-01T00:00:00Z"  # how the engine writes "no time"


@dataclass(frozen=True, slots=True)
class Claim:
    """That a listed container is a member of a role. `position` is its place in a list of names."""

    role: RoleScope
    name: str
    position: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A member whose order is not settled yet: `labelled` is its own wish, None without one.

    `sort_key` ranks those without a wish among each other.
    """

    member: Member
    labelled: int | None
    sort_key: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The members at one look, sorted by role, order and name, and what is wrong with labels."""

    members: tuple[Member, ...]
    warnings: tuple[str, ...]


def list_filters(scope: Scope) -> tuple[dict[str, list[str]], ...]:
    """Return the narrowest filters of the engine's list call that find all of `scope`.

    One element per call: one where all roles are found the same way, two where some are found
    by label and some by name, none where nothing is in scope.
    """
    filters: list[dict[str, list[str]]] = []
    if scope.project is not None and any(not role.members for role in scope.roles):
        filters.append({"label": [f"{PROJECT_LABEL}={scope.project}", ROLE_LABEL]})
    names = [name for role in scope.roles for name in role.members]
    if names:
        filters.append({"name": [f"^/?{re.escape(name)}$" for name in names]})
    return tuple(filters)


def container_name(listed: Mapping[str, Any]) -> str:
    """Return a listed container's own name; names with a second slash are links to it."""
    for name in listed.get("Names") or ():
        own = str(name).removeprefix("/")
        if own and "/" not in own:
            return own
    return ""


def claim(listed: Mapping[str, Any], scope: Scope) -> Claim | LabelWarning | None:
    """Tell the role of an entry of the engine's list, None for what is outside the scope."""
    name = container_name(listed)
    labels: Mapping[str, str] = listed.get("Labels") or {}
    if not name or str(labels.get(ONEOFF_LABEL, "")).lower() == "true":
        return None
    for role in scope.roles:
        if name in role.members:
            return Claim(role, name, role.members.index(name))
    wanted = labels.get(ROLE_LABEL)
    if wanted is None or scope.project is None or labels.get(PROJECT_LABEL) != scope.project:
        return None
    if _TWIN.fullmatch(name) or wanted in scope.off:
        return None
    for role in scope.roles:
        if role.role == wanted:
            return None if role.members else _claim_by_label(role, name, labels)
    known = ", ".join(role.role for role in scope.roles if not role.members) or "none"
    return LabelWarning(
        name,
        f"label {ROLE_LABEL}={shown(wanted)} names no role of the settings (allowed: {known});"
        " the container is left alone; correct the label or add the role",
    )


def _claim_by_label(role: RoleScope, name: str, labels: Mapping[str, str]) -> Claim | LabelWarning:
    """Claim a container with the labels of a role, unless compose did not make it.

    Labels of an image are its containers' labels too, so a plain `docker run` of one that bears
    the project and the role would look like a member; compose numbers every container it makes.
    """
    if NUMBER_LABEL in labels:
        return Claim(role, name)
    return LabelWarning(
        name,
        f"bears a role and the project but no {NUMBER_LABEL}: compose did not make it, the labels"
        f" may be its image's; it is left alone. To have it looked after, name it in MEMBERS of"
        f" {role.role}",
    )


def found(
    inspected: Mapping[str, Any], claimed: Claim, host_cpus: float
) -> tuple[Found, tuple[LabelWarning, ...]]:
    """Turn the engine's inspect answer into a member, with what is wrong with its labels.

    `host_cpus` is the host's CPU count, for containers without a limit of their own. Raises
    ValueError if the answer has no id and state, which no engine gives.
    """
    state: Mapping[str, Any] = inspected.get("State") or {}
    config: Mapping[str, Any] = inspected.get("Config") or {}
    labels: Mapping[str, str] = config.get("Labels") or {}
    host: Mapping[str, Any] = inspected.get("HostConfig") or {}
    network: Mapping[str, Any] = inspected.get("NetworkSettings") or {}
    networks: Mapping[str, Any] = network.get("Networks") or {}
    container_id = str(inspected.get("Id") or "")
    if not container_id or "Status" not in state:
        raise ValueError(f"{claimed.name}: the engine's answer has no id or no state")
    wanted, warnings = wishes(claimed.name, labels, claimed.role.port)
    now = container_state(str(state["Status"]))
    alive = now in (ContainerState.RUNNING, ContainerState.PAUSED)
    started_at = str(state.get("StartedAt") or _NEVER)
    member = Member(
        role=claimed.role.role,
        name=claimed.name,
        order=0,
        container_id=container_id,
        state=now,
        health=_health(state),
        started_at="" if started_at == _NEVER else started_at,
        port=wanted.port,
        addresses=_addresses(networks) if alive else (),
        published=_published(network.get("Ports") or {}),
        networks=tuple(sorted(networks)),
        static_address=any(
            (entry.get("IPAMConfig") or {}).get("IPv4Address") for entry in networks.values()
        ),
        protected=wanted.protected,
        project=labels.get(PROJECT_LABEL),
        allowed_cpus=allowed_cpus(host, host_cpus),
        pid=int(state.get("Pid") or 0),
        exit_code=None if alive or started_at == _NEVER else int(state.get("ExitCode") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        image_id=str(inspected.get("Image") or ""),
        cgroup_parent=str(host.get("CgroupParent") or ""),
        restarts=int(inspected.get("RestartCount") or 0),
    )
    by_service = (
        natural(str(labels.get(SERVICE_LABEL, ""))),
        natural(str(labels.get(NUMBER_LABEL, ""))),
        natural(claimed.name),
    )
    return Found(member, wanted.order, (claimed.position, *by_service)), warnings


def settle(members: Iterable[Found]) -> Snapshot:
    """Give every member its order and sort them by role, order and name.

    A labelled order is kept. The others take, in natural order, the numbers from 1 on that no
    label of their role took, so that a single label can make one the first or the last.
    """
    by_role: dict[str, list[Found]] = {}
    for one in members:
        by_role.setdefault(one.member.role, []).append(one)
    settled: list[Member] = []
    warnings: list[str] = []
    for of_role in by_role.values():
        taken: dict[int, str] = {}
        for one in sorted(of_role, key=lambda f: f.member.name):
            if one.labelled is None:
                continue
            settled.append(replace(one.member, order=one.labelled))
            first = taken.setdefault(one.labelled, one.member.name)
            if first != one.member.name:
                warnings.append(str(_same_order(one, first)))
        unlabelled = [one for one in of_role if one.labelled is None]
        number = 1
        for one in sorted(unlabelled, key=lambda f: f.sort_key):
            while number in taken:
                number += 1
            settled.append(replace(one.member, order=number))
            number += 1
    settled.sort(key=lambda m: (m.role, m.order, natural(m.name)))
    return Snapshot(tuple(settled), tuple(warnings))


def _same_order(one: Found, first: str) -> LabelWarning:
    """Word the warning that two members of a role ask for the same place."""
    return LabelWarning(
        one.member.name,
        f"label {ORDER_LABEL}={one.labelled} is also that of {first}; their names decide;"
        f" give each member of {one.member.role} a number of its own",
    )


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that puts node-2 before node-10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return tuple((0, int(p[:18]), p) if p[0] in "0123456789" else (1, 0, p) for p in parts)


def allowed_cpus(host: Mapping[str, Any], host_cpus: float) -> float:
    """Return how many CPUs a container's HostConfig lets it use.

    The quota (--cpus, or quota/period) if set, else the size of the cpuset, else the host's
    count; with both a quota and a smaller cpuset it is the cpuset, as more cannot be used.
    """
    quota = float(host.get("NanoCpus") or 0) / 1e9
    if quota <= 0 and (microseconds := float(host.get("CpuQuota") or 0)) > 0:
        quota = microseconds / float(host.get("CpuPeriod") or _DEFAULT_PERIOD)
    pinned = cpuset_size(str(host.get("CpusetCpus") or ""))
    limits = [limit for limit in (quota, float(pinned)) if limit > 0]
    return min(limits) if limits else host_cpus


def cpuset_size(text: str) -> int:
    """Count the CPUs of a list such as "0-3,7"; 0 if it is empty or unreadable."""
    cpus: set[int] = set()
    for part in text.split(",") if text.strip() else ():
        first, _, last = part.strip().partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()):
            return 0
        cpus.update(range(int(first), min(int(last or first), int(first) + 8192) + 1))
    return len(cpus)


def container_state(status: str) -> ContainerState:
    """Return the state that the engine's word means; an unknown one is dead: not to be used."""
    try:
        return ContainerState(status.lower())
    except ValueError:
        return ContainerState.DEAD


def _health(state: Mapping[str, Any]) -> Health:
    """Return what the container's HEALTHCHECK says, NONE without one."""
    try:
        return Health(str((state.get("Health") or {}).get("Status") or "none").lower())
    except ValueError:
        return Health.NONE


def _addresses(networks: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return (network, address) pairs, IPv4 where there is one, in the networks' order."""
    pairs = (
        (name, str(entry.get("IPAddress") or entry.get("GlobalIPv6Address") or ""))
        for name, entry in sorted(networks.items())
    )
    return tuple(pair for pair in pairs if pair[1])


def _published(ports: Mapping[str, Any]) -> tuple[PublishedPort, ...]:
    """Return the TCP ports that the engine forwards now, sorted."""
    forwarded = [
        PublishedPort(int(port), str(binding.get("HostIp") or ""), int(binding["HostPort"]))
        for key, bindings in ports.items()
        for port, _, protocol in (str(key).partition("/"),)
        if protocol == "tcp" and port.isdecimal()
        for binding in bindings or ()
        if str(binding.get("HostPort") or "").isdecimal()
    ]
    return tuple(sorted(forwarded, key=lambda p: (p.container_port, p.host_ip, p.host_port)))
