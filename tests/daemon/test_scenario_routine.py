"""What nothing follows from costs nothing: routine probes of members that are well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.actuation.health import ProbeResult
from tests.daemon.conftest import MakeWorld, World


@pytest.fixture
def plans(world: World, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the list of times at which everything is planned anew, from now on."""
    times: list[float] = []
    plan = world.controller._reconcile

    def noted() -> None:
        times.append(world.time.now)
        plan()

    monkeypatch.setattr(world.controller, "_reconcile", noted)
    return times


def probes(world: World) -> int:
    """Return how many probes were made so far."""
    return sum(job.startswith("probe") for job in world.jobs)


def test_a_probe_that_finds_a_member_still_well_plans_nothing(
    world: World, plans: list[float]
) -> None:
    """Its answer is known already; only beginning a probe, a tick and its answers lead to plans."""
    before = probes(world)
    world.run(50.0)
    made = probes(world) - before
    assert made >= 9
    ticks, answers = 10, 2  # of a look and of a sample
    assert len(plans) <= ticks * (1 + answers) + made + 3


def test_probes_due_nearly_at_once_begin_together(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members are soon asked in one go, once for all, though they became ready a moment apart."""
    world = make_world({"validator": 3}, ROLES__VALIDATOR__MIN="3").start()
    world.until(lambda: len(world.served()) == 3)
    for number in (1, 2, 3):
        world.role().track(f"validator-{number}").next_probe = world.time.now + 1 + number / 50
    moments: set[float] = set()
    probe = world.engine.probe

    def asked(address: str, port: int, path: str, timeout: float) -> ProbeResult:
        moments.add(round(world.time.now, 6))
        return probe(address, port, path, timeout)

    parts = replace(world.controller._parts, probe=asked)
    monkeypatch.setattr(world.controller, "_parts", parts)
    world.run(50.0)
    assert 9 <= len(moments) <= 11
