"""The disk of the history: full, hanging, read-only; the file damaged or from the future."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest

from autoscaler.daemon.history import HANG_SECONDS
from tests.e2e.harness import BY_HAND, role
from tests.e2e.waiting import until
from tests.faults.counts import has, nothing_failed, runs, wish
from tests.faults.impatient import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.conftest import MakeHost
    from tests.e2e.daemon_process import Daemon
    from tests.e2e.harness import Host

pytestmark = pytest.mark.engine

RATE = 80.0
TMPFS_MIB = 2
IMAGE_MIB = 16


@pytest.fixture(scope="module")
def shared(make_shared_host: MakeHost) -> Host:
    """A host under load; each test starts daemons of its own on it."""
    host = make_shared_host(role("validator", 2, settings=BY_HAND))
    host.start(program=(PROGRAM,))
    host.load(RATE, "validator")
    return host


@pytest.fixture
def host(shared: Host) -> Iterator[Host]:
    """The host; no request fails, whatever is done to the disk."""
    yield shared
    shared.daemon.kill()
    nothing_failed(shared.loads[0])


def ended_at(host: Host, count: int) -> None:
    """Bring the host to a count and end its daemon, so that the count is stored."""
    if not host.daemon.alive:
        host.start(program=(PROGRAM,))
    has(host, count)
    assert host.daemon.stop() == 0


@pytest.fixture
def state(host: Host) -> Path:
    """The directory of the history."""
    return host.stack.directory / "state"


@contextlib.contextmanager
def mounted(folder: Path, *words: str) -> Iterator[None]:
    """Mount something over a folder."""
    subprocess.run(["mount", *words, folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Use up every byte of the folder's file system; return the file that does."""
    path = folder / "full"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return path


def grows_and_shrinks(host: Host) -> None:
    """Scale there and back, whatever happens to the disk."""
    has(host, 2)
    has(host, 1)


def test_a_full_disk_is_told_once_and_scaling_goes_on(host: Host, state: Path) -> None:
    """When there is space again history goes on by itself, which is told too."""
    ended_at(host, 1)
    with mounted(state, "-t", "tmpfs", "-o", f"size={TMPFS_MIB}m", "none"):
        daemon = host.start(program=(PROGRAM,))
        filler = fill(state)
        told = daemon.wait_for("history.failed")
        assert "full" in told.fields["reason"]
        assert "scaling goes on" in told.fields["consequence"]
        grows_and_shrinks(host)
        assert len(daemon.of("history.failed")) == 1
        filler.unlink()
        daemon.wait_for("history.recovered")
        daemon.kill()


def test_a_hanging_disk_is_told_once_and_scaling_goes_on(
    host: Host, state: Path, tmp_path: Path
) -> None:
    """Its file system is frozen: no write returns and none fails. Every action waits a second for
    its record, is done without, and says so. When the disk answers again that is told.
    """
    ended_at(host, 1)
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(IMAGE_MIB << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    with mounted(state, "-o", "loop", str(image)):
        daemon = host.start(program=(PROGRAM,))
        subprocess.run(["fsfreeze", "--freeze", state], check=True)
        try:
            grows_and_shrinks(host)
            for action in ("start", "publish", "drain", "stop"):
                daemon.wait_for("history.late", action=action)
            told = daemon.wait_for("history.failed", seconds=3 * HANG_SECONDS)
            assert "the disk hangs" in told.fields["reason"]
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", state], check=True)
        daemon.wait_for("history.recovered")
        assert len(daemon.of("history.failed")) == 1
        daemon.kill()


def truncated(path: Path) -> None:
    """Cut a file in half."""
    os.truncate(path, path.stat().st_size // 2)


def garbage(path: Path) -> None:
    """Put something else in its place."""
    path.write_bytes(os.urandom(50_000))


def newer(path: Path) -> None:
    """Let it come from a version of the future."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")


def immutable(path: Path) -> None:
    """Let nobody write to it."""
    subprocess.run(["mount", "--bind", "-o", "ro", path, path], check=True)


FILES: list[tuple[Callable[[Path], None], str, str]] = [
    (truncated, "history.unreadable", "malformed"),
    (garbage, "history.unreadable", "not a database"),
    (newer, "history.failed", "newer autoscaler (format 99"),
    (immutable, "history.failed", "Read-only file system"),
]


@pytest.mark.parametrize(("spoil", "event", "reason"), FILES, ids=[f[0].__name__ for f in FILES])
def test_a_spoilt_history_file_stops_nobody(
    host: Host, state: Path, spoil: Callable[[Path], None], event: str, reason: str
) -> None:
    """What is wrong with it is told, two members that run are still wanted, and scaling goes on."""
    ended_at(host, 2)
    before, path = runs(host), state / "history.db"
    spoil(path)
    wish_between(host)

    daemon = host.start(program=(PROGRAM,))
    try:
        told = daemon.wait_for(event)
        assert reason in told.fields["reason"]
        host.wait_published("validator", 1, 2)
        assert runs(host) == before
        has(host, 1)
    finally:
        clean(daemon, path)


def wish_between(host: Host) -> None:
    """Let the bounds allow one and two members, so that only memory and the world decide."""
    wish(host, 1)
    host.settings["ROLES__VALIDATOR__MAX"] = "2"


def clean(daemon: Daemon, path: Path) -> None:
    """End the daemon and take a spoilt file away."""
    daemon.kill()
    # The mount of a file over itself is in no other file system, so nothing tells it but this.
    subprocess.run(["umount", "--quiet", path], check=False)
    for part in path.parent.glob(f"{path.name}*"):
        part.unlink()
    until(lambda: not path.exists(), "the file is gone")
