"""When a member that left the upstream may be stopped. Pure: looks and time are arguments.

Old workers start requests for up to 100 ms after the proof of a reload, and a worker that is still
reading a slow upload has no upstream connection yet. So neither "no connection" nor "no old
worker" alone means drained.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoscaler.actuation.workers import Worker

SETTLE_SECONDS = 1.0
LOOK_SECONDS = 0.25

_ROUNDING = 1e-6  # seconds; two clock readings 0.25 s apart may differ by a little less
_LISTEN = "0A"
_TIME_WAIT = "06"
_LOCAL_ADDRESS = 1
_STATE = 3


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one moment (monotonic seconds).

    `connections` are those to the member's port, None if its process is gone. A `problem` says
    what could not be seen; such a look is never a clean one.
    """

    at: float
    connections: int | None
    workers: frozenset[Worker] = frozenset()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Drained:
    """How a drain ended, for the record.

    `complete` says that nothing was cut. `awaited_*` are the most that were seen, `cut_connections`
    and `left_workers` what was still there when the time was over. A `cancelled` drain cut nothing:
    the member was not to be stopped after all. `problem` is what could not be seen at the end.
    """

    seconds: float
    complete: bool
    awaited_connections: int
    cut_connections: int
    awaited_workers: int
    left_workers: int
    cancelled: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Draining:
    """A drain under way: what the looks so far say. `proven_at` is when the reload was proven.

    `old` are the identities of the workers from before the reload. A worker that is shutting down
    is older too, unless it was seen serving when all old ones had long been told to quit: then it
    is the victim of a later reload and knows nothing of the member.
    """

    proven_at: float
    old: frozenset[tuple[int, int]]
    serving: frozenset[tuple[int, int]] = frozenset()
    clean_since: float | None = None
    gone: bool = False
    complete: bool = False
    awaited: tuple[int, int] = (0, 0)
    left: tuple[int, int] = (0, 0)
    problem: str = field(default="")

    def after(self, look: Look) -> Draining:
        """Return the state after one more look."""
        if look.connections is None:
            return replace(self, gone=True, complete=True, left=(0, 0), problem="")
        settled = look.at - self.proven_at >= SETTLE_SECONDS - _ROUNDING
        left = (look.connections, sum(1 for worker in look.workers if self._is_old(worker)))
        clean = settled and left == (0, 0) and not look.problem
        since = (self.clean_since if self.clean_since is not None else look.at) if clean else None
        newly = {worker.identity for worker in look.workers if not worker.shutting_down}
        return replace(
            self,
            serving=self.serving | (newly - self.old) if settled else self.serving,
            clean_since=since,
            complete=since is not None and look.at - since >= LOOK_SECONDS - _ROUNDING,
            awaited=(max(self.awaited[0], left[0]), max(self.awaited[1], left[1])),
            left=left,
            problem=look.problem,
        )

    def ended(self, seconds: float, *, cancelled: bool = False) -> Drained:
        """Return the record of this drain, stopped now after so many seconds."""
        cut = not cancelled
        return Drained(
            seconds=seconds,
            complete=self.complete,
            awaited_connections=self.awaited[0],
            cut_connections=self.left[0] if cut else 0,
            awaited_workers=self.awaited[1],
            left_workers=self.left[1],
            cancelled=cancelled,
            problem=self.problem,
        )

    def _is_old(self, worker: Worker) -> bool:
        """Tell whether a worker is from before the reload."""
        if worker.identity in self.old:
            return True
        return worker.shutting_down and worker.identity not in self.serving


def connections_in(table: str, port: int) -> int:
    """Count the connections to a local port in a /proc/net/tcp or tcp6 table, see proc(5).

    Every state counts but LISTEN and TIME_WAIT.
    """
    ending = f":{port:04X}"
    count = 0
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > _STATE and fields[_LOCAL_ADDRESS].endswith(ending):
            count += fields[_STATE] not in (_LISTEN, _TIME_WAIT)
    return count
