"""Readings from Prometheus: one query for each role and look, however many members it has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autoscaler.model import NoReading, Reading
from autoscaler.sampling.cpu import Missing
from autoscaler.sampling.fanout import Fanout
from autoscaler.sampling.promanswer import judge, parse_vector
from autoscaler.sampling.promclients import Clients
from autoscaler.sampling.promql import Query, query_for
from autoscaler.sampling.promsession import UnusableAnswerError
from autoscaler.sampling.promtrouble import late
from autoscaler.sampling.promvalue import Limits, Series
from autoscaler.sampling.source import no_reading, not_running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from autoscaler.model import Member
    from autoscaler.settings import Settings

_MAX_WORKERS = 32
_SLACK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class PrometheusSetup:
    """How Prometheus is asked. `queries` are the roles' own; times are seconds."""

    url: str = ""
    timeout: float = 4.0
    dialect: str = "cadvisor"
    queries: Mapping[str, str] = field(default_factory=dict)
    average_over: float = 15.0
    max_age: float = 30.0
    username: str = ""
    password_file: Path | None = None
    token_file: Path | None = None
    ca_file: Path | None = None


def prometheus_setup(settings: Settings) -> PrometheusSetup:
    """Return what the settings say of Prometheus."""
    given = settings.prometheus
    return PrometheusSetup(
        url=given.url,
        timeout=given.timeout,
        dialect=given.dialect,
        queries={name: role.prometheus_query for name, role in settings.roles.items()},
        average_over=settings.average_over,
        max_age=settings.max_age,
        username=given.username,
        password_file=given.password_file,
        token_file=given.token_file,
        ca_file=given.ca_file,
    )


class PrometheusSource:
    """Asks Prometheus; a failure is the reading of every member of the role, never a number."""

    name = "prometheus"

    def __init__(self, setup: PrometheusSetup) -> None:
        self._setup = setup
        self._clients = Clients(setup)
        self._limits = Limits(setup.average_over, setup.max_age)
        self._evaluated: dict[str, float] = {}
        self._fanout: Fanout[str, list[Series] | Missing] = Fanout("prometheus", _MAX_WORKERS)

    def sample(self, members: Sequence[Member], now: Callable[[], float]) -> dict[str, Reading]:  # noqa: ARG002 - the age of a sample is told by Prometheus' clock
        """Return one reading for each member, by name, within the timeout."""
        readings = {m.name: not_running(m, self.name) for m in members if not m.running}
        roles: dict[str, list[Member]] = {}
        for member in members:
            if member.running:
                roles.setdefault(member.role, []).append(member)
        queries = {role: self.query(running) for role, running in roles.items()}
        calls = {role: self._call(query) for role, query in queries.items()}
        answers = self._fanout.run(calls, self._setup.timeout + _SLACK_SECONDS)
        unanswered = late(self._setup.timeout)
        for role, running in roles.items():
            answer = self._fresh(role, answers.get(role, unanswered))
            if isinstance(answer, Missing):
                readings |= {m.name: no_reading(m, self.name, answer) for m in running}
                continue
            judged = judge(running, answer, self._limits, queries[role])
            for member in running:
                found = judged[member.name]
                readings[member.name] = (
                    no_reading(member, self.name, found)
                    if isinstance(found, Missing)
                    else Reading(member.name, found, source=self.name)
                )
        return readings

    def query(self, running: Sequence[Member]) -> Query:
        """Return what is asked for the running members of one role."""
        template = self._setup.queries.get(running[0].role, "")
        return query_for(running, self._setup.dialect, template, self._setup.average_over)

    def _call(self, query: Query) -> Callable[[], list[Series] | Missing]:
        """Return the call that asks a query."""
        return lambda: self.ask(query)

    def ask(self, query: Query) -> list[Series] | Missing:
        """Return what Prometheus answers to a query, or why that cannot be used."""
        # The engine of Prometheus ends the query too, rather than go on for nobody.
        params = {"timeout": f"{round(self._setup.timeout * 1000)}ms"}
        if query.custom:
            # What a query of one's own selects may not be older either.
            params["lookback_delta"] = f"{round(self._setup.max_age * 1000)}ms"
        try:
            return parse_vector(self._clients.ask(query.text, params))
        except UnusableAnswerError as error:
            return error.missing

    def _fresh(self, role: str, answer: list[Series] | Missing) -> list[Series] | Missing:
        """Refuse an answer that was evaluated at the very time of the one before: a cache's."""
        if isinstance(answer, Missing) or not answer:
            return answer
        evaluated = answer[0].evaluated
        before, self._evaluated[role] = self._evaluated.get(role), evaluated
        if evaluated == before:
            return Missing(
                NoReading.STALE, "Prometheus' answer is that of the look before: a cache?"
            )
        return answer
