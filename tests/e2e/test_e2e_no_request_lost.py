"""No request fails while members come and go under load; and a daemon that did it wrong shows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e import storm

if TYPE_CHECKING:
    from autoscaler.demo.daemon import LogEvent
    from autoscaler.demo.tally import Report
    from tests.e2e.conftest import MakeHost
    from tests.e2e.daemon_process import Daemon

pytestmark = pytest.mark.engine

CHANGES_WANTED = 20
LONGEST_SECONDS = 150.0
MUTANT_SECONDS = 60.0


@dataclass(frozen=True)
class Run:
    """What is left of a storm."""

    report: Report
    seconds: float
    daemon: Daemon
    flights: list[storm.Flight]

    @property
    def stops(self) -> list[tuple[LogEvent, LogEvent]]:
        """Each stop with the moment at which the member had left NGINX."""
        left: dict[str, LogEvent] = {}
        found = []
        for event in self.daemon.events:
            name = str(event.fields.get("member"))
            if event.name == "member.unpublished":
                left[name] = event
            elif event.name == "member.stopped":
                found.append((left.pop(name), event))
        return found


@pytest.fixture(scope="module")
def run(make_shared_host: MakeHost) -> Run:
    """A storm of at least 20 starts and stops."""
    host = storm.storm_host(make_shared_host)
    daemon = host.start()
    load = host.load(0)
    load.mix = storm.mix(storm.LOW_MS)
    begun = time.monotonic()
    load.rate = storm.RATE
    end = begun + LONGEST_SECONDS
    with storm.Flights(load) as flights:
        storm.blow(
            host, load, lambda: storm.changes(host) >= CHANGES_WANTED or time.monotonic() > end
        )
    report = load.stop()
    seconds = time.monotonic() - begun
    print(f"{storm.changes(host)} changes in {seconds:.0f} s: {report}")  # noqa: T201 for pytest -s
    return Run(report, seconds, daemon, flights.ended)


def test_no_request_fails_while_members_come_and_go(run: Run) -> None:
    """Every request is answered with 2xx, whatever connection it uses and however long it takes."""
    assert run.report.failed == 0, run.report.examples


def test_there_were_twenty_starts_and_stops(run: Run) -> None:
    """The daemon did at least 20 starts and stops meanwhile, of both roles."""
    done = [e for name in ("member.started", "member.stopped") for e in run.daemon.of(name)]
    assert len(done) >= CHANGES_WANTED
    assert {e.role for e in done} == set(storm.COUNTS)
    assert len(run.stops) > CHANGES_WANTED // 3


def test_the_load_was_several_hundred_requests_a_second(run: Run) -> None:
    """The generator kept its rate over the whole run."""
    assert run.report.requests / run.seconds > 0.8 * storm.RATE


def test_a_five_second_request_was_under_way_in_the_member_at_every_stop(run: Run) -> None:
    """Each stopped member was still answering a long request when it had left NGINX."""
    for unpublished, stopped in run.stops:
        name = stopped.fields["member"]
        under_way = [f for f in run.flights if f.node == name and f.spans(unpublished.time)]
        assert [f for f in under_way if not f.upload], f"nothing long was in {name}"


def test_a_slow_upload_was_under_way_at_every_stop(run: Run) -> None:
    """An upload that NGINX had begun to read before the reload ended after it."""
    for unpublished, _ in run.stops:
        assert [f for f in run.flights if f.upload and f.spans(unpublished.time)]


def test_no_member_is_stopped_before_its_last_answer(run: Run) -> None:
    """A long request that was in a member when it left NGINX was answered before the stop."""
    for unpublished, stopped in run.stops:
        for flight in run.flights:
            if flight.node == stopped.fields["member"] and flight.spans(unpublished.time):
                assert flight.ended < stopped.time


@pytest.mark.parametrize(
    ("rule", "ready_after"),
    [
        pytest.param("stop-first", 0.3, id="that stops before it unpublishes"),
        pytest.param("publish-first", 2.5, id="that publishes before it is healthy"),
        pytest.param("no-drain", 0.3, id="that stops without a drain"),
    ],
)
def test_a_daemon_loses_requests(make_host: MakeHost, rule: str, ready_after: float) -> None:
    """The same storm finds a daemon whose order of steps is wrong."""
    host = storm.storm_host(make_host, ready_after)
    host.start(program=(str(Path(storm.__file__).with_name("mutant.py")), rule))
    load = host.load(0)
    load.mix = storm.mix(storm.LOW_MS)
    load.rate = storm.RATE
    end = time.monotonic() + MUTANT_SECONDS
    with storm.Flights(load):
        storm.blow(host, load, lambda: load.report().failed > 0 or time.monotonic() > end)
    assert load.stop().failed > 0
    assert storm.changes(host) > 0
