"""What a real Prometheus answers to each way of asking for CPU, and to each query gone wrong."""

from __future__ import annotations

import urllib.request
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from autoscaler.cli.promcheck import prometheus_findings
from autoscaler.model import NoReading
from tests.sampling.test_prometheus_answers import member

if TYPE_CHECKING:
    from tests.prometheus.conftest import Scraped

PROJECT = "shop.1"
V1 = replace(member("v.1", "a", "10.0.0.2"), project=PROJECT)
V2 = replace(member("v.2", "b", "10.0.0.3"), project=PROJECT)
BOTH = [V1, V2]
CLOSE = 12.0
"""Percent of a value that `rate` may miss: scrapes are not evenly spaced."""

MINE = f'project="{PROJECT}",role="validator"'


@pytest.fixture(autouse=True, scope="module")
def exported(scraped: Scraped) -> None:
    """Two containers with half and 0.8 CPUs in use, the second without a name; two programs of
    another name use 0.6 and 0.2.
    """
    scraped.export(
        0,
        {
            f'container_cpu_usage_seconds_total{{name="v.1",id="/docker/{"a" * 64}"}}': 0.5,
            f'container_cpu_usage_seconds_total{{name="",id="/docker/{"b" * 64}"}}': 0.8,
            'container_cpu_usage_seconds_total{name="vx1"}': 1.9,
            "process_cpu_seconds_total": 0.6,
            f'my_cpu_seconds_total{{name="v.1",container_id="{"a" * 64}",{MINE}}}': 0.5,
            f'my_cpu_seconds_total{{name="v.2",container_id="{"b" * 64}",{MINE}}}': 0.8,
            'my_cpu_seconds_total{name="vx1",role="other"}': 1.9,
        },
        {
            'container_spec_cpu_quota{name="v.1"}': 100_000,
            'container_spec_cpu_period{name="v.1"}': 100_000,
        },
    )
    scraped.export(1, {"process_cpu_seconds_total": 0.2})


def exactly(percent: float) -> object:
    """Return what a percentage of a dialect is compared with: counters carry their times."""
    return pytest.approx(percent, abs=0.2)


def near(percent: float) -> object:
    """Return what a percentage of a query with `rate` is compared with."""
    return pytest.approx(percent, rel=CLOSE / 100)


def test_containers_of_cadvisor_are_read_by_name_and_by_id_against_their_limit(
    scraped: Scraped,
) -> None:
    """Half a CPU of the limit of one that cAdvisor tells; 0.8 of the two that the engine tells of a
    container whose name cAdvisor does not know.
    """
    assert scraped.read(BOTH, scraped.setup()) == {"v.1": exactly(50.0), "v.2": exactly(40.0)}


def test_programs_that_export_their_own_cpu_are_read_by_the_port_they_publish(
    scraped: Scraped,
) -> None:
    """By the dialect `process`; Prometheus itself is such a program, too."""
    ports = [one.port for one in scraped.exporters]
    members = [
        member(f"v{port}", digit, host_port=port)
        for digit, port in zip("abc", [*ports, scraped.prometheus.port], strict=True)
    ]
    found = scraped.read(members, scraped.setup(dialect="process"))
    assert [found[f"v{port}"] for port in ports] == [exactly(30.0), exactly(10.0)]
    assert 0.0 <= found[f"v{scraped.prometheus.port}"] < 110.0


@pytest.mark.parametrize(
    "query",
    [
        f"100 * rate({MY}[{{window}}]) and {MY} offset {{window}}"
        f' or label_replace(timestamp({MY}), "autoscaler_part", "at", "", "")'
        for MY in (
            'my_cpu_seconds_total{name=~"{members}"}',
            'my_cpu_seconds_total{container_id=~"{ids}"}',
            'my_cpu_seconds_total{project=~"{project}",role=~"{role}"}',
        )
    ],
)
def test_a_query_of_one_s_own_is_asked_with_its_placeholders_filled(
    scraped: Scraped, query: str
) -> None:
    """Each of those that stand for names, ids, project, role and window; a dot is a dot."""
    scraped.await_values(BOTH, scraped.setup(query), {"v.1": near(50.0), "v.2": near(80.0)})


