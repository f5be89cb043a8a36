"""The whole controller on virtual time: growth that does not help, and a count that flaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.cli.status import lines
from tests.daemon.test_metrics import Scrape

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World


def test_two_growths_that_do_not_help_are_told_with_both_means(world: World) -> None:
    """Each takes the mean from 72 to 69 %, where 36 and 48 could be; they are minutes apart."""
    world.load("validator", 72.0)
    world.until(lambda: world.desired() == 2)
    world.load("validator", 69.0)
    world.run(120.0)
    assert world.told("scale.useless") == []
    world.load("validator", 72.0)
    world.until(lambda: world.desired() == 3)
    world.load("validator", 69.0)
    world.run(120.0)
    (told,) = world.told("scale.useless")
    assert told["role"] == "validator"
    assert (told["before"], told["after"], told["mean_before"], told["mean_after"]) == (
        2,
        3,
        72.0,
        69.0,
    )
    assert told["mean_expected"] == 48.0
    assert told["growths"][0] == {
        "before": 1,
        "after": 2,
        "mean_before": 72.0,
        "mean_after": 69.0,
    }


def test_an_overload_that_every_spare_leaves_as_it_is_is_told(world: World) -> None:
    """Two start within a minute, all three are as busy as the one was."""
    world.load("validator", 95.0)
    world.until(lambda: world.told("scale.useless"), 180.0)
    (told,) = world.told("scale.useless")
    assert (told["before"], told["after"], told["mean_after"]) == (1, 3, 95.0)
    world.run(600.0)
    assert len(world.told("scale.useless")) == 1


def test_growths_that_spread_the_load_are_not_told(world: World) -> None:
    """85 % of one, then of two, each time less on more."""
    world.load("validator", 85.0)
    world.until(lambda: world.desired() == 2)
    world.load("validator", 43.0)
    world.run(120.0)
    world.load("validator", 85.0)
    world.until(lambda: world.desired() == 3)
    world.load("validator", 57.0)
    world.run(300.0)
    assert world.told("scale.useless") == []


def test_a_count_that_goes_up_and_down_is_told_once_an_hour(make_world: MakeWorld) -> None:
    """A grace of a minute, and a load that comes and goes every five."""
    world = make_world(ROLES__VALIDATOR__SCALE_DOWN_WINDOW="60s").start()
    world.until(lambda: world.served() == ["validator-1"])
    scrape = Scrape(world)
    for _ in range(6):
        world.load("validator", 80.0)
        world.until(lambda: world.desired() == 2)
        world.load("validator", 5.0)
        world.until(lambda: world.desired() == 1)
        world.run(120.0)
    (told,) = world.told("scale.flapping")
    assert (told["role"], told["turns"], told["ups"], told["downs"]) == ("validator", 4, 3, 2)
    assert scrape.value("autoscaler_direction_changes", role="validator") == 11
    assert "  changed its direction 11 times in the last hour" in lines(world.ask("status"))
    world.run(3700.0)
    assert scrape.value("autoscaler_direction_changes", role="validator") == 0


def test_a_dry_run_doubts_nothing(make_world: MakeWorld) -> None:
    """It proposes up and down by turns; as nothing is done, no count flaps."""
    world = make_world(ROLES__VALIDATOR__SCALE_DOWN_WINDOW="60s")
    world.dry_run = True
    world.engine.begin("validator-2")
    world.start()
    for _ in range(4):
        world.load("validator", 95.0)
        world.run(60.0)
        world.load("validator", 5.0)
        world.run(120.0)
    proposed = {e["desired"] for e in world.told("scale.proposed")}
    assert proposed == {1, 2, 3}
    assert world.told("scale.useless") + world.told("scale.flapping") == []
