"""What the daemon tells about itself, as JSON-ready values."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from autoscaler.daemon import hooking, hosting, scheduling, strangers
from autoscaler.daemon.deciding import rounded
from autoscaler.daemon.explaining import explanation
from autoscaler.daemon.overriding import shown
from autoscaler.daemon.state import RoleState, State
from autoscaler.daemon.tracking import Track
from autoscaler.model import Member, StepKind
from autoscaler.policy.overrides import Moment

_BUSY_WORDS = {
    StepKind.START: "starting",
    StepKind.AFTER_HEALTHY: "running hook",
    StepKind.DRAIN: "draining",
    StepKind.BEFORE_STOP: "running hook",
    StepKind.STOP: "stopping",
}


def status(state: State, moment: Moment, *, foresee: bool = True) -> dict[str, Any]:
    """Return everything `autoscaler status` shows; the next change takes long to `foresee`."""
    publication = state.publication
    now = moment.monotonic
    return {
        "pid": os.getpid(),
        "started": state.started_wall,
        "engine": {"up": state.engine_up, "error": state.engine_error},
        "nginx": {
            "generation": publication.proven,
            "settled": publication.settled,
            "error": publication.error,
        },
        "history": {"error": state.history_trouble},
        "late": state.late,
        "host": hosting.shown(state),
        "last_sample_seconds_ago": _ago(state.sampled_at, now),
        "overrides": [shown(one, moment) for one in state.overrides],
        "warnings": sorted(state.warnings),
        "sources": {
            f"{source} for {role}": text for (source, role), text in state.source_troubles.items()
        },
        "roles": {
            name: _role(role, state, moment, foresee=foresee) for name, role in state.roles.items()
        },
    }


def heartbeat(state: State) -> dict[str, Any]:
    """Return the few numbers of the periodic line in the log."""
    return {
        "engine_up": state.engine_up,
        "nginx_settled": state.publication.settled,
        "roles": {
            name: {
                "desired": role.memory.desired,
                "running": role.running,
                "ready": sum(t.ready for t in role.tracks.values()),
                "mean": None
                if role.decision is None or role.decision.mean is None
                else round(role.decision.mean, 1),
                "reason": role.decision.reason.value if role.decision else None,
            }
            for name, role in state.roles.items()
        },
    }


def _wall(moment: Moment) -> datetime:
    return datetime.fromtimestamp(moment.wall, UTC)


def _ago(at: float | None, now: float) -> float | None:
    return None if at is None else round(now - at, 1)


def _role(role: RoleState, state: State, moment: Moment, *, foresee: bool) -> dict[str, Any]:
    now = moment.monotonic
    published = [e.member for e in state.publication.proven_endpoints if e.role == role.name]
    return {
        "desired": role.memory.desired,
        "min": role.policy.minimum,
        "max": role.policy.maximum,
        "schedule": scheduling.shown(role, state.settings, _wall(moment)),
        "cpu_high": role.policy.cpu_high,
        "cpu_low": role.policy.cpu_low,
        "running": role.running,
        "healthy": sum(t.ready for t in role.tracks.values()),
        "published": len(published),
        "chosen": list(role.chosen),
        "decision": rounded(role.decision) if role.decision else None,
        "last_change": role.last_change,
        "turns_last_hour": role.turns.count,
        **(_coming(role, state, moment) if foresee else {}),
        "missing": sorted(role.missing),
        "out_of_scope": strangers.shown(role, state.settings),
        "members": [_member(role, m, published=m.name in published, now=now) for m in role.ordered],
    }


def _coming(role: RoleState, state: State, moment: Moment) -> dict[str, Any]:
    """Return what the count becomes, and when, if the readings stay as they are.

    Or while which commands it does not change.
    """
    told = explanation(role, state, moment)
    if told is None or told.next_seconds is None:
        return {"next_change": None, "next_change_waits": (told.waits or None) if told else None}
    ago = 0.0 if state.sampled_at is None else moment.monotonic - state.sampled_at
    at = datetime.fromtimestamp(round(moment.wall - ago + told.next_seconds), UTC)
    change = {
        "in_seconds": round(max(0.0, told.next_seconds - ago), 1),
        "at": at.isoformat(timespec="seconds"),
        "desired": told.next_desired,
    }
    return {"next_change": change, "next_change_waits": None}


def _member(role: RoleState, member: Member, *, published: bool, now: float) -> dict[str, Any]:
    track, reading = role.track(member.name), role.readings.get(member.name)
    return {
        "name": member.name,
        "order": member.order,
        "container_id": member.container_id[:12],
        "state": member.state.value,
        "phase": _phase(role, member, track, published=published, now=now),
        "healthy": track.ready,
        "published": published,
        "chosen": member.name in role.chosen,
        "protected": member.protected,
        "detail": role.unaddressed.get(member.name) or track.probe_detail,
        "cpu_percent": _two(reading.cpu_percent) if reading else None,
        "memory_percent": _two(reading.memory_percent) if reading else None,
        "no_reading": reading.reason.value if reading and reading.reason else None,
        "source": reading.source if reading else None,
        "quarantine_seconds": round(track.quarantined_until - now, 1)
        if track.quarantined(now)
        else None,
        "blocked": hooking.blocked(role, member, now),
        "next_step": _next_step(role, member.name, track, now),
    }


def _next_step(role: RoleState, name: str, track: Track, now: float) -> dict[str, Any] | None:
    """Return the step under way or planned for a member; None if nothing is to be done."""
    if track.busy is not None:
        return {"step": track.busy.value, "reason": "it is under way", "in_seconds": 0.0}
    for step in role.steps:
        if step.member == name:
            seconds = round(max(0.0, track.retry_at - now), 1)
            return {"step": step.kind.value, "reason": step.reason, "in_seconds": seconds}
    return None


def _phase(role: RoleState, member: Member, track: Track, *, published: bool, now: float) -> str:
    """Say in one word where a member is in its life."""
    if track.busy is not None:
        return _BUSY_WORDS.get(track.busy, track.busy.value)
    if not member.running:
        if track.quarantined(now):
            return "quarantined"
        return "spare" if member.state.value in {"created", "exited"} else member.state.value
    if not track.ready:
        return "warming up" if track.coming_up(role.rules, now) else "unhealthy"
    return "serving" if published else "ready"


def _two(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