def test_instances_stand_for_addresses_and_published_ports(scraped: Scraped) -> None:
    """In a query of one's own as in the dialect `process`."""
    members = [
        member(f"v{number}", "ab"[number], host_port=exporter.port)
        for number, exporter in enumerate(scraped.exporters)
    ]
    query = (
        '100 * rate(process_cpu_seconds_total{instance=~"{instances}"}[{window}]) '
        "and process_cpu_seconds_total offset {window}"
    )
    scraped.await_values(members, scraped.setup(query), {"v0": near(60.0), "v1": near(20.0)})


NAMED = 'label_replace({}, "name", "v.1", "", "")'
OLD = (
    f"{NAMED.format('vector(1)')} or "
    f"""label_replace({NAMED.format("vector(time() - 31)")}, "autoscaler_part", "at", "", "")"""
)


@pytest.mark.parametrize(
    ("query", "reason", "says"),
    [
        (NAMED.format("vector(0) / 0"), NoReading.NOT_A_NUMBER, "NaN"),
        (NAMED.format("vector(1) / 0"), NoReading.NOT_A_NUMBER, "Inf"),
        (NAMED.format("vector(-1)"), NoReading.NOT_A_NUMBER, "-1"),
        ("no_such_series", NoReading.EMPTY, "nothing"),
        ("vector(1)", NoReading.EMPTY, "none with a label"),
        (NAMED.format("up"), NoReading.AMBIGUOUS, "3 series"),
        ("sum(", NoReading.SOURCE_FAILED, "unclosed left parenthesis"),
        ("1", NoReading.SOURCE_FAILED, "vector"),
        ("up[1m]", NoReading.SOURCE_FAILED, "vector"),
        (
            OLD,
            NoReading.STALE,
            "31 s old",
        ),
    ],
)
def test_what_a_real_prometheus_answers_to_a_query_gone_wrong_is_a_named_reason(
    scraped: Scraped, query: str, reason: NoReading, says: str
) -> None:
    """Never the number 0."""
    found = scraped.ask([V1], scraped.setup(query))["v.1"]
    assert (found.cpu_percent, found.reason) == (None, reason), found
    assert says in found.detail


def test_check_shows_what_counters_there_are_where_none_is_of_the_members(
    scraped: Scraped,
) -> None:
    """As of cAdvisor on Docker 29 with neither names nor ids that Docker knows; ids are short, and
    members with the same reason are named together.
    """
    strangers = [member("s1", "c"), member("s2", "d", "10.0.0.9")]
    (finding,) = prometheus_findings(scraped.setup(), strangers, works=False)
    assert "no reading of s1, s2: empty: the query returned nothing" in finding.text
    assert "There are 3 series of container_cpu_usage_seconds_total" in finding.text
    assert 'id="/docker/bbbbbbbbbbbb..."' in finding.text
    assert 'name=~"s1|s2"' in finding.remedy


def test_a_role_costs_one_query_however_many_members_it_has(scraped: Scraped) -> None:
    """Two roles of 16 members each: Prometheus itself counts two more queries than before."""
    many = [member(f"m{number}", f"{number:x}") for number in range(16)]
    mixed = [*many, *(replace(one, name=f"b{one.name}", role="business") for one in many)]
    before = queries_answered(scraped)
    scraped.ask(mixed, scraped.setup())
    assert queries_answered(scraped) - before == 2


def queries_answered(scraped: Scraped) -> float:
    """Return how many queries Prometheus has answered."""
    with urllib.request.urlopen(f"{scraped.prometheus.url}/metrics") as answer:  # noqa: S310 - our own loopback address
        return sum(
            float(line.split()[-1])
            for line in answer.read().decode().splitlines()
            if line.startswith('prometheus_http_requests_total{code="200",handler="/api/v1/query"}')
        )
