"""What happened in the demo, told by the daemon's own log: every change and how long it took.

Pure: events in, values out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from autoscaler.demo.watch import is_change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from autoscaler.demo.daemon import LogEvent
    from autoscaler.demo.tally import Report

FULL_SECONDS_EXPECTED = 30.0
"""Up to so long the demo alone may keep two cores busy."""

GROWN, SHRUNK = "member.published", "member.stopped"


@dataclass
class Change:
    """A decision to grow or shrink a role, and what came of it.

    `at_seconds` counts from the start of the load; `seconds` is from the decision until the last
    of its members was published (growing) or stopped (shrinking), None if that did not happen.
    """

    role: str
    before: int
    after: int
    reason: str
    mean: float | None
    at_seconds: float
    phase: str = ""
    seconds: float | None = None
    members: tuple[str, ...] = ()

    @property
    def grows(self) -> bool:
        """Whether it adds members."""
        return self.after > self.before


def changes(
    events: Iterable[LogEvent], began: float, phases: Sequence[tuple[str, float]]
) -> list[Change]:
    """Return the changes among the events, in their order.

    `began` and the starts of the `phases` (name, start) are Unix seconds.
    """
    found: list[Change] = []
    for event in events:
        if is_change(event):
            fields = event.fields
            found.append(
                Change(
                    event.role,
                    fields["desired_before"],
                    fields["desired"],
                    fields["reason"],
                    fields.get("mean"),
                    round(event.time - began, 2),
                    next((name for name, start in reversed(phases) if start <= event.time), ""),
                )
            )
        elif event.name in {GROWN, SHRUNK}:
            _complete(found, event, began)
    return found


def _complete(found: list[Change], event: LogEvent, began: float) -> None:
    """Count a published or stopped member to the oldest change of its role that lacks one."""
    for change in found:
        if change.role != event.role or change.grows != (event.name == GROWN):
            continue
        if len(change.members) == abs(change.after - change.before):
            continue
        change.members = (*change.members, str(event.fields.get("member", "")))
        if len(change.members) == abs(change.after - change.before):
            change.seconds = round(event.time - began - change.at_seconds, 2)
        return


def full_seconds(events: Iterable[LogEvent], began: float, ended: float) -> float:
    """Return for how many of the seconds between two Unix times the host's CPU was used up.

    The daemon tells when that begins and ends, from 90 % in use on.
    """
    seconds, since = 0.0, None
    for event in events:
        if event.fields.get("resource") != "cpu":
            continue
        if event.name == "host.saturated":
            since = max(event.time, began)
        elif event.name == "host.recovered" and since is not None:
            seconds, since = seconds + max(0.0, min(event.time, ended) - since), None
    if since is not None:
        seconds += max(0.0, ended - since)
    return round(seconds, 1)


def summary(
    report: Report,
    found: Sequence[Change],
    counts: Mapping[str, tuple[int, int, int]],
) -> dict[str, Any]:
    """Return what goes into demo.json.

    `counts` are, by role, the most members it may have, the most published at once, and those
    that were left at the end.
    """
    roles = {
        role: {
            "max_allowed": allowed,
            "max_reached": reached,
            "final": final,
            "scale_ups": sum(c.role == role and c.grows for c in found),
            "scale_downs": sum(c.role == role and not c.grows for c in found),
        }
        for role, (allowed, reached, final) in counts.items()
    }
    return {
        "requests": report.requests,
        "failed": report.failed,
        "failures": report.failures,
        "failure_examples": list(report.examples),
        "latency_ms": report.latency_ms,
        "latency_ms_by_path": report.latency_ms_by_path,
        "answers_by_node": dict(sorted(report.nodes.items())),
        "roles": roles,
        "changes": [asdict(change) for change in found],
    }


def complaints(result: Mapping[str, Any], requests_wanted: int) -> list[str]:
    """Return in words what keeps the demo from being a success, nothing if it is one."""
    found = []
    if result["failed"]:
        found.append(f"{result['failed']} of {result['requests']} requests failed")
    if result["requests"] < requests_wanted:
        found.append(f"only {result['requests']} of {requests_wanted} requests were made")
    for role, seen in result["roles"].items():
        if seen["max_reached"] != seen["max_allowed"]:
            found.append(f"{role} reached {seen['max_reached']} of {seen['max_allowed']} members")
        if seen["final"] != 1:
            found.append(f"{role} ended with {seen['final']} members instead of 1")
    full = result.get("host_full_seconds", 0.0)
    if found and full > FULL_SECONDS_EXPECTED:
        found.append(
            f"over 90 % of this machine's CPU was in use for {full:g} s, far more than the demo "
            "takes: starved nodes answer late and seem idle; run it again on a quieter machine"
        )
    return found
