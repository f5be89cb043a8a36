"""A controller that hangs in one item is told of by another thread, before the watchdog ends it."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Any

import pytest

from autoscaler.daemon.inbox import Answer, Command, Item, Tick
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.work import STUCK_SECONDS, Work
from autoscaler.daemon.worker import Done
from autoscaler.events import EngineEvent, EventKind
from tests.daemon.conftest import World
from tests.daemon.machine import Time
from tests.daemon.proxy import Memory


class Watched:
    """A controller's work and what is told of it."""

    def __init__(self) -> None:
        self.time = Time()
        self._history = Memory(self.time)
        self.work = Work(Journal(self._history, self.time))

    def check(self, seconds: float) -> list[dict[str, Any]]:
        """Look after so many seconds and return all that was told so far."""
        self.time.now += seconds
        self.work.check()
        return self._history.events


@pytest.fixture
def watched() -> Watched:
    """Return one that is idle."""
    return Watched()


def test_an_item_that_takes_too_long_is_told_once(watched: Watched) -> None:
    """With what it is and for how long; a busy second is nothing to tell."""
    watched.work.begin(Command("reload"))
    assert watched.check(STUCK_SECONDS - 0.1) == []
    (event,) = watched.check(0.1)
    assert event["event"] == "daemon.stuck"
    assert event["reason"] == "the loop is still busy with the command reload"
    assert event["seconds"] == STUCK_SECONDS
    assert watched.check(100.0) == [event]


def test_an_idle_loop_is_not_stuck(watched: Watched) -> None:
    """It waits for the next item, for however long."""
    watched.work.begin(Tick())
    watched.work.end()
    assert watched.check(1000.0) == []


def test_the_end_of_it_is_told(watched: Watched) -> None:
    """With how long it took, whatever is in hand by then; the next one that hangs is told anew."""
    watched.work.begin(Tick())
    watched.check(12.0)
    watched.work.end()
    watched.work.begin(None)
    stuck, recovered = watched.check(1.0)
    assert recovered["event"] == "daemon.recovered"
    assert recovered["reason"] == "the loop has gone on after a tick"
    assert recovered["seconds"] == 13.0
    again = watched.check(STUCK_SECONDS)[-1]
    assert (stuck["event"], again["event"]) == ("daemon.stuck", "daemon.stuck")
    assert again["reason"].endswith("what was due by time")


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (Done("look", lambda _: None, lambda _: None), "what came of 'look'"),
        (EngineEvent(EventKind.START, name="v-1"), "the engine's event start v-1"),
    ],
)
def test_each_kind_of_item_has_words(watched: Watched, item: Item, words: str) -> None:
    """So that the line says where to look."""
    watched.work.begin(item)
    assert watched.check(STUCK_SECONDS)[0]["reason"] == f"the loop is still busy with {words}"


def test_the_place_where_the_thread_hangs_is_told(watched: Watched) -> None:
    """Found without its help: it may never come back."""
    busy, let_go = threading.Event(), threading.Event()

    def hang_here() -> None:
        watched.work.begin(Tick())
        busy.set()
        let_go.wait(30.0)

    thread = threading.Thread(target=hang_here)
    thread.start()
    busy.wait(30.0)
    (event,) = watched.check(STUCK_SECONDS)
    let_go.set()
    thread.join()
    assert event["place"].startswith("threading.py:")
    assert event["place"].endswith(" in wait")


def test_the_controller_says_what_it_takes_up(tmp_path: Path) -> None:
    """And no more once it is done with it."""
    world = World(tmp_path, {}, {"validator": 1}).start()
    controller = world.controller

    class Slow(queue.SimpleQueue[Answer]):
        """Takes an answer as slowly as a client's socket that hangs would."""

        def put(self, item: Answer, block: bool = True, timeout: float | None = None) -> None:
            """Take it after a while, in which somebody looks."""
            world.time.now += STUCK_SECONDS
            controller.work.check()
            super().put(item, block, timeout)

    controller.take(Command("status", reply=Slow()))
    assert world.history.events[-1]["reason"] == "the loop is still busy with the command status"
    controller.work.check()
    assert world.history.events[-1]["event"] == "daemon.recovered"
