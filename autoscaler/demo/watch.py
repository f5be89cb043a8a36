"""What the demo sees of the daemon: the latest status by role, and events in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoscaler.demo.daemon import LogEvent

QUIET = ("daemon.heartbeat", "scale.checked")
GOOD = ("daemon.started", "member.healthy", "member.published", "nginx.reloaded", "member.started")


@dataclass(frozen=True)
class MemberLook:
    """A member: its phase in one word, CPU percent of what it may use, None if unknown."""

    name: str
    phase: str
    cpu_percent: float | None


@dataclass(frozen=True)
class RoleLook:
    """A role as the daemon last told. `mean` is the CPU the last decision used, in percent."""

    name: str
    desired: int
    most: int
    running: int
    published: int
    mean: float | None
    cpu_low: float
    cpu_high: float
    reason: str
    fixed: bool
    members: tuple[MemberLook, ...]


def look(status: dict[str, Any] | None) -> tuple[RoleLook, ...]:
    """Return the roles of a status answer, none without an answer."""
    return tuple(_role(name, role) for name, role in (status or {}).get("roles", {}).items())


def _role(name: str, role: dict[str, Any]) -> RoleLook:
    """Return one role."""
    decision = role.get("decision") or {}
    reason = decision.get("reason", "not decided yet")
    return RoleLook(
        name=name,
        desired=role["desired"],
        most=role["max"],
        running=role["running"],
        published=role["published"],
        mean=decision.get("mean"),
        cpu_low=role["cpu_low"],
        cpu_high=role["cpu_high"],
        reason=reason,
        fixed=reason == "fixed",
        members=tuple(MemberLook(m["name"], m["phase"], m["cpu_percent"]) for m in role["members"]),
    )


def is_news(event: LogEvent) -> bool:
    """Tell whether people want to see an event."""
    return event.name not in QUIET


def words(event: LogEvent) -> str:
    """Return an event as one line: its name, whom it is about, and why."""
    fields = event.fields
    who = str(fields.get("member") or fields.get("role") or "")
    if event.name == "scale.decided":
        change = f"{fields.get('desired_before')} -> {fields.get('desired')}"
        if fields.get("desired_before") == fields.get("desired"):
            change = f"stays at {fields.get('desired')}"
        mean = fields.get("mean")
        seen = "" if mean is None else f", mean {mean:.0f} % (bounds {_bounds(fields)})"
        return f"{event.name:<19} {who} {change}: {fields.get('reason')}{seen}"
    return f"{event.name:<19} {who}{': ' if who else ''}{fields.get('reason', '')}".rstrip(": ")


def is_change(event: LogEvent) -> bool:
    """Tell whether an event is a decision that changed the desired count."""
    before, after = event.fields.get("desired_before"), event.fields.get("desired")
    return event.name == "scale.decided" and before != after


def style(event: LogEvent) -> str:
    """Return the colour an event is shown in."""
    if event.fields.get("level") in {"warning", "error", "critical"}:
        return "yellow"
    if is_change(event):
        return "bold cyan"
    return "green" if event.name in GOOD else "white"


def _bounds(fields: dict[str, Any]) -> str:
    """Return both thresholds of a decision."""
    return f"{fields.get('cpu_low', 0):g} and {fields.get('cpu_high', 0):g}"
