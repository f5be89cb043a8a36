"""The wait for a drain: real sockets and processes, a clock that the test moves."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from autoscaler.actuation.drainer import Drainer, Leaving, connections_to
from autoscaler.actuation.workers import Worker
from autoscaler.errors import EngineUnavailableError, NginxUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NONE: frozenset[Worker] = frozenset()


@dataclass
class Time:
    """A clock whose waits pass at once."""

    now: float = 50.0

    def monotonic(self) -> float:
        """Return the moved time."""
        return self.now

    def wall(self) -> datetime:
        """Return some time of day."""
        return datetime(2025, 1, 1, tzinfo=UTC)

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6])
def held(request: pytest.FixtureRequest) -> Iterator[tuple[int, Callable[[], None]]]:
    """Give a port with one open connection to it, and what closes that connection.

    Second time the listener is dual-stack, as a JVM's is, and the client comes over IPv4.
    """
    with socket.socket(request.param) as listener:
        if request.param == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("", 0))
        listener.listen()
        port = int(listener.getsockname()[1])
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = listener.accept()

        def close() -> None:
            client.close()  # the client first, so that no TIME_WAIT stays on the port
            accepted.close()

        yield port, close
        close()


def drainer(time: Time, workers: Callable[[], frozenset[Worker]] = lambda: NONE) -> Drainer:
    """Return a drainer on this machine's own tables."""
    return Drainer(time, workers, pause=time.pause)


def leaving(port: int, time: Time, pid: int | None = None) -> Leaving:
    """Return a member in this very process, unpublished just now."""
    return Leaving(os.getpid() if pid is None else pid, port, NONE, time.now)


def test_a_connection_of_each_family_is_seen(held: tuple[int, Callable[[], None]]) -> None:
    """A dual-stack listener's connections show in the tcp6 table only."""
    assert connections_to(os.getpid(), held[0]) == 1


def test_a_drain_takes_what_the_rule_takes(held: tuple[int, Callable[[], None]]) -> None:
    """1.25 s after the proof without any connection."""
    port, close = held
    close()
    time = Time()
    drained = drainer(time).drain(leaving(port, time), 35.0, lambda: False)
    assert (drained.complete, drained.seconds) == (True, 1.25)


def test_a_drain_ends_after_the_connection_does(held: tuple[int, Callable[[], None]]) -> None:
    """It is awaited, and then two looks more."""
    port, close = held
    time = Time()

    def end_at_five() -> bool:
        if time.now >= 55.0:
            close()
        return False

    drained = drainer(time).drain(leaving(port, time), 35.0, end_at_five)
    assert (drained.complete, drained.awaited_connections) == (True, 1)
    assert drained.seconds == 5.5


def test_a_timeout_says_what_was_cut(held: tuple[int, Callable[[], None]]) -> None:
    """The connection is still there after drain_timeout."""
    time = Time()
    drained = drainer(time).drain(leaving(held[0], time), 3.1, lambda: False)
    assert (drained.complete, drained.cut_connections) == (False, 1)
    assert drained.seconds == pytest.approx(3.1)


def test_a_cancelled_drain_returns_at_the_next_look(held: tuple[int, Callable[[], None]]) -> None:
    """Within 250 ms."""
    time = Time()
    drained = drainer(time).drain(leaving(held[0], time), 35.0, lambda: time.now >= 52.0)
    assert (drained.cancelled, drained.complete, drained.seconds) == (True, False, 2.0)


def test_a_member_whose_process_ended_is_drained_at_once() -> None:
    """A crash during the drain ends it."""
    child = subprocess.Popen(["true"])
    child.wait(5)
    time = Time()
    drained = drainer(time).drain(leaving(9003, time, child.pid), 35.0, lambda: False)
    assert (drained.complete, drained.seconds) == (True, 0.0)


def test_a_zombie_is_gone() -> None:
    """It holds no connection any more, though its pid is there."""
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    gone = connections_to(child.pid, 9003)
    child.wait(5)
    assert gone is None


def test_a_member_that_does_not_run_has_no_connections() -> None:
    """Pid 0 is the engine's way to say so."""
    assert connections_to(0, 9003) is None


def test_a_kernel_without_ipv6_has_only_one_table(tmp_path: Path) -> None:
    """The missing tcp6 does not mean that the process is gone."""
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "net" / "tcp").write_text("heading\n")
    assert connections_to(7, 9003, tmp_path) == 0


def test_tables_that_cannot_be_read_are_waited_out_and_named(tmp_path: Path) -> None:
    """Not seeing is never taken for seeing nothing."""
    (tmp_path / "7" / "net" / "tcp").mkdir(parents=True)
    time = Time()
    one = Drainer(time, lambda: NONE, proc=tmp_path, pause=time.pause)
    drained = one.drain(leaving(9003, time, 7), 5.0, lambda: False)
    assert not drained.complete
    assert "process 7 cannot be read" in drained.problem


def test_workers_that_cannot_be_seen_are_waited_out_and_named(free: int) -> None:
    """The engine does not answer: the drain takes its whole time."""

    def fail() -> frozenset[Worker]:
        raise EngineUnavailableError("the engine does not answer")

    time = Time()
    drained = drainer(time, fail).drain(leaving(free, time), 5.0, lambda: False)
    assert (drained.complete, drained.problem) == (False, "the engine does not answer")


def test_an_nginx_that_does_not_run_has_no_old_workers(free: int) -> None:
    """Nobody is left who could send a request."""

    def fail() -> frozenset[Worker]:
        raise NginxUnreachableError("gone")

    time = Time()
    assert drainer(time, fail).drain(leaving(free, time), 5.0, lambda: False).complete


def test_an_old_worker_holds_the_drain(free: int) -> None:
    """It is named when the time is over."""
    old = Worker(10, 1000)
    time = Time()
    member = Leaving(os.getpid(), free, frozenset({old}), time.now)
    drained = drainer(time, lambda: frozenset({old})).drain(member, 5.0, lambda: False)
    assert (drained.complete, drained.awaited_workers, drained.left_workers) == (False, 1, 1)


@pytest.fixture
def free() -> int:
    """Give a port without connections."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
