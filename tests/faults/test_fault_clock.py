"""The wall clock is set an hour forward and back under a running daemon and across its restart."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import BY_HAND, none_failed, role
from tests.e2e.waiting import until
from tests.faults.stepped_clock import PROGRAM, Clock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import MakeHost
    from tests.e2e.harness import Host

pytestmark = pytest.mark.engine

RATE = 40.0
WINDOW = 5.0
SLACK = 2.5
"""How much later than the window's end the rules may find it: a few looks."""

RULES = {
    **BY_HAND,
    "min": "1",
    "max": "2",
    "cpu_high": "90",
    "cpu_low": "60",
    "scale_down_window": f"{WINDOW:g}s",
}
HOUR = 3600.0


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """The daemon's wall clock."""
    return Clock(tmp_path / "clock")


@pytest.fixture
def host(make_host: MakeHost, clock: Clock) -> Host:
    """A host with two members of which one is enough, so that its window runs from the start."""
    host = make_host(
        role("validator", 2, running=2, settings=RULES), settings={"LOG_LEVEL": "debug"}
    )
    host.start(program=(PROGRAM, str(clock.path)))
    host.load(RATE, "validator")
    return host


def decided(host: Host) -> int:
    """Return how often the daemon that runs has decided."""
    return sum(e.name in {"scale.checked", "scale.decided"} for e in list(host.daemon.events))


def first_decision(host: Host) -> float:
    """Wait for the first decision and return when it was (monotonic seconds)."""
    until(lambda: decided(host), "it decides")
    return time.monotonic()


def steps(host: Host, clock: Clock, hours: int) -> None:
    """Step the clock, and wait until the log has the new time and three decisions more."""
    clock.step(hours)
    count = decided(host)
    until(lambda: decided(host) > count + 2, "it goes on deciding", 5.0)
    shift = host.daemon.events[-1].time - time.time()
    assert abs(shift - hours * HOUR) < 60, "the daemon's clock was not stepped"


def test_ticks_and_cooldowns_go_on_when_the_clock_is_stepped_both_ways(
    host: Host, clock: Clock
) -> None:
    """Readings and decisions come as before, and the grace is neither cut short nor begun anew."""
    began = first_decision(host)
    steps(host, clock, 1)
    steps(host, clock, -1)
    host.daemon.wait_for("scale.decided", reason="scale_down")
    assert WINDOW - 1 < time.monotonic() - began < WINDOW + SLACK
    host.wait_published("validator", 1)
    assert not host.daemon.of("source.failed")
    none_failed(host.loads[0])


def test_a_rate_limit_goes_on_across_a_restart_with_the_clock_set_back(
    make_host: MakeHost, clock: Clock
) -> None:
    """What is stored comes from an hour in the future then, but from this boot, and so counts: the
    next member has to wait for its minute.
    """
    rules = {**RULES, "max": "3", "scale_down_window": "1s", "scale_down_limit": "1/60s"}
    host = make_host(role("validator", 3, running=3, settings=rules))
    host.start(program=(PROGRAM, str(clock.path)))
    load = host.load(RATE, "validator")
    host.daemon.wait_for("scale.decided", desired_before=3, desired=2)
    host.wait_published("validator", 1, 2)
    host.daemon.kill()
    clock.step(-1)
    host.launch(program=(PROGRAM, str(clock.path)))
    limited = host.daemon.wait_for("scale.decided", reason="scale_down_limited")
    assert (limited.fields["recommended"], limited.fields["desired"]) == (1, 2)
    host.wait_published("validator", 1, 2)
    assert not host.daemon.of("scale.decided", desired=1)
    none_failed(load)
