"""Runs what can block beside the controller thread and brings the outcome back to its inbox."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from autoscaler.errors import AutoscalerError


class Effect(Enum):
    """What taking in an outcome may lead to."""

    NOTHING_NEW = "nothing_new"
    """Only what was known already: nothing has to be planned anew."""


@dataclass(frozen=True, slots=True)
class Done:
    """A finished job: `then` takes the result, `failed` the error, in the controller thread."""

    name: str
    then: Callable[[Any], Effect | None]
    failed: Callable[[AutoscalerError], Effect | None]
    result: Any = None
    error: AutoscalerError | None = None

    def deliver(self) -> bool:
        """Hand the outcome to whoever asked for the job; return whether it may change anything."""
        effect = self.then(self.result) if self.error is None else self.failed(self.error)
        return effect is not Effect.NOTHING_NEW


class JobCrashedError(AutoscalerError):
    """A job raised what no adapter translates: a defect, reported and treated as a failure."""


@dataclass(frozen=True, slots=True)
class _Job:
    name: str
    call: Callable[[], Any]
    then: Callable[[Any], Effect | None]
    failed: Callable[[AutoscalerError], Effect | None]


class Pool:
    """At most `size` threads, made when needed; jobs beyond that wait their turn.

    The threads are daemonic: the process may end at any moment and leaves containers as they are.
    """

    def __init__(self, size: int, deliver: Callable[[Done], None], name: str) -> None:
        self._size = size
        self._deliver = deliver
        self._name = name
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._lock = threading.Lock()

    def submit(
        self,
        name: str,
        call: Callable[[], Any],
        then: Callable[[Any], Effect | None],
        failed: Callable[[AutoscalerError], Effect | None],
    ) -> None:
        """Run `call` in a thread; its result or error comes back as a `Done`."""
        with self._lock:
            self._unfinished += 1
            if self._unfinished > len(self._threads) and len(self._threads) < self._size:
                self._grow()
        self._jobs.put(_Job(name, call, then, failed))

    def _grow(self) -> None:
        """Add a thread. Where the system gives no more, the job waits for one there is."""
        name = f"{self._name}-{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if not self._threads:
                raise
            return
        self._threads.append(thread)

    @property
    def unfinished(self) -> int:
        """How many jobs wait or run."""
        return self._unfinished

    def _work(self) -> None:
        while True:
            self._deliver(self._run(self._jobs.get()))
            with self._lock:
                self._unfinished -= 1

    @staticmethod
    def _run(job: _Job) -> Done:
        try:
            return Done(job.name, job.then, job.failed, result=job.call())
        except AutoscalerError as error:
            return Done(job.name, job.then, job.failed, error=error)
        except Exception as error:  # noqa: BLE001 - a defect in one job must not end its thread
            crash = JobCrashedError(f"{job.name}: {type(error).__name__}: {error}")
            crash.__cause__ = error
            return Done(job.name, job.then, job.failed, error=crash)
