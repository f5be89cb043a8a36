"""Says what keeps a role from having as many members at work as are wanted."""

from __future__ import annotations

from autoscaler.daemon.state import RoleState, State
from autoscaler.model import Member


def sentences(role: RoleState, state: State, now: float) -> list[str]:
    """Say how many get requests and what is the matter with the others; empty if none lacks."""
    wanted = role.memory.desired
    serving = {e.member for e in state.publication.proven_endpoints if e.role == role.name}
    if not state.publication.known or len(serving) >= wanted:
        return []
    said = [f"Of {wanted} wanted {len(serving)} get requests."]
    if state.engine_error:
        said.append(f"The engine does not answer: {state.engine_error}.")
    if state.publication.error:
        said.append(f"NGINX does not take another list: {state.publication.error}.")
    said += [
        f"{name} is gone: no container has this name any more (docker compose create)."
        for name in sorted(role.missing)
    ]
    short = wanted - len(role.members) - len(role.missing)
    if short > 0:
        said.append(f"{len(role.members)} containers exist: {short} too few.")
    away = [one for one in role.ordered if one.name not in serving]
    return said + [line for one in away if (line := _why_away(role, one, now))]


def _why_away(role: RoleState, member: Member, now: float) -> str:
    """Say why a member gets no requests; empty for a spare with which nothing is the matter."""
    track = role.track(member.name)
    if track.quarantined(now):
        seconds = track.quarantined_until - now
        why = f": {track.probe_detail}" if track.probe_detail else ""
        return f"{member.name} is left alone for {seconds:.0f} s more, because it failed{why}."
    if member.name not in role.chosen:
        return ""
    if unaddressed := role.unaddressed.get(member.name):
        return f"{member.name} cannot stand in NGINX's list: {unaddressed}."
    if not track.running:
        return f"{member.name} does not run ({member.state.value})."
    if not track.ready:
        return f"{member.name} runs, but is not healthy: {track.probe_detail or 'no answer yet'}."
    return f"{member.name} is healthy and about to get requests."
