"""CPU windows: counters in, percent of the allowed CPUs or a reason out."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.model import ContainerState, Health, Member, NoReading
from autoscaler.sampling.cpu import Counter, CpuWindows, Missing

NODE = Member("validator", "node-1", 1, "id-1", ContainerState.RUNNING, Health.NONE, "t1", 9003)


def windows() -> CpuWindows:
    """Return windows of the default times: 15 s, read every 5 s."""
    return CpuWindows(15.0, 5.0)


def feed(
    target: CpuWindows, load: float, times: list[float], member: Member = NODE
) -> float | Missing:
    """Observe a container that uses `load` CPUs; return what the last observation gave."""
    result: float | Missing = Missing(NoReading.EMPTY, "nothing observed")
    for at in times:
        result = target.observe(member, Counter(1.0 + load * at, at))
    return result


def reason(result: float | Missing) -> NoReading:
    """Return why there is no percentage."""
    assert isinstance(result, Missing)
    return result.reason


def test_a_full_window_gives_percent_of_one_cpu() -> None:
    """0.7 CPU seconds a second of one allowed CPU is 70 %."""
    assert feed(windows(), 0.7, [0, 5, 10, 15]) == pytest.approx(70)


@pytest.mark.parametrize(("allowed", "percent"), [(0.5, 200), (1, 100), (2, 50), (64, 1.5625)])
def test_percent_is_of_what_the_container_may_use(allowed: float, percent: float) -> None:
    """One busy core is 50 % of a limit of two."""
    member = replace(NODE, allowed_cpus=allowed)
    assert feed(windows(), 1.0, [0, 5, 10, 15], member) == pytest.approx(percent)


def test_until_the_window_is_full_it_is_the_first_sight() -> None:
    """Ten of fifteen seconds are not enough."""
    assert reason(feed(windows(), 0.7, [0, 5, 10])) is NoReading.FIRST_SIGHT


def test_a_window_that_is_not_full_says_how_much_is_measured() -> None:
    """For people who wait for it."""
    one = windows()
    feed(one, 0.7, [100, 105])
    result = one.observe(NODE, Counter(80.0, 110.0))
    assert isinstance(result, Missing)
    assert result.detail == "seen for the first time; 10 of 15 s are measured"


def test_half_an_interval_may_be_missing() -> None:
    """A tick that comes early does not cost a whole interval."""
    assert feed(windows(), 0.7, [0, 5, 10, 12.5]) == pytest.approx(70)
    assert reason(feed(windows(), 0.7, [0, 5, 10, 12.4])) is NoReading.FIRST_SIGHT


def test_the_average_reaches_back_no_further_than_the_window() -> None:
    """What was used before the newest counter of 15 s ago no longer counts."""
    target = windows()
    feed(target, 0.0, [0, 5, 10, 15, 20])
    used = [(25, 1 + 5), (30, 1 + 10), (35, 1 + 15)]
    result = [target.observe(NODE, Counter(cpu, at)) for at, cpu in used]
    assert result == [pytest.approx(100 / 3), pytest.approx(200 / 3), pytest.approx(100)]


def test_a_new_run_of_the_same_name_is_restarted() -> None:
    """Its counter began anew, higher or lower."""
    target = windows()
    feed(target, 0.7, [0, 5, 10, 15])
    again = replace(NODE, started_at="t2")
    assert reason(target.observe(again, Counter(1e6, 20.0))) is NoReading.RESTARTED
    assert reason(target.observe(again, Counter(1e6 + 1, 25.0))) is NoReading.RESTARTED
    target.observe(again, Counter(1e6 + 2, 30.0))
    assert target.observe(again, Counter(1e6 + 3, 35.0)) == pytest.approx(20)


def test_a_new_id_of_the_same_name_is_restarted() -> None:
    """A recreated container is another run."""
    target = windows()
    feed(target, 0.7, [0, 5, 10, 15])
    other = replace(NODE, container_id="id-2")
    assert reason(target.observe(other, Counter(1e6, 20.0))) is NoReading.RESTARTED


def test_a_counter_that_went_back_is_no_reading_until_the_window_is_full_again() -> None:
    """A negative difference is no load."""
    target = windows()
    feed(target, 0.7, [0, 5, 10, 15])
    assert reason(target.observe(NODE, Counter(0.5, 20.0))) is NoReading.COUNTER_WENT_BACK
    assert reason(target.observe(NODE, Counter(1.5, 25.0))) is NoReading.COUNTER_WENT_BACK
    target.observe(NODE, Counter(2.5, 30.0))
    assert target.observe(NODE, Counter(3.5, 35.0)) == pytest.approx(20)


def test_a_gap_longer_than_two_windows_is_stale() -> None:
    """The average over a minute says little of the last 15 s."""
    target = windows()
    feed(target, 0.7, [0, 5, 10, 15])
    assert reason(target.observe(NODE, Counter(40.0, 46.0))) is NoReading.STALE
    assert reason(target.observe(NODE, Counter(41.0, 51.0))) is NoReading.STALE


def test_a_gap_of_up_to_two_windows_is_averaged() -> None:
    """A slow tick or two make no hole."""
    assert feed(windows(), 0.7, [0, 30]) == pytest.approx(70)


def test_a_pause_interrupts_the_window() -> None:
    """The time a container did not run would read as low load."""
    target = windows()
    feed(target, 0.7, [0, 5, 10, 15])
    target.interrupt(NODE)
    assert reason(target.observe(NODE, Counter(11.5, 20.0))) is NoReading.STALE


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_a_counter_that_is_no_amount_is_no_counter(value: float) -> None:
    """It is not kept either: the next good one goes on."""
    target = windows()
    feed(target, 0.7, [0, 5, 10])
    assert reason(target.observe(NODE, Counter(value, 14.0))) is NoReading.NO_COUNTER
    assert target.observe(NODE, Counter(1 + 0.7 * 15, 15.0)) == pytest.approx(70)


def test_without_a_number_of_cpus_there_is_no_percentage() -> None:
    """An engine may not tell the host's; that is named, and nothing is divided by 0."""
    result = feed(windows(), 0.7, [0, 5, 10, 15], replace(NODE, allowed_cpus=0.0))
    assert reason(result) is NoReading.NO_COUNTER


