"""Reading what a daemon before this one has stored, without waiting for a disk that hangs."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

from autoscaler.daemon.schema import RoleRecord, load_roles

LOAD_SECONDS = 5.0
"""How long the start waits for the memory of the last daemon."""

_Loaded = tuple[dict[str, RoleRecord], list[str]]


def load_in_time(path: Path, seconds: float = LOAD_SECONDS) -> _Loaded:
    """Return what `load_roles` does, or after `seconds` nothing and a sentence that says so."""
    answer: queue.SimpleQueue[_Loaded] = queue.SimpleQueue()

    def work() -> None:
        answer.put(load_roles(path))

    threading.Thread(target=work, name="load", daemon=True).start()
    try:
        return answer.get(timeout=seconds)
    except queue.Empty:
        return {}, [f"{path} could not be read within {seconds:g} s: the disk hangs"]
