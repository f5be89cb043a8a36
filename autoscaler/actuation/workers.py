"""NGINX's worker processes as the kernel shows them, under a given root process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autoscaler.errors import NginxError

PROC = Path("/proc")
_WORKER = b"nginx: worker process"
_MASTER = b"nginx: master process"
_LEAVING = b"is shutting down"

# Fields of /proc/PID/stat after the command in brackets, see proc(5).
_PARENT = 1
_START_TICKS = 19


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process. `start_ticks` is its start in clock ticks since boot.

    `shutting_down` workers accept no new connection but finish those they have.
    """

    pid: int
    start_ticks: int
    shutting_down: bool = False

    @property
    def identity(self) -> tuple[int, int]:
        """What stays the same in one worker's life; a reused pid has another."""
        return (self.pid, self.start_ticks)


def workers_under(root_pid: int, proc: Path = PROC) -> frozenset[Worker]:
    """Return the workers among all descendants of a process, given by its pid on the host.

    Raises NginxError if the process itself cannot be seen: without it, "no old worker is left"
    would be a guess.
    """
    if not title_of(root_pid, proc):
        raise NginxError(
            f"the NGINX process {root_pid} cannot be seen in {proc}; if it runs, /proc hides it: "
            "mount it without hidepid and set ProtectProc=default in the unit"
        )
    children: dict[int, list[tuple[int, int]]] = {}
    for entry in proc.iterdir():
        if entry.name.isdigit():
            seen = _parent_and_start(entry)
            if seen is not None:
                children.setdefault(seen[0], []).append((int(entry.name), seen[1]))
    found: set[Worker] = set()
    waiting = [root_pid]
    while waiting:
        parent = waiting.pop()
        for pid, start_ticks in children.get(parent, ()):
            waiting.append(pid)
            title = title_of(pid, proc)
            # A worker has its master's title until it sets its own. A master that was started
            # by another one, to upgrade the program, has workers and is none.
            newborn = title.startswith(_MASTER) and is_master(parent, proc) and pid not in children
            if newborn or title.startswith(_WORKER):
                found.add(Worker(pid, start_ticks, shutting_down=_LEAVING in title))
    return frozenset(found)


def is_master(pid: int, proc: Path = PROC) -> bool:
    """Tell whether a pid is an NGINX master now, and not a process that got the number later."""
    return title_of(pid, proc).startswith(_MASTER)


def title_of(pid: int, proc: Path = PROC) -> bytes:
    """Return a process's command line, empty if it is gone, a zombie or hidden."""
    try:
        return (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def _parent_and_start(entry: Path) -> tuple[int, int] | None:
    """Return (parent pid, start ticks) of a /proc/PID folder, None if it is gone by now."""
    try:
        fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
        return (int(fields[_PARENT]), int(fields[_START_TICKS]))
    except (OSError, IndexError, ValueError):
        return None
