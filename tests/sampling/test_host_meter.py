"""How busy the host is, from the kernel's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.sampling.hostload import HostMeter

MEMINFO = "MemTotal: 1000 kB\nMemAvailable: 250 kB\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Return a directory with both files."""
    (tmp_path / "meminfo").write_text(MEMINFO, encoding="ascii")
    write(tmp_path, 0, 0)
    return tmp_path


def write(proc: Path, busy: int, idle: int) -> None:
    """Let the kernel have counted so many ticks since boot."""
    (proc / "stat").write_text(f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\n", encoding="ascii")


def test_the_first_look_knows_the_memory_only(proc: Path) -> None:
    """The counters since boot say nothing of now."""
    load = HostMeter(15.0, 5.0, proc).look()
    assert load is not None
    assert (load.cpu_percent, load.memory_percent) == (None, 25.0)


def test_cpu_is_averaged_over_the_time_that_readings_are(proc: Path) -> None:
    """Four looks of 5 s span 15 s: what was before does not count."""
    meter = HostMeter(15.0, 5.0, proc)
    percents = []
    for busy, idle in ((0, 0), (100, 0), (100, 100), (100, 200), (100, 300), (100, 400)):
        write(proc, busy, idle)
        load = meter.look()
        assert load is not None
        percents.append(load.cpu_percent)
    assert percents == [None, 100.0, 50.0, pytest.approx(100 / 3), 0.0, 0.0]


def test_waiting_for_a_disk_is_no_work(proc: Path) -> None:
    """Of 100 ticks 40 were work; the rest waited for something to do or for a disk."""
    meter = HostMeter(15.0, 5.0, proc)
    meter.look()
    (proc / "stat").write_text("cpu  40 0 0 35 25 0 0 0 0 0\n", encoding="ascii")
    load = meter.look()
    assert load is not None
    assert load.cpu_percent == 40.0


@pytest.mark.parametrize("text", ["", "cpu 1\n", "cpu a b c d e f\n"])
def test_what_the_kernel_does_not_tell_is_no_number(proc: Path, text: str) -> None:
    """Nor is it mixed with what comes after."""
    meter = HostMeter(15.0, 5.0, proc)
    meter.look()
    (proc / "stat").write_text(text, encoding="ascii")
    assert meter.look() is None
    write(proc, 10, 10)
    load = meter.look()
    assert load is not None
    assert load.cpu_percent is None


def test_a_missing_file_is_no_number(proc: Path) -> None:
    """As in a sandbox that hides it."""
    (proc / "meminfo").unlink()
    assert HostMeter(15.0, 5.0, proc).look() is None


def test_this_machine_is_measured() -> None:
    """Its real files."""
    load = HostMeter(15.0, 5.0).look()
    assert load is not None
    assert 0.0 < load.memory_percent < 100.0
