"""Ticks while the machine's clock is stepped: the scheduler alone, and with the controller."""

from __future__ import annotations

import queue
import threading
import time
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import apscheduler.schedulers.base
import apscheduler.triggers.interval
import pytest

from autoscaler.daemon.inbox import Stop, Tick
from autoscaler.daemon.ticker import Ticker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.daemon.conftest import MakeWorld

HOUR = timedelta(hours=1)


class SteppedClock:
    """The time of day as the scheduler sees it."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def kind(self) -> type[datetime]:
        """Return a `datetime` whose now() is off by `offset`."""
        clock = self

        class Stepped(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + clock.offset

        return Stepped


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SteppedClock:
    """Give the scheduler a clock that can be stepped."""
    one = SteppedClock()
    kind = one.kind()
    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", kind)
    monkeypatch.setattr(apscheduler.triggers.interval, "datetime", kind)
    return one


@pytest.fixture
def ticks() -> queue.SimpleQueue[float]:
    """Return where the times of ticks go."""
    return queue.SimpleQueue()


@pytest.fixture
def ticker(clock: SteppedClock, ticks: queue.SimpleQueue[float]) -> Iterator[Ticker]:
    """Yield a running ticker of 0.2 s."""
    one = Ticker(lambda: ticks.put(time.monotonic()), 0.2)
    one.start()
    yield one
    one.stop()


def heard(ticks: queue.SimpleQueue[float], seconds: float) -> bool:
    """Tell whether a tick comes within so many seconds."""
    try:
        ticks.get(timeout=seconds)
    except queue.Empty:
        return False
    return True


def test_it_ticks_again_and_again(ticker: Ticker, ticks: queue.SimpleQueue[float]) -> None:
    """Three ticks, about an interval apart."""
    times = [ticks.get(timeout=5.0) for _ in range(3)]
    assert 0.3 <= times[2] - times[0] <= 1.5


def test_a_clock_set_back_silences_it_until_it_is_renewed(
    ticker: Ticker, ticks: queue.SimpleQueue[float], clock: SteppedClock
) -> None:
    """That is why the controller keeps a deadline of its own."""
    assert heard(ticks, 5.0)
    clock.offset = -HOUR
    while heard(ticks, 0.7):
        pass
    ticker.renew()
    assert heard(ticks, 5.0)
    assert heard(ticks, 5.0)


def test_a_clock_set_forward_makes_no_storm_of_ticks(
    ticker: Ticker, ticks: queue.SimpleQueue[float], clock: SteppedClock
) -> None:
    """An hour missed is one tick, and then the usual pace."""
    assert heard(ticks, 5.0)
    clock.offset = HOUR
    began = time.monotonic()
    times = [ticks.get(timeout=5.0) for _ in range(4)]
    assert times[3] - began >= 0.35


def test_renewing_can_change_the_interval(ticker: Ticker, ticks: queue.SimpleQueue[float]) -> None:
    """From five a second to one in an hour."""
    ticker.renew(3600.0)
    while heard(ticks, 0.5):
        pass
    assert ticker.interval == 3600.0


@pytest.mark.parametrize("step", [-HOUR, HOUR], ids=["back", "forward"])
def test_the_controller_goes_on_ticking_when_the_clock_is_stepped(
    make_world: MakeWorld, clock: SteppedClock, step: timedelta
) -> None:
    """Its monotonic deadline of 1.5 intervals makes the ticks the schedule does not."""
    world = make_world(INTERVAL="0.2s", AVERAGE_OVER="0.2s", LOG_LEVEL="error")
    world.time.monotonic = time.monotonic  # type: ignore[method-assign]
    controller = world.start().controller
    done = _count_ticks(controller._tick)
    controller._tick = done.tick  # type: ignore[method-assign]
    thread = threading.Thread(target=controller.run, daemon=True)
    thread.start()
    assert done.more(3, 5.0)
    clock.offset = step
    assert done.more(6, 5.0), "ticks stopped with the clock"
    renewed = time.monotonic()
    clock.offset = timedelta(0)
    assert done.more(6, 5.0), "ticks stopped when the clock came back"
    assert time.monotonic() - renewed < 4.0
    controller.inbox.put(Stop("test"))
    thread.join(5.0)
    assert not thread.is_alive()


class _Counter:
    """Counts the ticks the controller takes."""

    def __init__(self, real: Callable[[], None]) -> None:
        self._real = real
        self._ticked = threading.Semaphore(0)

    def tick(self) -> None:
        """Tick and count."""
        self._real()
        self._ticked.release()

    def more(self, count: int, seconds: float) -> bool:
        """Wait for so many ticks more; tell whether they came."""
        end = time.monotonic() + seconds
        return all(
            self._ticked.acquire(timeout=max(0.0, end - time.monotonic())) for _ in range(count)
        )


def _count_ticks(real: Callable[[], None]) -> _Counter:
    return _Counter(real)


def test_a_late_tick_is_done_by_the_controller_and_the_job_made_anew(
    make_world: MakeWorld,
) -> None:
    """After 1.5 intervals without a tick the next item is one, whatever else is waiting."""
    world = make_world(INTERVAL="5s").start()
    world.run(1.0)
    renewals: list[object] = []
    world.controller._ticker.renew = lambda *more: renewals.append(more)  # type: ignore[method-assign]
    world.time.now += 8.0
    world.controller.inbox.put(Stop("waits behind the tick"))
    assert world.controller._next_item() == Tick()
    assert len(renewals) == 1
