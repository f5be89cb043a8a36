"""The names of the events that people can be told of. A test compares them with the code."""

from __future__ import annotations

import difflib
import re

EVENTS = (
    "action.interrupted",
    "config.reload_failed",
    "config.reloaded",
    "control.failed",
    "control.recovered",
    "daemon.crashed",
    "daemon.heartbeat",
    "daemon.recovered",
    "daemon.started",
    "daemon.stopped",
    "daemon.stuck",
    "engine.recovered",
    "engine.unavailable",
    "freeze.recovered",
    "freeze.unreadable",
    "history.failed",
    "history.late",
    "history.recovered",
    "history.unreadable",
    "host.recovered",
    "host.saturated",
    "http.failed",
    "inventory.warning",
    "look.late",
    "look.recovered",
    "member.after_healthy_done",
    "member.after_healthy_failed",
    "member.before_stop_done",
    "member.before_stop_failed",
    "member.changed_by_hand",
    "member.died",
    "member.drain_failed",
    "member.drained",
    "member.found",
    "member.healthy",
    "member.killed",
    "member.missing",
    "member.published",
    "member.quarantined",
    "member.renamed",
    "member.slow",
    "member.start_failed",
    "member.started",
    "member.stop_failed",
    "member.stopped",
    "member.unaddressed",
    "member.unhealthy",
    "member.unpublished",
    "member.unusable",
    "nginx.file_changed",
    "nginx.generation_lost",
    "nginx.recovered",
    "nginx.reload_failed",
    "nginx.reloaded",
    "nginx.test_failed",
    "nginx.unreachable",
    "override.ended",
    "override.set",
    "request.failed",
    "role.out_of_scope",
    "role.recovered",
    "role.scope_recovered",
    "role.spares_missing",
    "role.unavailable",
    "scale.decided",
    "scale.flapping",
    "scale.proposed",
    "scale.useless",
    "schedule.entered",
    "schedule.left",
    "source.failed",
    "source.recovered",
)
"""Not among them: `notify.*`, as what cannot be sent would only make more of what cannot be sent,
and what only the debug log has."""


def pattern_words(pattern: str) -> str:
    """Return the regular expression of a pattern, in which * stands for anything."""
    return re.escape(pattern).replace(r"\*", "[a-z_.]*")


def exists(pattern: str) -> bool:
    """Whether there is an event that the pattern means."""
    return any(re.fullmatch(pattern_words(pattern), name) for name in EVENTS)


def closest(pattern: str) -> str:
    """Return the name, or the pattern for one half of a name, that resembles a pattern most."""
    halves = {half for name in EVENTS for half in _halves(name)} if "*" in pattern else set()
    (found,) = difflib.get_close_matches(pattern, [*EVENTS, *sorted(halves)], 1, 0.0)
    return found


def _halves(name: str) -> tuple[str, str]:
    """Return a pattern for all events of the same subject, and one for all of the same kind."""
    subject, _, kind = name.partition(".")
    return f"{subject}.*", f"*.{kind}"
