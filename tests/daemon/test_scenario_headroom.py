"""The whole controller on virtual time: a host that itself has nothing left."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from autoscaler.cli.status import lines
from autoscaler.daemon.database import open_history
from autoscaler.daemon.schema import Statement
from autoscaler.policy.headroom import HostLoad
from tests.daemon.proxy import Memory
from tests.daemon.test_metrics import Scrape
from tests.replay.recording import replayed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

    from autoscaler.daemon.history import Record
    from tests.daemon.conftest import MakeWorld, World
    from tests.daemon.machine import Time

BUSY, TIGHT, WELL = HostLoad(97.0, 60.0), HostLoad(30.0, 4.0), HostLoad(30.0, 60.0)


class Kept(Memory):
    """History that also keeps in a file what the rules were given and what they said."""

    def __init__(self, time: Time, database: sqlite3.Connection) -> None:
        super().__init__(time)
        self._database = database

    def write(self, statements: Iterable[Statement]) -> Record:
        """Keep statements."""
        record = super().write(statements)
        for sql, values in record.statements:
            if any(f"INTO {table} " in sql for table in ("rounds", "readings", "decisions")):
                self._database.execute(sql, values)
        return record


def held_at(make_world: MakeWorld, load: HostLoad) -> World:
    """Return a daemon with both limits, whose one member is overloaded on such a host."""
    world = make_world(HOST_CPU_CEILING="90", HOST_MEMORY_FLOOR="10").start()
    world.until(lambda: world.served() == ["validator-1"])
    world.engine.host = load
    world.run(10.0)
    world.load("validator", 95.0)
    return world.run(120.0)


def test_a_busy_host_starts_nobody_and_says_so_with_numbers(make_world: MakeWorld) -> None:
    """One event, one decision with the reason, no start; growth comes when the host is well."""
    world = held_at(make_world, BUSY)
    assert world.engine.calls == []
    (told,) = world.told("host.saturated")
    assert (told["resource"], told["cpu_percent"], told["limit"]) == ("cpu", 97.0, 90.0)
    assert told["consequence"].startswith("load starts no member, and stops none")
    assert [e["reason"] for e in world.told("scale.decided")][-1] == "host_saturated"
    assert world.ask("explain", role="validator")["sentences"][:2] == [
        (
            "validator stays at 1: mean 95 % is above 70 %, but the host is saturated: 97 % of its "
            "CPU is in use, the limit is 90 %; one more member would only share what is left."
        ),
        "Without that the rules would want 2.",
    ]
    world.engine.host = WELL
    assert world.until(lambda: len(world.served()) == 2, 120.0) >= 60.0
    (recovered,) = world.told("host.recovered")
    assert (recovered["resource"], recovered["cpu_percent"]) == ("cpu", 30.0)


def test_a_host_without_memory_starts_nobody(make_world: MakeWorld) -> None:
    """The same, with the memory's numbers."""
    world = held_at(make_world, TIGHT)
    assert world.engine.calls == []
    (told,) = world.told("host.saturated")
    assert (told["resource"], told["memory_percent"], told["limit"]) == ("memory", 4.0, 10.0)


def test_without_a_limit_a_busy_host_is_only_warned_of(world: World) -> None:
    """Once, however long it lasts; members start as ever."""
    world.engine.host = BUSY
    world.run(600.0)
    world.load("validator", 95.0)
    world.until(lambda: len(world.served()) == 3)
    assert [e["consequence"] for e in world.told("host.saturated")] == ["nothing is held"]


def test_members_starved_by_a_busy_host_are_not_stopped(make_world: MakeWorld) -> None:
    """They look idle for 20 minutes; the grace begins when the host has recovered, a minute on."""
    world = make_world(HOST_CPU_CEILING="90").start()
    world.until(lambda: world.served() == ["validator-1"])
    world.grow(2)
    world.engine.host = BUSY
    world.load("validator", 5.0)
    world.run(1200.0)
    assert world.desired() == 2
    world.engine.host = WELL
    took = world.until(lambda: world.desired() == 1)
    assert 355.0 <= took <= 370.0


def test_a_member_that_dies_on_a_busy_host_is_replaced(make_world: MakeWorld) -> None:
    """Repair is no growth."""
    world = held_at(make_world, BUSY)
    world.crash("validator-1")
    world.until(world.served)
    assert world.engine.calls != []


def test_a_limit_set_by_a_reload_holds_from_the_next_look(world: World) -> None:
    """And is told at once, as is that the one before is no longer exceeded."""
    world.engine.host = HostLoad(80.0, 60.0)
    world.run(20.0)
    assert world.told("host.saturated") == []
    world.settings["AUTOSCALER_HOST_CPU_CEILING"] = "75"
    world.write_settings()
    world.ask("reload")
    world.run(10.0)
    world.load("validator", 95.0)
    world.run(60.0)
    assert [e["limit"] for e in world.told("host.saturated")] == [75.0]
    assert world.engine.calls == []


def test_a_host_that_is_not_measured_any_more_holds_nothing(make_world: MakeWorld) -> None:
    """And the log says that it is so."""
    world = held_at(make_world, BUSY)
    world.engine.host = None
    world.until(lambda: len(world.served()) == 2, 60.0)
    (told,) = world.told("host.recovered")
    assert "cannot be read" in told["reason"]


def test_what_the_host_held_is_on_record_for_a_replay(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    """A daemon on a host that is busy for a while: the same decisions from its record alone."""
    world = make_world(HOST_CPU_CEILING="90")
    path = tmp_path / "kept.db"
    with contextlib.closing(open_history(path)) as database:
        world.history = Kept(world.time, database)
        world.start().run(30.0)
        world.load("validator", 95.0)
        for host in (BUSY, WELL, BUSY):
            world.engine.host = host
            world.run(120.0)
        world.load("validator", 5.0)
        world.run(600.0)
        database.commit()
        taken = database.execute("SELECT reason, desired FROM decisions ORDER BY rowid").fetchall()
    assert {desired for _, desired in taken} == {1, 2, 3}
    assert "host_saturated" in {reason for reason, _ in taken}
    again = [(d.reason.value, d.desired) for d in replayed(path, world.role().policy)]
    assert again == taken


def test_status_and_metrics_show_the_host(make_world: MakeWorld) -> None:
    """Both resources, and what is held; nothing where it is not measured."""
    world = held_at(make_world, BUSY)
    said = lines(world.ask("status"))
    assert "host     97 % CPU in use, 60 % memory left: cpu saturated, growth is held" in said
    scrape = Scrape(world)
    assert scrape.value("autoscaler_host_cpu_percent") == 97.0
    assert scrape.value("autoscaler_host_memory_available_percent") == 60.0
    assert scrape.value("autoscaler_host_saturated", resource="cpu") == 1.0
    assert scrape.value("autoscaler_host_saturated", resource="memory") == 0.0
    world.engine.host = None
    world.run(10.0)
    assert not any(line.startswith("host ") for line in lines(world.ask("status")))
    assert not any(name.startswith("autoscaler_host") for name, _ in scrape.series())
