"""What systemd is told by a whole daemon on virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.surface.notify import Notifier

if TYPE_CHECKING:
    from tests.daemon.conftest import MakeWorld, World

WATCHDOG_SECONDS = 3.0

Told = list[dict[str, str]]


class Manager(Notifier):
    """Keeps what systemd would be told; takes nothing while `deaf`."""

    def __init__(self) -> None:
        super().__init__("/never/used", WATCHDOG_SECONDS)
        self.deaf = False
        self._messages: Told = []

    def send(self, **fields: str | int) -> bool:
        """Keep a message."""
        if not self.deaf:
            self._messages.append({name: str(value) for name, value in fields.items()})
        return not self.deaf

    def told(self) -> Told:
        """Return the messages since the last call."""
        messages, self._messages = self._messages, []
        return messages


@pytest.fixture
def manager() -> Manager:
    """Return a manager that expects signs of life."""
    return Manager()


def status(told: Told) -> str:
    """Return the last status among messages."""
    return [m["STATUS"] for m in told if "STATUS" in m][-1]


@pytest.fixture
def served(make_world: MakeWorld, manager: Manager) -> World:
    """Return a running daemon whose primary serves, with nothing told yet to the test."""
    world = make_world()
    world.notifier, told = manager, manager.told
    world.start().until(lambda: world.served() == ["validator-1"])
    told()
    return world


def test_ready_comes_with_the_first_look_and_needs_no_reading(
    make_world: MakeWorld, manager: Manager
) -> None:
    """It is told once, as soon as the engine has answered, though no CPU can be read."""
    world = make_world()
    world.notifier, told = manager, manager.told
    world.engine.blind = True
    world.start()
    assert not any("READY" in m for m in told())
    world.run(0.1)
    assert [m["READY"] for m in told() if "READY" in m] == ["1"]
    world.run(20)
    assert not any("READY" in m for m in told())


def test_while_docker_is_away_the_start_takes_longer_and_says_why(
    make_world: MakeWorld, manager: Manager
) -> None:
    """The start timeout is extended over and over; ready comes when Docker does."""
    world = make_world()
    world.notifier, told = manager, manager.told
    world.engine.down = True
    world.start().run(60)
    before = told()
    extended = [m["EXTEND_TIMEOUT_USEC"] for m in before if "EXTEND_TIMEOUT_USEC" in m]
    assert extended == 7 * ["60000000"]
    assert status(before) == (
        "Docker does not answer, waiting for it: the engine does not answer on its socket"
    )
    assert not any("READY" in m for m in before)
    world.engine.down = False
    world.run(6)
    after = told()
    assert any("READY" in m for m in after)
    world.run(30)
    assert not any("EXTEND_TIMEOUT_USEC" in m for m in told())


def test_the_loop_shows_that_it_lives_twice_in_the_watchdogs_time(
    served: World, manager: Manager
) -> None:
    """Also while ticks are further apart than that."""
    told = manager.told
    served.run(30)
    signs = sum("WATCHDOG" in m for m in told())
    assert 2 * 30 / WATCHDOG_SECONDS - 2 <= signs <= 2 * 30 / WATCHDOG_SECONDS + 1


def test_a_loop_that_takes_no_item_is_silent(served: World, manager: Manager) -> None:
    """Time alone sends nothing: no thread but the loop's feeds the watchdog."""
    told = manager.told
    served.time.now += 100
    assert told() == []


def test_a_good_reload_is_framed(served: World, manager: Manager) -> None:
    """RELOADING with the time of its begin, then READY."""
    told = manager.told
    served.settings["AUTOSCALER_ROLES__VALIDATOR__CPU_HIGH"] = "80"
    served.write_settings()
    began = served.time.now
    assert "problems" not in served.ask("reload")
    first, second, *_ = told()
    assert first == {"RELOADING": "1", "MONOTONIC_USEC": str(int(began * 1_000_000))}
    assert second["READY"] == "1"
    assert served.controller.state.settings.roles["validator"].cpu_high == 80


def test_a_bad_reload_ends_too_and_stays_in_the_status_until_a_good_one(
    served: World, manager: Manager
) -> None:
    """Systemd must not wait for ever for the end of a reload that was refused."""
    told = manager.told
    served.settings["AUTOSCALER_ROLES__VALIDATOR__CPU_HIGH"] = "hot"
    served.write_settings()
    assert served.ask("reload")["problems"]
    assert [next(iter(m)) for m in told()[:2]] == ["RELOADING", "READY"]
    served.grow(2)
    assert status(told()).startswith("the env file has mistakes (1), the settings before it stay")
    served.settings["AUTOSCALER_ROLES__VALIDATOR__CPU_HIGH"] = "80"
    served.write_settings()
    served.ask("reload")
    assert status(told()).startswith("running of desired: validator 2 of 2;")


def test_the_status_is_one_line_that_follows_the_state(served: World, manager: Manager) -> None:
    """Counts, the engine and NGINX; nothing is sent again while nothing changes."""
    told = manager.told
    served.grow(2)
    assert (
        status(told())
        == "running of desired: validator 2 of 2; Docker answers; NGINX is up to date"
    )
    served.engine.down = True
    served.run(10)
    assert status(told()).startswith("Docker does not answer, all counts are held: ")
    served.run(20)
    assert not any("STATUS" in m for m in told())


def test_the_end_is_announced_before_anything_is_waited_for(
    served: World, manager: Manager
) -> None:
    """STOPPING with its reason."""
    told = manager.told
    served.controller._service.stopping("SIGTERM")
    assert told() == [{"STOPPING": "1", "STATUS": "stopping: SIGTERM"}]


def test_what_systemd_did_not_take_is_told_again(make_world: MakeWorld, manager: Manager) -> None:
    """Ready is not lost with one message that nobody took."""
    manager.deaf = True
    world = make_world()
    world.notifier = manager
    world.start().run(10)
    manager.deaf = False
    world.run(5)
    assert [m["READY"] for m in manager.told() if "READY" in m] == ["1"]
