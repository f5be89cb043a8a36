"""The pool beside the controller thread, with its real threads."""

from __future__ import annotations

import queue
import threading

import pytest

from autoscaler.daemon.worker import Done, JobCrashedError, Pool
from autoscaler.errors import AutoscalerError, EngineError

WAIT = 5.0


class Desk:
    """Takes finished jobs and keeps what they brought."""

    def __init__(self, size: int) -> None:
        self.finished: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self.pool = Pool(size, self.finished.put, "test")
        self.results: list[object] = []
        self.errors: list[AutoscalerError] = []

    def submit(self, call: object, name: str = "job") -> None:
        """Give a job to the pool."""
        assert callable(call)
        self.pool.submit(name, call, self.results.append, self.errors.append)

    def deliver(self, count: int = 1) -> None:
        """Deliver so many outcomes, as the controller does."""
        for _ in range(count):
            self.finished.get(timeout=WAIT).deliver()


@pytest.fixture
def desk() -> Desk:
    """Return a pool of two threads."""
    return Desk(2)


def test_a_result_comes_back_to_whoever_asked(desk: Desk) -> None:
    """In the thread that delivers, not in the pool's."""
    desk.submit(lambda: 42)
    assert desk.results == []
    desk.deliver()
    assert desk.results == [42]


def test_an_error_of_an_adapter_comes_back_as_it_is(desk: Desk) -> None:
    """Its text is for the person on call."""

    def fail() -> None:
        raise EngineError("no such network")

    desk.submit(fail)
    desk.deliver()
    assert [str(e) for e in desk.errors] == ["no such network"]


def test_a_defect_in_a_job_is_a_failure_with_the_jobs_name(desk: Desk) -> None:
    """Nobody waits for an outcome that never comes."""
    desk.submit(lambda: 1 // 0, "start v2")
    desk.deliver()
    assert isinstance(desk.errors[0], JobCrashedError)
    assert str(desk.errors[0]).startswith("start v2: ZeroDivisionError")


def test_a_thread_outlives_a_defect() -> None:
    """The only thread crashes in one job and does the next."""
    desk = Desk(1)
    desk.submit(lambda: 1 // 0)
    desk.submit(lambda: "next")
    desk.deliver(2)
    assert desk.results == ["next"]


def test_no_more_jobs_run_at_once_than_the_pool_has_threads(desk: Desk) -> None:
    """The third of three waits until one is done."""
    gate, entered = threading.Event(), threading.Semaphore(0)

    def wait() -> None:
        entered.release()
        gate.wait(WAIT)

    for _ in range(3):
        desk.submit(wait)
    assert entered.acquire(timeout=WAIT)
    assert entered.acquire(timeout=WAIT)
    assert not entered.acquire(timeout=0.1)
    gate.set()
    desk.deliver(3)
    assert len(desk.results) == 3


def test_as_many_jobs_run_at_once_as_the_pool_has_threads(desk: Desk) -> None:
    """Two that wait for each other both end."""
    meeting = threading.Barrier(2)
    for _ in range(2):
        desk.submit(lambda: meeting.wait(WAIT))
    desk.deliver(2)
    assert desk.errors == []


def test_an_idle_thread_is_used_again() -> None:
    """One job after the other needs one thread."""
    desk = Desk(8)
    for _ in range(5):
        desk.submit(threading.current_thread)
        desk.deliver()
        deadline = threading.Event()
        while desk.pool.unfinished:
            deadline.wait(0.001)
    assert len(set(desk.results)) == 1


def test_threads_do_not_keep_the_process_alive(desk: Desk) -> None:
    """A hanging engine must not delay the end of the daemon."""
    desk.submit(lambda: threading.current_thread().daemon)
    desk.deliver()
    assert desk.results == [True]


def refuse(_thread: threading.Thread) -> None:
    """Answer as a system does that has no more threads to give."""
    raise RuntimeError("can't start new thread")


def test_without_a_further_thread_a_job_waits_for_one_there_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not end the controller, which submits it."""
    free = threading.Event()
    desk.submit(lambda: free.wait(WAIT))
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        desk.submit(lambda: "waited")
    free.set()
    desk.deliver(2)
    assert desk.results == [True, "waited"]
