"""Checks Prometheus: what each role's query returned, and why that cannot be used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from autoscaler.cli.findings import Finding, fail, ok, warn
from autoscaler.model import NoReading
from autoscaler.sampling.cpu import Missing
from autoscaler.sampling.promanswer import show
from autoscaler.sampling.prometheus import PrometheusSetup, PrometheusSource
from autoscaler.sampling.promql import NUMBER, PART, Query, counters_query
from autoscaler.sampling.promtrouble import blames_query
from autoscaler.sampling.promvalue import brief
from autoscaler.settings.names import variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from autoscaler.model import Member, Reading

_NO_ANSWER = frozenset({NoReading.SOURCE_FAILED, NoReading.TIMED_OUT})
"""Reasons that are not the query's fault, unless Prometheus says so."""


def prometheus_findings(
    setup: PrometheusSetup, running: Sequence[Member], *, works: bool
) -> Iterator[Finding]:
    """Yield one finding for each role with running members.

    Without a reading of all of them it is a warning if another source `works`, else a failure.
    """
    source = PrometheusSource(setup)
    readings = source.sample(running, time.monotonic)
    for role in dict.fromkeys(member.role for member in running):
        own = [member for member in running if member.role == role]
        item = f"prometheus {role}"
        bad = [readings[m.name] for m in own if readings[m.name].cpu_percent is None]
        shown = ", ".join(
            f"{m.name} {readings[m.name].cpu_percent:.0f} %"
            for m in own
            if readings[m.name].cpu_percent is not None
        )
        if not bad:
            yield ok(item, f"{setup.url} gives {shown}")
            continue
        query = source.query(own)
        text = f"{setup.url}: {_reasons(bad)}{_counters(source, query, bad)}"
        text += f"; it gives {shown}" if shown else ""
        remedy = _remedy(variable(("roles", role, "prometheus_query")), query, bad)
        yield (
            warn(item, f"{text}; another source serves", remedy)
            if works
            else fail(item, text, remedy)
        )


def _reasons(bad: Sequence[Reading]) -> str:
    """Say each reason once, with the members it concerns."""
    members: dict[str, list[str]] = {}
    for one in bad:
        members.setdefault(f"{one.reason}: {one.detail}", []).append(one.member)
    return "; ".join(
        f"no reading of {', '.join(names)}: {reason}" for reason, names in members.items()
    )


def _counters(source: PrometheusSource, query: Query, bad: Sequence[Reading]) -> str:
    """Say which counters Prometheus has where it has none of these members."""
    if not query.counters or all(one.reason is not NoReading.EMPTY for one in bad):
        return ""
    found = source.ask(counters_query(query))
    if isinstance(found, Missing):
        return ""
    number = sum(one.value for one in found if one.labels.get(PART) == NUMBER)
    if not number:
        return f" There is no series of {query.counters} at all"
    seen = "; ".join(show(one.labels) for one in found if one.labels.get(PART) != NUMBER)
    return f" There are {number:.0f} series of {query.counters}, such as {brief(seen)}"


def _remedy(setting: str, query: Query, bad: Sequence[Reading]) -> str:
    """Say what to correct; a query only where it can be the cause."""
    if all(one.reason in _NO_ANSWER and not blames_query(one.detail) for one in bad):
        return "correct what it says, and check again"
    asked = f"this was asked: {query.short}"
    if query.custom:
        return f"correct what it says, or the query in {setting}; {asked}"
    return f"correct what it says, or set {setting}; {asked}"
