"""Reads rounds from a Prometheus range, a piece at a time, each of one query per role.

A query gives one series for each member, in percent of the CPU it may use. A series is a member
that ran; where it has no sample the member did not run, or was not scraped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from autoscaler.errors import AutoscalerError
from autoscaler.model import MemberLoad
from autoscaler.replay.recorded import Round
from autoscaler.replay.source import Recording, Span
from autoscaler.sampling.promanswer import show
from autoscaler.sampling.promclients import client_of
from autoscaler.sampling.prometheus import prometheus_setup
from autoscaler.sampling.promql import literal
from autoscaler.sampling.promsession import PrometheusSession
from autoscaler.settings import Settings

STEPS_AT_ONCE = 2000
"""Samples of a series in one answer; Prometheus refuses more than 11,000."""

LONGEST_WAIT = 60.0
"""Seconds for one answer: a range costs Prometheus more than a moment."""

LARGEST_PERCENT = 1e5

_COUNTER = 'container_cpu_usage_seconds_total{{cpu=~"|total",{0}}}'
_USED = f"sum by (name) (rate({_COUNTER}[{{1}}]) and {_COUNTER} offset {{1}})"
"""Until its window is full, `rate` shows a part of what is used; the daemon has no reading then."""

_QUOTA = (
    "sum by (name) (container_spec_cpu_quota{{{0}}}) / sum by (name) "
    "(container_spec_cpu_period{{{0}}})"
)
_WHOLE = "sum by (name) (container_spec_cpu_period{{{0}}}) * 0 + scalar(max(machine_cpu_cores))"


@dataclass(frozen=True, slots=True)
class Sample:
    """One member at one moment; `cpu` is None where the value is no number."""

    wall: float
    load: MemberLoad


def range_query(settings: Settings, role: str) -> str:
    """Return PromQL that gives percent of the allowed CPU of each member that ran.

    Containers are found by name, else by the labels that cAdvisor takes over from Docker. Raises
    AutoscalerError where only a query of one's own can work.
    """
    given = settings.roles[role]
    if given.prometheus_query or settings.prometheus.dialect != "cadvisor":
        raise AutoscalerError(
            f"role {role} needs --query {role}=PROMQL with one series for each member, in percent: "
            "members of the past are not known here, so PROMETHEUS_QUERY and the dialect "
            f"{settings.prometheus.dialect} cannot be filled in"
        )
    if given.members:
        chosen = f'name=~"{"|".join(map(literal, given.members))}"'
    else:
        project = literal(settings.project or "")
        chosen = (
            f'container_label_autoscaler_role=~"{literal(role)}",'
            f'container_label_com_docker_compose_project=~"{project}"'
        )
    window = f"{round(settings.average_over * 1000)}ms"
    used, quota, whole = _USED.format(chosen, window), _QUOTA.format(chosen), _WHOLE.format(chosen)
    return f"100 * {used} / on (name) ({quota} or {whole})"


def prometheus_range(settings: Settings, span: Span, queries: Mapping[str, str]) -> Recording:
    """Return the rounds of a range; `queries` are of one's own, by role.

    Raises AutoscalerError if there is no address; reading raises it with Prometheus' own words.
    """
    if not settings.prometheus.url:
        raise AutoscalerError("AUTOSCALER_PROMETHEUS__URL is not set: where is Prometheus?")
    if span.begin is None or span.until is None:
        raise AutoscalerError("a Prometheus range needs a beginning and an end")
    asked = {role: queries.get(role) or range_query(settings, role) for role in span.roles}
    step = max(1, round(settings.interval))
    ends = (math.floor(span.begin), math.ceil(span.until))
    name = f"Prometheus at {settings.prometheus.url}"
    return Recording(name, lambda: _rounds(settings, asked, ends, step), *map(float, ends))


def _rounds(
    settings: Settings, queries: Mapping[str, str], ends: tuple[int, int], step: int
) -> Iterator[Round]:
    """Yield the rounds in order of time; where a role has no sample there is none."""
    setup = prometheus_setup(settings)
    for begin in range(ends[0], ends[1] + 1, step * STEPS_AT_ONCE):
        end = min(begin + step * (STEPS_AT_ONCE - 1), ends[1])
        found: dict[tuple[float, str], list[MemberLoad]] = {}
        session = PrometheusSession(max(LONGEST_WAIT, setup.timeout), "matrix")
        with client_of(setup, session) as client:
            for role, query in queries.items():
                answer = client.custom_query_range(
                    query,
                    start_time=datetime.fromtimestamp(begin, UTC),
                    end_time=datetime.fromtimestamp(end, UTC),
                    step=str(step),
                )
                for one in _samples(answer):
                    found.setdefault((one.wall, role), []).append(one.load)
        for (wall, role), loads in sorted(found.items(), key=lambda item: item[0][0]):
            yield Round(role, wall, wall, tuple(loads), len(loads))


def _samples(answer: object) -> Iterator[Sample]:
    """Yield what an answer says. Raises AutoscalerError if it is none of Prometheus' own."""
    try:
        for series in answer:  # type: ignore[attr-defined]
            member = show(series["metric"])
            for wall, text in series["values"]:
                yield Sample(float(wall), MemberLoad(member, _percent(float(text))))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise AutoscalerError(f"Prometheus' answer cannot be used: {error}") from error


def _percent(value: float) -> float | None:
    """Return a value that can be CPU use, None for any other."""
    return value if 0.0 <= value <= LARGEST_PERCENT else None
