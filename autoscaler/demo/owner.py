"""Whose containers are these: a label that names the process that made them.

A run that was killed leaves things behind; the next one removes them, but only when the process
that made them is certainly gone.
"""

from __future__ import annotations

import os
from pathlib import Path

from autoscaler.clock import boot_id

OWNER_LABEL = "autoscaler.demo.owner"


def own_identity() -> str:
    """Return this process's identity: `boot:pid-namespace:pid:start-time`."""
    pid = os.getpid()
    return f"{boot_id()}:{_pid_namespace()}:{pid}:{_start_time(pid)}"


def is_gone(identity: str) -> bool:
    """Tell whether the process with that identity is certainly gone.

    A process of another pid namespace cannot be seen from here, so it counts as alive; one of an
    earlier boot is gone. A text that is no identity counts as alive.
    """
    parts = identity.split(":")
    if len(parts) != 4 or not parts[2].isdigit():  # noqa: PLR2004 four fields, see own_identity
        return False
    boot, namespace, pid, started = parts
    if boot != boot_id():
        return True
    if namespace != _pid_namespace():
        return False
    return _start_time(int(pid)) != started


def _pid_namespace() -> str:
    """Return the number of this process's pid namespace, empty where the kernel hides it."""
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return ""


def _start_time(pid: int) -> str:
    """Return when the process started, in clock ticks since boot, empty if there is none.

    Field 22 of /proc/PID/stat (proc(5)), counted after the name, which may hold spaces.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]
