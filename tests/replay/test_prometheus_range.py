"""A range of a real Prometheus, read piece by piece."""

from __future__ import annotations

import itertools
import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from autoscaler.errors import AutoscalerError
from autoscaler.replay import from_prometheus
from autoscaler.replay.from_prometheus import prometheus_range, range_query
from autoscaler.replay.recorded import Round
from autoscaler.replay.source import Span
from autoscaler.settings import Settings, load
from tests.e2e.waiting import until
from tests.prometheus.server import Exporter, Prometheus

if TYPE_CHECKING:
    from pathlib import Path

CORES = 0.5


def settings(url: str = "", **more: str) -> Settings:
    """Return settings of a host that reads from that address, looking every second."""
    given = {
        "PROJECT": "shop",
        "NGINX__CONTAINER": "nginx",
        "INTERVAL": "1s",
        "AVERAGE_OVER": "2s",
        "PROMETHEUS__URL": url,
        **more,
    }
    return load(None, {f"AUTOSCALER_{name}": value for name, value in given.items()}).settings


def counters(began: float) -> str:
    """Return what cAdvisor would: v1 uses 80 % of its half core, v2 of another project all."""
    lines = []
    for name, project, share in (("v1", "shop", 0.8), ("v2", "other", 1.0)):
        labels = (
            f'name="{name}",container_label_autoscaler_role="validator",'
            f'container_label_com_docker_compose_project="{project}"'
        )
        used = (time.time() - began) * CORES * share
        lines.append(f'container_cpu_usage_seconds_total{{cpu="total",{labels}}} {used}')
        lines.append(f"container_spec_cpu_quota{{{labels}}} {CORES * 100_000}")
        lines.append(f"container_spec_cpu_period{{{labels}}} 100000")
    return "\n".join(lines) + "\n"


def test_a_range_of_a_real_prometheus_is_played_in_percent_of_what_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members are found by the labels that cAdvisor takes over; pieces join without a seam, and
    what is no number is no reading.
    """
    monkeypatch.setattr(from_prometheus, "STEPS_AT_ONCE", 3)
    began = time.time()
    with Prometheus(tmp_path, Exporter(lambda: counters(began)).port, scrape=0.25) as server:
        known = settings(server.url)

        def rounds() -> list[Round]:
            span = Span(("validator",), began, time.time())
            return list(prometheus_range(known, span, {}).rounds())

        until(lambda: len(rounds()) >= 4, "four seconds are on record", 30)
        found = rounds()
        walls = [one.wall for one in found]
        assert [b - a for a, b in itertools.pairwise(walls)] == [1.0] * (len(walls) - 1)
        assert all(one.desired == 1 and 'name="v1"' in one.loads[0].name for one in found)
        # Before a window is full there is none. A busy machine scrapes unevenly.
        percents = [one.loads[0].cpu_percent or 0.0 for one in found]
        assert percents[0] > 60.0
        assert statistics.median(percents) == pytest.approx(80.0, abs=8.0)
        span = Span(("validator",), began, began + 2)
        (odd, *_) = prometheus_range(known, span, {"validator": "vector(0) / 0"}).rounds()
        assert odd.loads[0].cpu_percent is None
        with pytest.raises(AutoscalerError, match="cannot use the query"):
            list(prometheus_range(known, span, {"validator": "sum("}).rounds())


def test_a_role_whose_members_have_names_is_asked_for_by_them() -> None:
    """Where labels cannot be changed there are none to ask for."""
    known = settings(ROLES__VALIDATOR__MEMBERS="a.1,b-2")
    assert 'name=~"a[.]1|b-2"' in range_query(known, "validator")


def test_what_only_the_moment_could_fill_in_needs_a_query_of_its_own() -> None:
    """Members of the past are not known."""
    known = settings(ROLES__VALIDATOR__PROMETHEUS_QUERY='cpu{name=~"{members}"}')
    with pytest.raises(AutoscalerError, match="needs --query validator=PROMQL"):
        range_query(known, "validator")
    other = known.model_copy(
        update={"prometheus": known.prometheus.model_copy(update={"dialect": "process"})}
    )
    with pytest.raises(AutoscalerError, match="the dialect process"):
        range_query(other, "business")


def test_a_prometheus_that_is_away_is_told() -> None:
    """With its own words, after a bounded time."""
    recording = prometheus_range(
        settings("http://127.0.0.1:9"), replace(Span(("validator",)), since=1.0, until=2.0), {}
    )
    with pytest.raises(AutoscalerError, match="cannot be reached"):
        list(recording.rounds())
