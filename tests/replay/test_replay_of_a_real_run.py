"""A daemon on the real engine under load, recorded, and its readings played to the rules again."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from autoscaler.demo.load import Mix
from autoscaler.replay.from_history import history
from autoscaler.replay.player import Player
from autoscaler.replay.source import Span
from autoscaler.settings import load
from tests.e2e.conftest import make_host  # noqa: F401 - a fixture
from tests.e2e.daemon_process import autoscaler
from tests.e2e.harness import path, role

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import MakeHost

pytestmark = pytest.mark.engine

CPUS = 0.3
RATE = 40.0
COLUMNS = (
    "reason, desired_before, desired, would_be, mean, average, cpu_high, cpu_low, recommended, "
    "stabilized, rate_limit"
)

Told = tuple[object, ...]


def decided(file: Path) -> list[Told]:
    """Return the decisions that the daemon took, with every number."""
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        query = f"SELECT {COLUMNS} FROM decisions WHERE role = 'validator' ORDER BY rowid"  # noqa: S608 - names from above
        return database.execute(query).fetchall()


def replayed(file: Path, player: Player) -> list[Told]:
    """Return what the rules decide on the readings alone."""
    decisions = [player.play(one) for one in history(file, Span(("validator",))).rounds()]
    names = [name.strip() for name in COLUMNS.replace("rate_limit", "limit").split(",")]
    return [tuple(getattr(one, name) for name in names) for one in decisions]


def test_a_recorded_run_gives_the_decisions_of_the_daemon_tick_for_tick(
    make_host: MakeHost,  # noqa: F811 - the fixture
) -> None:
    """Growth by load, a pause, a member started by hand, the daemon killed, shrinking to one; and
    with a threshold out of reach fewer members would have run.
    """
    host = make_host(role("validator", 3, cpus=CPUS, settings={"cpu_high": "70", "cpu_low": "40"}))
    daemon = host.start()
    generator = host.load(RATE, "validator")
    generator.mix = Mix({path("validator", 0.85 * CPUS * 1000 / RATE): 1})
    daemon.wait_for("scale.decided", 30, desired=2)
    host.wait_published("validator", 1, 2)
    env_file = str(host.stack.write_env(host.settings))
    paused = autoscaler("pause", "--env-file", env_file, "--direction", "down", "--reason", "test")
    assert paused.returncode == 0, paused.stderr
    host.stack.container(host.name("validator", 3)).start()
    daemon.wait_for("member.changed_by_hand", reason="adopted")
    host.wait_published("validator", 1, 2, 3)
    daemon.kill()
    daemon = host.start()
    generator.stop()
    assert autoscaler("resume", "--env-file", env_file).returncode == 0
    host.wait_published("validator", 1, seconds=40)
    assert daemon.stop() == 0
    settings = load(host.stack.write_env(host.settings), {}).settings
    file = settings.state_dir / "history.db"
    policy = settings.roles["validator"].policy(settings.average_over)
    taken = decided(file)
    assert len(taken) > 15
    assert {row[2] for row in taken} == {1, 2, 3}
    assert replayed(file, Player(policy, policy.cpu_high)) == taken
    said = autoscaler(
        *("simulate", "--env-file", env_file, "--role", "validator", "--json"),
        *("--set", "validator.cpu_high=100"),
    )
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)["roles"]["validator"]
    assert found["in_force"]["rounds_with_recorded_count"] == len(taken)
    assert found["in_force"]["up"] >= 1
    assert found["changed"]["node_hours"] < found["in_force"]["node_hours"]
