"""The daemon and the source fed by a real Prometheus that scrapes real containers' counters."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from autoscaler.clock import SystemClock
from autoscaler.demo.load import Mix
from autoscaler.engine.client import connect
from autoscaler.engine.inventory import Inventory
from autoscaler.model import NoReading, Reason
from autoscaler.sampling.cgroup import CgroupSource
from autoscaler.sampling.prometheus import PrometheusSetup, PrometheusSource
from autoscaler.scope import RoleScope, Scope
from tests.e2e.conftest import make_host  # noqa: F401 - a fixture
from tests.e2e.harness import path, role
from tests.e2e.waiting import until
from tests.engine.conftest import api, containers  # noqa: F401 - fixtures
from tests.prometheus.counters import container_text

if TYPE_CHECKING:
    from autoscaler.model import Member
    from tests.e2e.conftest import MakeHost
    from tests.e2e.daemon_process import Daemon
    from tests.e2e.harness import Host
    from tests.engine.conftest import Containers
    from tests.prometheus.conftest import Scraped

pytestmark = pytest.mark.engine

BUSY = ["sh", "-c", "while :; do :; done"]
AVERAGE_OVER = 2.0

TOLERANCE = 4.0
"""Percent points by which two windows of 2 s, a scrape apart, may differ at about 100 %."""

RATE, BURN_MS = 10.0, 10.0
"""Load of 20 % of half a CPU: far above the upper threshold also where the machine is busy."""

THRESHOLDS = {"cpu_high": "8", "cpu_low": "4"}


def _running(project: str) -> list[Member]:
    """Return the running members as the daemon sees them."""
    client = connect("unix:///var/run/docker.sock", 10, 4)
    scope = Scope(project, (RoleScope("validator", 9003),))
    found = Inventory(client, scope, 2.0, SystemClock()).members().members
    return [member for member in found if member.running]


def test_prometheus_and_the_kernel_say_the_same_of_a_busy_container(
    scraped: Scraped,
    containers: Containers,  # noqa: F811 - the fixture
) -> None:
    """It uses all of 0.15 CPUs: about 100 % by both, at the same moment."""
    container_id = containers.start("a", BUSY, host={"nano_cpus": 150_000_000})
    (member,) = _running(containers.project)
    scraped.exporters[0].text = lambda: container_text({"": container_id})
    setup = PrometheusSetup(scraped.prometheus.url, average_over=AVERAGE_OVER)
    prometheus, kernel = PrometheusSource(setup), CgroupSource(AVERAGE_OVER, 0.25)
    both: list[tuple[float | None, float | None]] = []

    def agree() -> bool:
        mine, theirs = (
            source.sample([member], time.monotonic)[member.name].cpu_percent
            for source in (prometheus, kernel)
        )
        both.append((mine, theirs))
        near = mine is not None and theirs is not None and abs(mine - theirs) < TOLERANCE
        return near and 85 < (mine or 0.0) < 115

    until(agree, f"both say about 100 % within {TOLERANCE} points: {both[-1:]}")
    print(f"prometheus and kernel: {both[-1]}")  # noqa: T201 - what was measured


class Outages:
    """A daemon that prefers Prometheus to the kernel, while that fails in one way after another."""

    def __init__(self, host: Host, daemon: Daemon) -> None:
        self._host = host
        self._daemon = daemon

    def fails(self, since: int, *reasons: NoReading) -> None:
        """Wait until the kernel serves for the last of the reasons, logged since that event.

        Before, the count was held for one of them.
        """
        log = self._daemon

        def told() -> list[int]:
            return [
                number
                for number, event in enumerate(list(log.events)[since:])
                if event.name == "source.failed" and f"{reasons[-1]}: " in str(event.fields)
            ]

        until(told, f"prometheus is replaced: {reasons[-1]}")
        between = log.events[since : since + told()[0]]
        held = [e for e in between if e.name == "scale.decided" and e.fields["reason"] == "no_data"]
        assert held, between
        assert set(held[-1].fields["missing"].values()) <= set(reasons)
        assert all(
            e.fields["desired"] == e.fields["desired_before"]
            for e in between
            if e.name == "scale.decided"
        )
        assert self._host.member("validator", 1)["source"] == "cgroup"

    def recovers(self) -> None:
        """Wait until Prometheus serves again."""
        until(self._serves, "Prometheus serves again")

    def _serves(self) -> bool:
        member = self._host.member("validator", 1)
        return member["source"] == "prometheus" and member["cpu_percent"] is not None

    def told_by_turns(self) -> None:
        """Assert that each failure is told once, and so is its end."""
        told = [e for e in self._daemon.events if e.name.startswith("source.")]
        assert {e.fields["source"] for e in told} == {"prometheus"}
        names = [e.name for e in told]
        assert names == ["source.failed", "source.recovered"] * (len(names) // 2)


class Blind:
    """A daemon that has no source but Prometheus, under load with both its members running."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._began = 0

    def recovers(self) -> None:
        """Wait until the rules decide by readings again; so far nobody was stopped."""

        def decides() -> bool:
            decision = self._host.role("validator").get("decision") or {}
            return decision.get("mean") is not None

        until(decides, "the mean is known again")
        self._host.wait_published("validator", 1, 2)
        assert self._host.daemon.of("member.stopped") == []
        self._began = len(self._host.daemon.events)

    def holds(self, *reasons: NoReading) -> None:
        """Wait until both members lack a reading for the last of the reasons, and until that it is
        so is told, which takes the time of an average; then the count has been held all the while.
        """

        def named() -> bool:
            members = self._host.role("validator")["members"]
            return [m["no_reading"] for m in members] == [reasons[-1]] * 2

        def told() -> bool:
            events = self._host.daemon.events[self._began :]
            return any(e.name == "source.failed" for e in events)

        until(lambda: named() and told(), f"no reading, and told: {reasons[-1]}")
        role = self._host.role("validator")
        decision = role["decision"]
        assert (decision["reason"], decision["desired"]) == (Reason.NO_DATA, 2)
        assert [m["state"] for m in role["members"]] == ["running", "running"]
        events = self._host.daemon.events[self._began :]
        decided = [e.fields for e in events if e.name == "scale.decided"]
        assert decided[-1]["reason"] == Reason.NO_DATA
        assert {e["desired"] for e in decided} == {2}
        assert set(decided[-1]["missing"].values()) <= set(reasons)


