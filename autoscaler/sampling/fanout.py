"""Runs many blocking calls at once and waits for them no longer than a deadline."""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

K = TypeVar("K")
V = TypeVar("V")

_IDLE_SECONDS = 120.0


class Fanout(Generic[K, V]):
    """A pool of at most `max_workers` threads that grows with the calls under way.

    A call that hangs keeps its thread and its key, and no further call is made for that key until
    it returns; the others are not delayed. The threads are daemons, so that a hanging call does
    not keep the process from ending, and go after two idle minutes. For one caller at a time.
    """

    def __init__(self, name: str, max_workers: int) -> None:
        self._name = name
        self._max_workers = max_workers
        self._calls: SimpleQueue[tuple[K, Callable[[], V], _Answers[K, V]]] = SimpleQueue()
        self._guard = threading.Lock()
        self._under_way: set[K] = set()
        self._workers = 0

    def run(self, calls: Mapping[K, Callable[[], V]], timeout: float) -> dict[K, V]:
        """Return what the calls gave within `timeout` seconds; those that did not are left out.

        The calls must not raise.
        """
        deadline = time.monotonic() + timeout
        answers: _Answers[K, V] = SimpleQueue()
        with self._guard:
            fresh = [key for key in calls if key not in self._under_way]
            self._under_way.update(fresh)
            wanted = min(len(self._under_way), self._max_workers)
            missing, self._workers = wanted - self._workers, max(self._workers, wanted)
        for key in fresh:
            self._calls.put((key, calls[key], answers))
        self._start(missing)
        given: dict[K, V] = {}
        while len(given) < len(fresh):
            try:
                key, value = answers.get(timeout=max(deadline - time.monotonic(), 0.0))
            except Empty:
                break
            given[key] = value
        return given

    def _start(self, missing: int) -> None:
        """Start threads; those that the system does not give are tried again at the next run."""
        for started in range(missing):
            try:
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
            except RuntimeError:
                with self._guard:
                    self._workers -= missing - started
                return

    def _work(self) -> None:
        """Make calls until there was none for a while."""
        while True:
            try:
                key, call, answers = self._calls.get(timeout=_IDLE_SECONDS)
            except Empty:
                with self._guard:
                    # A call put meanwhile counted on this thread: look once more before going.
                    if not self._under_way:
                        self._workers -= 1
                        return
                continue
            try:
                answer = call()
            except BaseException:  # a defect: this thread ends with its traceback on record
                with self._guard:
                    self._workers -= 1
                raise
            finally:
                # Before the answer: whoever has it may at once ask for the same key again.
                with self._guard:
                    self._under_way.discard(key)
            answers.put((key, answer))


_Answers = SimpleQueue[tuple[K, V]]
