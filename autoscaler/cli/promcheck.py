"""Checks Prometheus: what each role's query returned, and why that cannot be used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from autoscaler.cli.findings import Finding, fail, ok, warn
from autoscaler.sampling.prometheus import PrometheusSetup, PrometheusSource
from autoscaler.settings.names import variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from autoscaler.model import Member


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
        why = "; ".join(f"no reading of {one.member}: {one.reason}: {one.detail}" for one in bad)
        text = f"{setup.url}: {why}" + (f"; it gives {shown}" if shown else "")
        own_query = variable(("roles", role, "prometheus_query"))
        remedy = (
            f"correct what it says, or set {own_query}; this was asked: {source.query(own).text}"
        )
        yield (
            warn(item, f"{text}; another source serves", remedy)
            if works
            else fail(item, text, remedy)
        )
