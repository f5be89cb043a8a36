"""The whole controller on virtual time: one round of readings, one decision, one change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World


def test_slow_readings_do_not_pile_up(world: World) -> None:
    """Each takes 12 s, a tick comes every 5 s: the next begins when the last one is there, so
    measuring never adds to the load it measures.
    """
    world.seconds["sample"] = 12.0
    world.run(12.0)
    del world.jobs[:]
    world.run(120.0)
    assert 7 <= world.jobs.count("sample") <= 10


def test_a_round_of_readings_is_decided_on_once(world: World) -> None:
    """Ticks that come while one is under way decide nothing, and one overload is one growth."""
    rounds: list[float] = []
    decide = world.controller._observing._deciding.round

    def counted(readings: object, now: float) -> None:
        rounds.append(now)
        decide(readings, now)  # type: ignore[arg-type]

    world.controller._observing._deciding.round = counted  # type: ignore[method-assign]
    world.seconds["sample"] = 12.0
    world.run(12.0)
    del world.jobs[:], rounds[:]
    world.load("validator", 95.0)
    world.until(lambda: world.engine.calls)
    world.load("validator", 60.0)
    world.run(60.0)
    assert abs(len(rounds) - world.jobs.count("sample")) <= 1
    assert world.engine.calls == ["start validator-2"]


def test_a_command_during_a_round_does_not_scale_twice(world: World) -> None:
    """While readings that ask for a second member are under way, a person asks for two as well."""
    world.seconds["sample"] = 3.0
    world.run(20.0)
    world.load("validator", 95.0)
    del world.jobs[:]
    world.until(lambda: "sample" in world.jobs)
    world.ask("scale", role="validator", count=2, seconds=60.0, reason="sale")
    world.run(40.0)
    assert world.engine.calls == ["start validator-2"]


def test_decisions_go_on_after_every_reload(world: World) -> None:
    """Also while looks and readings are under way, and with another interval."""
    world.seconds |= {"look": 1.0, "sample": 2.0}
    for number in range(1, 8):
        world.settings["AUTOSCALER_SETTLE"] = f"{20 + number}s"
        world.write_settings()
        world.ask("reload")
        world.run(0.7 * number)
    before = world.controller.state.sampled_at
    world.run(20.0)
    assert before is not None
    assert world.controller.state.sampled_at == world.time.now or (
        (world.controller.state.sampled_at or 0.0) > before + 10.0
    )
    world.load("validator", 95.0)
    world.until(lambda: len(world.served()) == 2, 60.0)


def test_an_hour_without_readings_is_one_line_in_the_log(world: World) -> None:
    """A source that is down makes no flood: the hold is told when it begins and when it ends."""
    before = len(world.told("scale.decided"))
    world.engine.blind = True
    world.run(3600.0)
    told = [e["reason"] for e in world.told("scale.decided")[before:]]
    assert told == ["no_data"]
    world.engine.blind = False
    world.run(20.0)
    told = [e["reason"] for e in world.told("scale.decided")[before:]]
    assert told == ["no_data", "within_band"]
    assert len(world.told()) < 60


def test_a_dry_run_leaves_a_count_outside_its_bounds_alone(make_world: MakeWorld) -> None:
    """Three run where one is the most: it says so and stops nobody, nor does a minimum of three
    start anybody.
    """
    world = make_world(ROLES__VALIDATOR__MAX="1")
    world.dry_run = True
    for name in ("validator-2", "validator-3"):
        world.engine.begin(name)
    world.start().run(120.0)
    assert {e["reason"] for e in world.told("scale.proposed")} >= {"above_max"}
    world.settings |= {
        "AUTOSCALER_ROLES__VALIDATOR__MAX": "3",
        "AUTOSCALER_ROLES__VALIDATOR__MIN": "3",
    }
    for name in ("validator-2", "validator-3"):
        world.engine.end(name, 0, stop=True)
    world.start().run(120.0)
    assert {e["reason"] for e in world.told("scale.proposed")} >= {"below_min"}
    assert (world.engine.calls, world.nginx.tries) == ([], 0)
    assert world.history.order == []


def test_a_proposal_of_a_dry_run_uses_up_no_limit(make_world: MakeWorld) -> None:
    """At most one member in ten minutes: the same growth is proposed after five, too, as nothing
    was done.
    """
    world = make_world(ROLES__VALIDATOR__SCALE_UP_LIMIT="1/600s")
    world.dry_run = True
    world.start().load("validator", 95.0)
    world.run(60.0)
    world.load("validator", 60.0)
    world.run(240.0)
    world.load("validator", 95.0)
    world.run(60.0)
    grown = [e["desired"] for e in world.told("scale.proposed") if e["reason"] == "scale_up"]
    assert grown == [2, 2]
