"""What Prometheus is told of a whole daemon on virtual time."""

from __future__ import annotations

import subprocess

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from autoscaler.daemon.viewing import view
from autoscaler.surface.exposition import ViewCollector
from autoscaler.surface.view import Board
from tests.daemon.conftest import MakeWorld, World

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Scrape:
    """Reads a world's metrics like Prometheus does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._board = Board()
        self._registry = world.controller._journal.counts.registry
        self._registry.register(ViewCollector(self._board, "1"))

    def text(self) -> bytes:
        """Return what /metrics answers now."""
        controller = self._world.controller
        self._board.put(view(controller.state, controller._moment()))
        return generate_latest(self._registry)

    def series(self) -> Series:
        """Return every series with its value."""
        families = text_string_to_metric_families(self.text().decode())
        return {
            (s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples
        }

    def value(self, name: str, /, **labels: str) -> float | None:
        """Return one series' value, None if there is none."""
        return self.series().get((name, tuple(sorted(labels.items()))))


def test_a_growth_is_counted_from_its_outcomes(world: World) -> None:
    """The decision, the start, the reload, and how long the new member took."""
    scrape = Scrape(world)
    for box in world.engine.boxes.values():
        box.cpu = 95.0
    world.until(lambda: len(world.served()) == 2)
    value = scrape.value
    assert value("autoscaler_actions_total", role="validator", action="start", outcome="ok") == 1
    assert value("autoscaler_decisions_total", role="validator", reason="scale_up") == 1
    assert value("autoscaler_nginx_reloads_total", outcome="ok") == 2
    for phase in ("start", "healthy", "publish", "total"):
        labels = {"role": "validator", "phase": phase}
        assert value("autoscaler_time_to_capacity_seconds_count", **labels) == 1
    total = value("autoscaler_time_to_capacity_seconds_sum", role="validator", phase="total")
    assert total is not None
    assert 2.0 < total < 10.0
    assert value("autoscaler_desired_members", role="validator") == 2
    assert value("autoscaler_members", role="validator", state="serving") == 2
    assert value("docker_container_status", role="validator", name="validator-3") == 0
    assert value("docker_container_cpu_percent", role="validator", name="validator-1") == 95.0
    assert value("autoscaler_role_cpu_threshold_percent", role="validator", bound="high") == 70


def test_a_blind_source_is_counted_and_gives_no_number(world: World) -> None:
    """A reading that is missing is an error of the source, never 0 percent."""
    scrape = Scrape(world)
    world.engine.blind = True
    world.run(6.0)
    errors = scrape.value("autoscaler_source_errors_total", source="fake", reason="timed_out")
    assert errors is not None
    assert errors >= 1
    assert (
        scrape.value("docker_container_cpu_percent", role="validator", name="validator-1") is None
    )
    assert scrape.value("autoscaler_role_cpu_percent", role="validator") is None


def test_a_pause_shows(world: World) -> None:
    """As 1 for its role."""
    scrape = Scrape(world)
    assert scrape.value("autoscaler_paused", role="validator") == 0
    world.ask("pause", role="validator", reason="look")
    assert scrape.value("autoscaler_paused", role="validator") == 1


def test_a_removed_role_leaves_no_series_and_the_others_go_on(make_world: MakeWorld) -> None:
    """A reload takes all its series away; counters of the rest never go back."""
    world = make_world({"validator": 2, "extra": 2}, ROLES__EXTRA__PORT="9003").start()
    world.until(lambda: bool(world.served("extra") and world.served()))
    world.run(20.0)
    scrape = Scrape(world)
    before = scrape.series()
    assert any(("role", "extra") in labels for _, labels in before)
    world.settings["AUTOSCALER_ROLES__EXTRA__ENABLED"] = "false"
    world.write_settings()
    assert world.ask("reload")["changes"]
    world.run(10.0)
    after = scrape.series()
    assert not any(("role", "extra") in labels for _, labels in after)
    counters = {k: v for k, v in before.items() if k[0].endswith("_total")}
    kept = {k: v for k, v in counters.items() if ("role", "extra") not in k[1]}
    assert all(after[key] >= value for key, value in kept.items())


def test_promtool_finds_nothing_to_say(world: World) -> None:
    """Names, types and help follow Prometheus' conventions."""
    for box in world.engine.boxes.values():
        box.cpu = 95.0
    world.until(lambda: len(world.served()) == 2)
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=Scrape(world).text(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
