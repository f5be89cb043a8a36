"""Keeps in NGINX what the settings have lost sight of: a typo must take no capacity away.

A wrong project, name or label makes running members strangers. As long as a role has no member
of its own that can answer, those that NGINX serves for it stay as they are, while they run at the
address NGINX knows. Nothing is ever started or stopped of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autoscaler.daemon.journal import Journal
from autoscaler.daemon.ports import Parts
from autoscaler.daemon.publication import Endpoint
from autoscaler.daemon.state import RoleState, State
from autoscaler.inventory import Snapshot
from autoscaler.model import Member
from autoscaler.settings import Settings
from autoscaler.settings.sight import remedy, unseen


def served(state: State) -> frozenset[Endpoint] | None:
    """Return what NGINX may serve; None if only the file on disk tells, at the start."""
    if state.scope_meant:
        return frozenset()
    return _may_serve(state) if state.publication.known else None


def look(
    parts: Parts, known: frozenset[Endpoint] | None, roles: frozenset[str], snapshot: Snapshot
) -> frozenset[Endpoint]:
    """Return what NGINX serves of `roles` by containers that run there outside every scope.

    `known` is what `served` returned. Blocks, but only if something serves that `snapshot` does not
    show. Raises EngineError.
    """
    if known is None:
        known = frozenset(Endpoint(r, s.name, s.address, s.port) for r, s in parts.listed())
    found = {(member.role, member.name) for member in snapshot.members}
    unknown = [e for e in known if e.role in roles and (e.role, e.member) not in found]
    if not unknown:
        return frozenset()
    outside = {one.name: one for one in parts.inventory.strangers()}
    return frozenset(
        e for e in unknown if e.member in outside and outside[e.member].is_at(e.address, e.port)
    )


def follow(
    state: State, seen: frozenset[Endpoint], members: Iterable[Member], journal: Journal
) -> None:
    """Take in what `look` has found, before `members` of the same look are taken in."""
    members = tuple(members)
    if state.scope_meant:
        seen = frozenset()
        state.scope_meant = not _only_members_serve(state, members)
    for role in state.roles.values():
        before = role.strangers
        role.strangers = frozenset(e for e in seen if e.role == role.name)
        if not (before or role.strangers):
            continue
        own = {m.name: m for m in members if m.role == role.name}
        if any(name in role.tracks and role.tracks[name].ready for name in own):
            role.strangers = frozenset()
        role.returning |= {e for e in before if e.member in own}
        if role.strangers:
            role.counted = False  # when they are found again, those that run are the count
            role.known |= set(_names(role.strangers))
        if role.strangers != before:
            _tell(role, before, state, journal)


def _only_members_serve(state: State, members: Iterable[Member]) -> bool:
    """Tell whether NGINX serves nobody but members, as far as roles of the settings go."""
    if not state.publication.known:
        return False
    found = {(member.role, member.name) for member in members}
    return all((e.role, e.member) in found for e in _may_serve(state) if e.role in state.roles)


def _may_serve(state: State) -> frozenset[Endpoint]:
    publication = state.publication
    return publication.proven_endpoints | publication.at_risk | publication.tried


def kept(
    role: RoleState, own: list[Endpoint], endpoint: Callable[[RoleState, Member], Endpoint | None]
) -> list[Endpoint]:
    """Return what stays in NGINX beside the role's `own`, which can answer; in order.

    Strangers only while there is nobody else. Those found again until they were asked, so that no
    request fails in between; `endpoint` tells where a member is now.
    """
    role.returning = frozenset(
        e
        for e in role.returning
        if (member := role.members.get(e.member)) is not None
        and not role.track(member.name).judged(member.health, role.settings.health_path, role.rules)
        and endpoint(role, member) == e
    )
    found = role.returning if own else role.returning | role.strangers
    return sorted(found.difference(own), key=lambda e: e.member)


def _names(endpoints: Iterable[Endpoint]) -> list[str]:
    return sorted(e.member for e in endpoints)


def _tell(role: RoleState, before: frozenset[Endpoint], state: State, journal: Journal) -> None:
    told = shown(role, state.settings)
    if told is not None:
        journal.error(
            "role.out_of_scope",
            role=role.name,
            members=told["members"],
            reason=told["reason"],
            consequence=told["consequence"],
            hint=told["hint"],
        )
        return
    names = _names(before)
    back = [name for name in names if name in _names(role.returning)]
    if back:
        reason = f"{', '.join(back)}: found again"
    elif state.scope_meant:
        reason = f"{', '.join(names)}: given up by a forced reload"
    else:
        reason = f"{', '.join(names)}: not running there any more, or not needed any more"
    journal.info("role.scope_recovered", role=role.name, members=names, reason=reason)


def shown(role: RoleState, settings: Settings) -> dict[str, Any] | None:
    """Return which containers serve a role out of its scope, and what to do; None without any."""
    if not role.strangers or role.name not in settings.roles:
        return None
    names = _names(role.strangers)
    those = "the container" if len(names) == 1 else "the containers"
    return {
        "members": names,
        "reason": unseen(settings, role.name, names),
        "consequence": "NGINX keeps what it serves while that runs at the same address; nothing of "
        "it is started, stopped or asked, and the role does not scale",
        "hint": f"{remedy(settings, role.name)}, then reload; if it is meant, stop {those}, or "
        "`autoscaler reload --force`",
    }


def sentences(role: RoleState, settings: Settings) -> list[str]:
    """Say that strangers serve a role, and what to do; nothing without any."""
    told = shown(role, settings)
    if told is None:
        return []
    return [f"{role.name} is out of sight: {told['reason']}. To do: {told['hint']}."]
