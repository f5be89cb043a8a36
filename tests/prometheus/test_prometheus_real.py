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
from autoscaler.model import NoReading, Reading
from autoscaler.sampling.cgroup import CgroupSource
from autoscaler.sampling.prometheus import PrometheusSetup, PrometheusSource
from autoscaler.scope import RoleScope, Scope
from tests.e2e.conftest import make_host  # noqa: F401 - a fixture
from tests.e2e.daemon_process import autoscaler
from tests.e2e.harness import BY_HAND, path, role
from tests.e2e.waiting import until
from tests.prometheus.server import Exporter, Prometheus, container_text

if TYPE_CHECKING:
    from pathlib import Path

    from autoscaler.model import Member
    from tests.e2e.conftest import MakeHost

pytestmark = pytest.mark.engine

WORKING = 20.0
"""Percent at which agreement proves something: 20 requests of 8 ms on half a core are 32 %."""

TOLERANCE = 8.0
"""Percent points by which two windows of 4 s, a scrape apart, may differ at a steady load."""


def _ids(host: object) -> dict[str, str]:
    """Return the ids of the validators of a host, by name."""
    stack = host.stack  # type: ignore[attr-defined]
    return {name: str(stack.container(name).id) for name in stack.members("validator")}


def _members(project: str) -> list[Member]:
    """Return the running members as the daemon sees them."""
    api = connect("unix:///var/run/docker.sock", 10, 4)
    scope = Scope(project, (RoleScope("validator", 9003),))
    found = Inventory(api, scope, 2.0, SystemClock()).members().members
    return [member for member in found if member.running]


def test_a_real_prometheus_feeds_the_rules_and_each_outage_ends_by_itself(
    make_host: MakeHost,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    """Its readings agree with the kernel's; stopped, paused and fed with old samples it is replaced
    by the next source with its reason, logged once, and it serves again without a hand.
    """
    host = make_host(role("validator", 1, settings={**BY_HAND, "min": "1", "max": "1"}))
    frozen_at = [0.0]
    exporter = Exporter(lambda: container_text(_ids(host), frozen_at[0]))
    with Prometheus(tmp_path, exporter.port) as prometheus:
        host.settings |= {
            "CPU_SOURCE": "prometheus,cgroup",
            "AVERAGE_OVER": "4s",
            "MAX_AGE": "5s",
            "PROMETHEUS__URL": prometheus.url,
            "PROMETHEUS__TIMEOUT": "1s",
        }
        daemon = host.start()
        load = host.load(20.0, mix=Mix({path("validator", 8): 1.0}))
        until(lambda: load.report().requests > 20, "the member is at work")

        members = _members(host.stack.project)
        ours = PrometheusSource(PrometheusSetup(prometheus.url, average_over=4.0))
        kernel = CgroupSource(4.0, 0.5)
        clock = SystemClock()
        pairs: list[tuple[Reading, Reading]] = []

        def agree() -> bool:
            theirs = kernel.sample(members, clock.monotonic)[members[0].name]
            mine = ours.sample(members, clock.monotonic)[members[0].name]
            pairs.append((mine, theirs))
            return (
                mine.cpu_percent is not None
                and theirs.cpu_percent is not None
                and theirs.cpu_percent > WORKING
                and abs(mine.cpu_percent - theirs.cpu_percent) < TOLERANCE
            )

        until(agree, f"both sources agree within {TOLERANCE} points: {pairs[-1:]}", 20)
        assert all(mine.cpu_percent != 0.0 for mine, _ in pairs)
        print(f"prometheus and kernel: {pairs[-1]}")  # noqa: T201 - what was measured

        checked = autoscaler("check", "--env-file", str(host.stack.write_env(host.settings)))
        assert "prometheus validator: " in checked.stdout, checked.stdout

        def outage(count: int, words: str) -> None:
            failed = daemon.wait_for("source.failed", 30, count=count, source="prometheus")
            assert words in str(failed.fields), failed.fields

        def recovered(count: int) -> None:
            daemon.wait_for("source.recovered", 30, count=count, source="prometheus")

        prometheus.signal(signal.SIGSTOP)
        outage(1, NoReading.TIMED_OUT)
        prometheus.signal(signal.SIGCONT)
        recovered(1)

        prometheus.stop()
        outage(2, NoReading.SOURCE_FAILED)
        prometheus.start()
        recovered(2)

        frozen_at[0] = time.time()
        outage(3, NoReading.STALE)
        frozen_at[0] = 0.0
        recovered(3)
        assert len(daemon.of("source.failed", source="prometheus")) == 3
        assert not daemon.of("source.failed", source="cgroup")
