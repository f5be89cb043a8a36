"""Load rises and falls on a whole host: both roles grow to their maximum and come back to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from autoscaler.demo.load import Mix
from autoscaler.model import Reason
from tests.e2e.harness import path, role

if TYPE_CHECKING:
    from autoscaler.demo.daemon import LogEvent
    from autoscaler.demo.tally import Report
    from tests.e2e.conftest import MakeHost

pytestmark = pytest.mark.engine

RATE = 80.0
CPUS = 0.3
UPS = {Reason.SCALE_UP.value, Reason.SCALE_UP_LIMITED.value}
DOWNS = {Reason.SCALE_DOWN.value, Reason.SCALE_DOWN_LIMITED.value}
LIFE = ["started", "healthy", "published", "unpublished", "drained", "stopped"]


@dataclass(frozen=True)
class Run:
    """What the load saw and the daemon said."""

    report: Report
    events: list[LogEvent]
    names: dict[str, tuple[str, ...]]

    def decided(self, role_name: str) -> list[LogEvent]:
        """Return the decisions that changed the count."""
        return [
            e
            for e in self.events
            if e.name == "scale.decided"
            and e.role == role_name
            and e.fields["desired"] != e.fields["desired_before"]
        ]


def burn_for(nodes: float) -> float:
    """Return the CPU milliseconds per request that fill so many nodes with half of the rate."""
    return nodes * CPUS * 1000 / (RATE / 2) - 0.3


@pytest.fixture(scope="module")
def run(make_shared_host: MakeHost) -> Run:
    """Load for one node, for most of two, for most of three, and for one again."""
    host = make_shared_host(
        role("validator", 3, cpus=CPUS, settings={"cpu_high": "70", "cpu_low": "40"}),
        role("business", 2, cpus=CPUS, settings={"cpu_high": "65", "cpu_low": "35"}),
    )
    daemon = host.start()
    load = host.load(RATE, "validator", "business")
    load.mix = Mix({path("validator", burn_for(0.85)): 1, path("business", burn_for(0.85)): 1})
    host.wait_published("validator", 1, 2, seconds=60)
    host.wait_published("business", 1, 2, seconds=60)
    load.mix = Mix({path("validator", burn_for(1.7)): 1, path("business", burn_for(0.85)): 1})
    host.wait_published("validator", 1, 2, 3, seconds=60)
    load.mix = Mix({path("validator"): 1, path("business"): 1})
    host.wait_published("validator", 1, seconds=60)
    host.wait_published("business", 1, seconds=60)
    report = load.stop()
    assert daemon.stop() == 0
    names = {name: host.stack.members(name) for name in ("validator", "business")}
    return Run(report, list(daemon.events), names)


def test_a_role_of_three_grows_to_three_and_comes_back_to_one(run: Run) -> None:
    """The validators go 1, 2, 3, 2, 1."""
    counts = [e.fields["desired"] for e in run.decided("validator")]
    assert (counts[0], max(counts), counts[-1]) == (2, 3, 1)


def test_a_role_of_two_grows_to_two_and_comes_back_to_one(run: Run) -> None:
    """The business nodes go 1, 2, 1."""
    counts = [e.fields["desired"] for e in run.decided("business")]
    assert (counts[0], max(counts), counts[-1]) == (2, 2, 1)


def test_no_request_fails_while_a_host_grows_and_shrinks(run: Run) -> None:
    """Every request is answered with 2xx."""
    assert run.report.failed == 0, run.report.examples
    assert run.report.requests > 500


@pytest.mark.parametrize("name", ["validator", "business"])
def test_every_change_is_logged_with_its_reason_and_numbers(run: Run, name: str) -> None:
    """A rise names a mean above the upper threshold, a fall one that a smaller count can carry."""
    for event in run.decided(name):
        fields = event.fields
        if fields["desired"] > fields["desired_before"]:
            assert fields["reason"] in UPS
            assert fields["mean"] > fields["cpu_high"]
        else:
            assert fields["reason"] in DOWNS
            assert fields["mean"] < fields["cpu_high"]


@pytest.mark.parametrize("name", ["validator", "business"])
def test_a_spare_goes_through_its_life_in_order(run: Run, name: str) -> None:
    """The last spare is started, healthy, published, unpublished, drained and stopped."""
    spare = run.names[name][-1]
    life = [e.name for e in run.events if e.fields.get("member") == spare]
    assert life == [f"member.{step}" for step in LIFE] * (len(life) // len(LIFE))
    assert life


def test_the_primary_is_never_stopped(run: Run) -> None:
    """The first member of each role has no life but being found healthy and published."""
    primaries = {names[0] for names in run.names.values()}
    told = {e.name for e in run.events if e.fields.get("member") in primaries}
    assert told == {"member.healthy", "member.published"}
