"""One daemon at a time, proven with a second process."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autoscaler.daemon.lock import InstanceLock
from autoscaler.errors import AutoscalerError, LockedError

HOLD = """
import sys, pathlib
from autoscaler.daemon.lock import InstanceLock
alone = {"SHARED": pathlib.Path(sys.argv[2])} if sys.argv[2:] else {}
lock = InstanceLock(pathlib.Path(sys.argv[1]), alone)
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def holder(*folders: Path) -> subprocess.Popen[str]:
    """Start a process that holds the lock, and a directory for itself, until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, *map(str, folders)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_daemon_is_refused_with_the_process_that_runs(tmp_path: Path) -> None:
    """The message names its process id and the file."""
    with holder(tmp_path) as process:
        with pytest.raises(LockedError, match=rf"process {process.pid} holds {tmp_path}/lock"):
            InstanceLock(tmp_path).acquire()
        process.kill()


def test_a_lock_left_by_a_killed_daemon_holds_nobody_up(tmp_path: Path) -> None:
    """After kill -9 the file is still there, the lock is not."""
    with holder(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    assert (tmp_path / "lock").read_text(encoding="ascii") == f"{process.pid}\n"
    lock = InstanceLock(tmp_path)
    lock.acquire()
    assert (tmp_path / "lock").read_text(encoding="ascii") == f"{os.getpid()}\n"
    lock.release()


def test_a_released_lock_can_be_taken_by_another(tmp_path: Path) -> None:
    """The file stays, so that two starting daemons see the same one."""
    lock = InstanceLock(tmp_path)
    lock.acquire()
    lock.release()
    with holder(tmp_path) as process:
        process.kill()
    assert (tmp_path / "lock").exists()


def test_the_run_directory_is_made(tmp_path: Path) -> None:
    """Not everybody starts it under systemd."""
    lock = InstanceLock(tmp_path / "new" / "run")
    lock.acquire()
    assert lock.path.exists()
    lock.release()


def test_a_run_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """With the setting to change."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(AutoscalerError, match="AUTOSCALER_RUN_DIR"):
        InstanceLock(tmp_path / "file").acquire()


def test_two_daemons_do_not_share_a_directory(tmp_path: Path) -> None:
    """Each has a run directory of its own; the one they would both write to is the trouble."""
    shared = tmp_path / "nginx"
    shared.mkdir()
    lock = InstanceLock(tmp_path / "b", {"AUTOSCALER_NGINX__DIRECTORY": shared})
    with holder(tmp_path / "a", shared) as process:
        with pytest.raises(LockedError) as refused:
            lock.acquire()
        process.kill()
    assert f"uses {shared} already (process {process.pid})" in str(refused.value)
    assert "give each its own AUTOSCALER_NGINX__DIRECTORY" in str(refused.value)
    lock.acquire()
    lock.release()


def test_a_refused_daemon_leaves_nothing_locked(tmp_path: Path) -> None:
    """The run directory it had already is free again."""
    shared = tmp_path / "nginx"
    shared.mkdir()
    with holder(tmp_path / "a", shared) as process:
        with pytest.raises(LockedError):
            InstanceLock(tmp_path / "b", {"SHARED": shared}).acquire()
        with holder(tmp_path / "b") as free:
            free.kill()
        process.kill()


def test_one_directory_may_serve_for_two_settings(tmp_path: Path) -> None:
    """The daemon does not take itself for another one."""
    lock = InstanceLock(tmp_path, {"STATE_DIR": tmp_path, "NGINX__DIRECTORY": tmp_path})
    lock.acquire()
    lock.release()


@pytest.mark.parametrize("file_system", ["run", "state"])
def test_a_file_system_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_system: str
) -> None:
    """It is no other daemon that is in the way; the setting to change is told."""
    real = fcntl.flock

    def flock(fd: int, operation: int) -> None:
        if Path(f"/proc/self/fd/{fd}").resolve().is_relative_to(tmp_path / file_system):
            raise OSError(errno.ENOLCK, "No locks available")
        real(fd, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    (tmp_path / "state").mkdir()
    lock = InstanceLock(tmp_path / "run", {"AUTOSCALER_STATE_DIR": tmp_path / "state"})
    with pytest.raises(AutoscalerError) as refused:
        lock.acquire()
    variable = f"AUTOSCALER_{file_system.upper()}_DIR"
    assert f"No locks available; {variable} must be on a file system that knows" in str(
        refused.value
    )


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    """What it points to would be emptied."""
    (tmp_path / "precious").write_text("x", encoding="utf-8")
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(AutoscalerError, match="cannot open the lock file"):
        InstanceLock(tmp_path).acquire()
    assert (tmp_path / "precious").read_text(encoding="utf-8") == "x"


def test_a_directory_that_is_not_there_holds_nobody_up(tmp_path: Path) -> None:
    """It may come later; that nothing can be written is told by whoever writes."""
    lock = InstanceLock(tmp_path, {"SHARED": tmp_path / "none"})
    lock.acquire()
    lock.release()