def test_members_that_are_not_kept_are_forgotten() -> None:
    """A removed container leaves nothing behind."""
    target = windows()
    feed(target, 0.7, [0, 5])
    target.keep(["node-2"])
    assert len(target) == 0


@given(st.lists(st.floats(0.01, 4.0), min_size=50, max_size=300))
def test_counters_kept_are_few_however_often_they_are_read(steps: list[float]) -> None:
    """Memory is bounded by the window, not by the number of looks."""
    target, at = windows(), 0.0
    for step in steps:
        at += step
        target.observe(NODE, Counter(at, at))
    assert len(target._windows["node-1"].counters) <= 15 / (5 * 0.25) + 2


@given(
    st.floats(0, 64),
    st.floats(0.1, 64),
    st.lists(st.floats(1.0, 9.0), min_size=10, max_size=60),
)
def test_a_constant_load_reads_constant_whatever_the_ticks_do(
    load: float, allowed: float, steps: list[float]
) -> None:
    """Late and early ticks move the window, never the figure."""
    target, at, results = windows(), 0.0, []
    member = replace(NODE, allowed_cpus=allowed)
    for step in steps:
        at += step
        results.append(target.observe(member, Counter(load * at, at)))
    readings = [r for r in results if isinstance(r, float)]
    assert readings == pytest.approx([100 * load / allowed] * len(readings), abs=1e-6)
    assert at < 22 or readings


def test_a_thousand_members_take_a_fraction_of_a_tick() -> None:
    """Less than a tenth of a second of this thread's CPU time."""
    target = windows()
    members = [replace(NODE, name=f"node-{n}") for n in range(1000)]
    for at in (0.0, 5.0, 10.0, 15.0, 20.0):
        began = time.thread_time()
        for member in members:
            target.observe(member, Counter(at, at))
        spent = time.thread_time() - began
    assert spent < 0.1
