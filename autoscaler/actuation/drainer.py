"""Waiting until a member is drained: it looks at the kernel's tables, the rule is in `drain`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.actuation.drain import LOOK_SECONDS, Drained, Draining, Look, connections_in
from autoscaler.actuation.workers import PROC, Worker
from autoscaler.errors import AutoscalerError, NginxUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from autoscaler.clock import Clock


@dataclass(frozen=True, slots=True)
class Leaving:
    """A member that left the upstream: `pid` is its process on the host, 0 if it does not run.

    `old_workers` are NGINX's workers from before the reload that was proven at `proven_at`
    (monotonic seconds); empty if nobody knows, as after a restart of the daemon.
    """

    pid: int
    port: int
    old_workers: frozenset[Worker]
    proven_at: float


class Drainer:
    """Looks every 250 ms until the rule says drained, the time is over or it is cancelled.

    `workers` shows NGINX's workers now. An object holds no state of a drain, so several drains may
    run at once, each on its own thread. `pause` waits so many seconds.
    """

    def __init__(
        self,
        clock: Clock,
        workers: Callable[[], frozenset[Worker]],
        *,
        proc: Path = PROC,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._workers = workers
        self._proc = proc
        self._pause = pause

    def drain(
        self, leaving: Leaving, timeout_seconds: float, cancelled: Callable[[], bool]
    ) -> Drained:
        """Block until the member is drained, at most `timeout_seconds` from now.

        `cancelled` is asked between looks, so a cancelled drain returns within 250 ms. What cannot
        be seen is waited for until the time is over, and named in the result.
        """
        begun = self._clock.monotonic()
        state = Draining(leaving.proven_at, frozenset(w.identity for w in leaving.old_workers))
        while True:
            state = state.after(self._look(leaving))
            seconds = self._clock.monotonic() - begun
            if state.complete or seconds >= timeout_seconds:
                return state.ended(seconds)
            if cancelled():
                return state.ended(seconds, cancelled=True)
            self._pause(min(LOOK_SECONDS, timeout_seconds - seconds))

    def _look(self, leaving: Leaving) -> Look:
        """Look once at connections and workers; a failure to see is part of the look."""
        problem = ""
        connections: int | None = 0
        workers: frozenset[Worker] = frozenset()
        try:
            connections = connections_to(leaving.pid, leaving.port, self._proc)
        except OSError as error:
            problem = f"the connections of process {leaving.pid} cannot be read: {error}"
        try:
            workers = self._workers()
        except NginxUnreachableError:
            pass  # an NGINX that does not run has no workers
        except AutoscalerError as error:
            problem = problem or str(error)
        return Look(self._clock.monotonic(), connections, workers, problem)


def connections_to(pid: int, port: int, proc: Path = PROC) -> int | None:
    """Count connections to a port in a process's network namespace, over IPv4 and IPv6.

    None if the process is gone. Raises OSError if its tables cannot be read.
    """
    if not pid:
        return None
    folder = proc / str(pid) / "net"
    try:
        table = (folder / "tcp").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
        return None
    try:
        table6 = (folder / "tcp6").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        table6 = ""  # a kernel without IPv6, or the process ended this moment: the next look knows
    return connections_in(table, port) + connections_in(table6, port)
