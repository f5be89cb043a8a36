"""What a simulation found, for people and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from autoscaler.model import RolePolicy
from autoscaler.replay.figures import FLAP_SECONDS, Figures
from autoscaler.replay.fit import SATURATED_PERCENT, Fit
from autoscaler.replay.simulation import Outcome

IN_FORCE = "in force"

_LABEL = 30
_COLUMN = 18


def as_json(
    name: str, roles: Mapping[str, Outcome], changes: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return all figures; `changes` are what was set, by role."""
    found = {}
    for role, outcome in roles.items():
        labels = ("in_force", "changed")
        found[role] = {
            "since": _stamp(outcome.began),
            "until": _stamp(outcome.ended),
            "set": list(changes.get(role, ())),
            "saturated_minutes": round(outcome.saturated / 60, 2),
            "model": _model(outcome.fit),
            **{
                label: _figures(player.figures, player.policy)
                for label, player in zip(labels, outcome.players, strict=False)
            },
        }
    return {"source": name, "flap_seconds": FLAP_SECONDS, "roles": found}


def as_text(name: str, roles: Mapping[str, Outcome], changes: Mapping[str, Sequence[str]]) -> str:
    """Return a table for each role: the rules in force, and beside them those with the changes."""
    lines = [f"played from {name}"]
    for role, outcome in roles.items():
        lines += ["", *_role(role, outcome, changes.get(role, ()))]
    return "\n".join(lines)


def _model(fit: Fit) -> dict[str, Any]:
    """Return how far the model of load on another count was from what was recorded."""
    mean = fit.mean_error
    return {
        "changes_compared": fit.changes,
        "mean_error_points": None if mean is None else round(mean, 2),
        "largest_error_points": None if mean is None else round(fit.largest, 2),
    }


def _figures(figures: Figures, policy: RolePolicy) -> dict[str, Any]:
    return {
        "cpu_high": policy.cpu_high,
        "cpu_low": policy.cpu_low,
        "min": policy.minimum,
        "max": policy.maximum,
        "rounds": figures.rounds,
        "hours": round(figures.span / 3600, 4),
        "changes": figures.changes,
        "up": figures.up,
        "down": figures.down,
        "flaps": figures.flaps,
        "minutes_above_cpu_high": round(figures.above / 60, 2),
        "minutes_above_cpu_high_in_force": round(figures.above_in_force / 60, 2),
        "node_hours": round(figures.node_seconds / 3600, 4),
        "hours_at_max": round(figures.at_max / 3600, 4),
        "rounds_with_recorded_count": figures.same,
    }


def _role(role: str, outcome: Outcome, changes: Sequence[str]) -> list[str]:
    if outcome.began is None:
        return [f"{role}: no readings"]
    figures = [player.figures for player in outcome.players]
    policies = outcome.policies
    days = figures[0].span / 86400
    title = (
        f"{role}: {_local(outcome.began)} to {_local(outcome.ended)}, "
        f"{days:.2f} days of readings, {figures[0].rounds} rounds"
    )
    heads = [IN_FORCE, "changed"][: len(figures)]
    rows = [
        ("", heads),
        ("changes (up, down)", [f"{f.changes} ({f.up}, {f.down})" for f in figures]),
        ("flaps", [str(f.flaps) for f in figures]),
        ("minutes above its cpu_high", [f"{f.above / 60:.1f}" for f in figures]),
    ]
    if len({p.cpu_high for p in policies}) > 1:
        label = f"minutes above {policies[0].cpu_high:g} %"
        rows.append((label, [f"{f.above_in_force / 60:.1f}" for f in figures]))
    rows += [
        ("node-hours", [f"{f.node_seconds / 3600:.2f}" for f in figures]),
        ("hours at max", [f"{f.at_max / 3600:.2f}" for f in figures]),
        ("rounds at the recorded count", [f"{100 * f.same / f.rounds:.1f} %" for f in figures]),
    ]
    lines = [title]
    if changes:
        lines.append(f"  changed: {', '.join(changes)}")
    lines += [
        f"  {label:<{_LABEL}}" + "".join(f"{cell:>{_COLUMN}}" for cell in cells)
        for label, cells in rows
    ]
    fit = outcome.fit
    if fit.mean_error is not None:
        lines.append(
            f"  the model of load on another count, at {fit.changes} recorded changes: "
            f"{fit.mean_error:.1f} points from the recorded mean on average, {fit.largest:.1f} at "
            "most"
        )
    if outcome.saturated > 0:
        lines.append(
            f"  for {outcome.saturated / 60:.1f} minutes a member was at {SATURATED_PERCENT:g} % or"
            " more: what it was asked for beyond that is in no reading, so the load of more members"
            " may be too low here"
        )
    return lines


def _stamp(wall: float | None) -> str | None:
    return None if wall is None else datetime.fromtimestamp(wall, UTC).isoformat()


def _local(wall: float | None) -> str:
    if wall is None:
        return ""
    return f"{datetime.fromtimestamp(wall, UTC).astimezone():%Y-%m-%d %H:%M}"
