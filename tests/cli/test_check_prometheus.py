"""`check` tells what each role's query to Prometheus returned, and why it cannot be used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from autoscaler.cli.findings import Level
from autoscaler.cli.promcheck import prometheus_findings
from autoscaler.sampling.prometheus import PrometheusSetup
from autoscaler.sampling.promql import PART
from tests.sampling.test_prometheus_answers import body, member
from tests.sampling.test_prometheus_hostile import head, server

if TYPE_CHECKING:
    from autoscaler.cli.findings import Finding


def checked(*labels: dict[str, str], works: bool = False) -> Finding:
    """Check against a Prometheus whose answer has series of these containers, half a core each."""
    now = time.time()
    values = {"used": 7.5, "at": now, "since": now - 15}
    series: list[object] = [
        {"metric": one | {PART: part}, "value": [now, str(value)]}
        for one in labels
        for part, value in values.items()
    ]
    answer = body(data={"resultType": "vector", "result": series})

    def serve(handler: object) -> None:
        head(handler, Content_Length=str(len(answer)))  # type: ignore[arg-type]
        handler.wfile.write(answer)  # type: ignore[attr-defined]

    with server(serve) as url:
        (finding,) = prometheus_findings(PrometheusSetup(url=url), [member("v1")], works=works)
    return finding


def test_what_a_query_gives_is_shown() -> None:
    """With the percentage of each member."""
    finding = checked({"name": "v1"})
    assert (finding.level, "v1 25 %" in finding.text) == (Level.OK, True)


@pytest.mark.parametrize(("works", "level"), [(False, Level.FAIL), (True, Level.WARN)])
def test_series_without_names_are_told_with_the_query_that_was_asked(
    works: bool, level: Level
) -> None:
    """As of cAdvisor on Docker 29, where no label tells the container; a failure unless another
    source serves.
    """
    finding = checked({"name": "", "instance": "cadvisor:8080"}, works=works)
    assert finding.level is level
    assert "no reading of v1: empty" in finding.text
    assert "container_cpu_usage_seconds_total" in finding.remedy
    assert "AUTOSCALER_ROLES__VALIDATOR__PROMETHEUS_QUERY" in finding.remedy
