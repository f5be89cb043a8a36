"""What `check` says of the host's CPU, memory and the daemon's directories, without an engine."""

from __future__ import annotations

import os
import tempfile
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from autoscaler.cli.findings import Level
from autoscaler.cli.hostload import directory_findings, load_findings
from autoscaler.sampling.hostload import cpu_ticks
from autoscaler.settings import load

if TYPE_CHECKING:
    from autoscaler.settings import Settings

MEMORY = "MemTotal:  4096000 kB\nMemFree: 1 kB\nMemAvailable: {} kB\n"


def _stat(user: int, idle: int, iowait: int = 0) -> str:
    """Return a text of /proc/stat whose user time is all a guest's, as which it is listed again."""
    return f"cpu  {user} 0 0 {idle} {iowait} 0 0 0 {user} 0\ncpu0 1 1 1 1 1\n"


def _found(before: str, after: str, available: int = 4096000) -> list[tuple[Level, str]]:
    """Return level and text of each finding."""
    found = load_findings(before, after, MEMORY.format(available), 2)
    return [(one.level, one.text) for one in found]


def test_a_busy_host_is_a_warning_with_the_percent_between_the_two_looks() -> None:
    """191 of 200 ticks were work; what was before the first look does not count."""
    level, text = _found(_stat(1000, 90000), _stat(1191, 90009))[0]
    assert level is Level.WARN
    assert text.startswith("96 % of the host's 2 CPUs were busy")


def test_waiting_for_the_disk_is_no_work() -> None:
    """Neither idle nor iowait count as busy."""
    level, text = _found(_stat(0, 0), _stat(50, 75, 75))[0]
    assert (level, text[:4]) == (Level.OK, "25 %")


def test_little_available_memory_is_a_warning_with_both_numbers() -> None:
    """100 of 4000 MiB."""
    level, text = _found(_stat(0, 0), _stat(1, 1), 102400)[1]
    assert level is Level.WARN
    assert text.startswith("100 of 4000 MiB memory (2 %) are available: below 10 %")
    assert _found(_stat(0, 0), _stat(1, 1), 1024000)[1][0] is Level.OK


def test_what_cannot_be_read_is_said() -> None:
    """Never taken for an idle host."""
    assert _found("nonsense", _stat(1, 1)) == [
        (Level.WARN, "/proc cannot be read: it has no line `cpu` with counters")
    ]


def test_the_kernels_own_text_is_understood() -> None:
    """The real /proc/stat of this machine."""
    ticks = cpu_ticks(Path("/proc/stat").read_text(encoding="ascii"))
    assert 0 < ticks.busy < ticks.total


def _settings(state: Path, run: Path) -> Settings:
    """Return settings with these directories."""
    return load(
        None,
        {
            "AUTOSCALER_PROJECT": "v11",
            "AUTOSCALER_NGINX__CONTAINER": "proxy",
            "AUTOSCALER_STATE_DIR": str(state),
            "AUTOSCALER_RUN_DIR": str(run),
        },
    ).settings


def test_directories_that_are_there_or_can_be_made_are_well(tmp_path: Path) -> None:
    """The daemon makes what is missing."""
    found = list(directory_findings(_settings(tmp_path, tmp_path / "a" / "b")))
    assert [(one.level, one.item) for one in found] == [
        (Level.OK, "state directory"),
        (Level.OK, "run directory"),
    ]
    assert "is made when the daemon starts" in found[1].text


def test_a_directory_that_cannot_be_written_fails() -> None:
    """So does one whose parent cannot. The kernel refuses even root to make files in this one."""
    kernel = Path("/proc/sys/kernel")
    (state, run) = directory_findings(_settings(kernel, kernel / "deeper"))
    assert (state.level, run.level) == (Level.FAIL, Level.FAIL)
    assert f"cannot write to {kernel}" in state.text
    assert f"where {kernel / 'deeper'} is to be made" in run.text


def test_a_file_in_place_of_the_directory_fails(tmp_path: Path) -> None:
    """Nothing can be made below it."""
    (tmp_path / "f").touch()
    (state, _) = directory_findings(_settings(tmp_path / "f" / "s", tmp_path))
    assert (state.level, state.text) == (Level.FAIL, f"{tmp_path / 'f'} is no directory")


def test_a_directory_behind_a_closed_one_fails(tmp_path: Path) -> None:
    """Whoever checks as another user is told, instead of a traceback."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    settings = _settings(closed / "state", closed / "run")
    common = Path(tempfile.gettempdir())
    for parent in takewhile(lambda one: one != common, (tmp_path, *tmp_path.parents)):
        parent.chmod(0o755)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        (state, run) = directory_findings(settings)
    finally:
        os.seteuid(before)
    assert (state.level, run.level) == (Level.FAIL, Level.FAIL)
    assert f"cannot write to {closed}, where {closed / 'state'} is to be made" in state.text