def _fed(make_host: MakeHost, scraped: Scraped, number: int, frozen_at: list[float]) -> Host:  # noqa: F811
    """Make a host whose containers' counters an exporter tells, as of `frozen_at` if that is set;
    return it once Prometheus has readings of it.
    """
    host = make_host(role("validator", 2, settings=THRESHOLDS))
    ids = {n: str(host.stack.container(n).id) for n in host.stack.members("validator")}
    scraped.exporters[number].text = lambda: container_text(ids, frozen_at[0])
    host.settings |= {
        "MAX_AGE": "2s",
        "PROMETHEUS__URL": scraped.prometheus.url,
        "PROMETHEUS__TIMEOUT": "1s",
    }
    scraped.read(_running(host.stack.project), scraped.setup())
    return host


def test_a_real_prometheus_feeds_the_rules_and_each_outage_ends_by_itself(
    make_host: MakeHost,  # noqa: F811 - the fixture
    scraped: Scraped,
) -> None:
    """By its readings a role grows. Paused, stopped, started again and fed with old samples, the
    count is held with the reason, the next source takes over (and the role shrinks by it), and
    Prometheus serves again without a hand; each is logged once. A daemon without another source
    holds its count all the while, also longer than it would take to stop a member, and goes on.
    """
    prometheus, frozen_at = scraped.prometheus, [0.0]
    host, other = (_fed(make_host, scraped, number, frozen_at) for number in (0, 1))
    host.settings["CPU_SOURCE"], other.settings["CPU_SOURCE"] = "prometheus,cgroup", "prometheus"
    daemon = host.start()
    other.start()
    outages, blind = Outages(host, daemon), Blind(other)
    load = host.load(RATE, mix=Mix({path("validator", BURN_MS): 1.0}))
    other.load(RATE, mix=Mix({path("validator", BURN_MS): 1.0}))
    host.wait_published("validator", 1, 2)
    outages.recovers()
    blind.recovers()

    begin = len(daemon.events)
    prometheus.signal(signal.SIGSTOP)
    load.rate = 0.0
    outages.fails(begin, NoReading.TIMED_OUT)
    shrunk = daemon.wait_for("scale.decided", desired=1, desired_before=2)
    assert shrunk.fields["reason"] == Reason.SCALE_DOWN
    blind.holds(NoReading.TIMED_OUT)
    prometheus.signal(signal.SIGCONT)
    outages.recovers()
    blind.recovers()

    begin = len(daemon.events)
    prometheus.stop()
    outages.fails(begin, NoReading.SOURCE_FAILED)
    blind.holds(NoReading.SOURCE_FAILED)
    prometheus.start()
    outages.recovers()
    blind.recovers()

    begin = len(daemon.events)
    frozen_at[0] = time.time()
    outages.fails(begin, NoReading.TOO_FEW_SAMPLES, NoReading.STALE)
    blind.holds(NoReading.TOO_FEW_SAMPLES, NoReading.STALE)
    frozen_at[0] = 0.0
    outages.recovers()
    blind.recovers()
    outages.told_by_turns()
