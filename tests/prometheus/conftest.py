"""One Prometheus for all tests that only ask it, and what it scrapes."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from autoscaler.sampling.prometheus import PrometheusSetup, PrometheusSource
from tests.e2e.waiting import until
from tests.prometheus.counters import steady
from tests.prometheus.server import Exporter, Prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from autoscaler.model import Member, Reading

AVERAGE_OVER = 1.5
SCRAPE = 0.25


class Scraped:
    """A Prometheus that has scraped two exporters, and itself, for a while."""

    def __init__(self, prometheus: Prometheus, exporters: Sequence[Exporter]) -> None:
        self.prometheus = prometheus
        self.exporters = exporters
        self._since = time.time()

    def export(
        self, number: int, cores: dict[str, float], facts: dict[str, float] | None = None
    ) -> None:
        """Let an exporter have counters of so many CPUs in use, and facts that do not change."""
        fixed = "".join(f"{series} {value}\n" for series, value in (facts or {}).items())
        self.exporters[number].text = lambda: steady(cores, self._since) + fixed

    def setup(self, query: str = "", dialect: str = "cadvisor") -> PrometheusSetup:
        """Return how it is asked for validators."""
        return PrometheusSetup(
            self.prometheus.url,
            dialect=dialect,
            queries={"validator": query},
            average_over=AVERAGE_OVER,
        )

    def ask(self, members: Sequence[Member], setup: PrometheusSetup) -> dict[str, Reading]:
        """Ask once."""
        return PrometheusSource(setup).sample(members, time.monotonic)

    def read(self, members: Sequence[Member], setup: PrometheusSetup) -> dict[str, float]:
        """Return percent by name as soon as all have a reading."""
        found: dict[str, Reading] = {}

        def whole() -> bool:
            found.update(self.ask(members, setup))
            return all(one.cpu_percent is not None for one in found.values())

        until(whole, f"Prometheus has readings of {[one.name for one in members]}: {found}", 20)
        return {name: one.cpu_percent or 0.0 for name, one in found.items()}

    def await_values(
        self, members: Sequence[Member], setup: PrometheusSetup, expected: dict[str, object]
    ) -> None:
        """Wait until the percentages by name are as expected.

        `rate` is too low for a whole window after a scrape that was late.
        """
        found: dict[str, float] = {}

        def right() -> bool:
            found.update(self.read(members, setup))
            return found == expected

        with contextlib.suppress(AssertionError):
            until(right, "Prometheus says what is expected", 20)
        assert found == expected


@pytest.fixture(scope="session", autouse=True)
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """Start it before the first test of the folder: it scrapes nothing for its first 5 s."""
    exporters = [Exporter(str), Exporter(str)]
    ports = [one.port for one in exporters]
    directory = tmp_path_factory.mktemp("prometheus")
    with Prometheus(directory, *ports, scrape=SCRAPE, own=True) as prometheus:
        yield Scraped(prometheus, exporters)
