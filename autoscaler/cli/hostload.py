"""Judges the host itself: its CPU while the check looks, its memory, the daemon's directories."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from autoscaler.cli.findings import Finding, fail, ok, warn
from autoscaler.policy.headroom import BUSY_PERCENT, LOW_MEMORY_PERCENT
from autoscaler.sampling.hostload import busy_percent, cpu_ticks, memory_kib
from autoscaler.settings.names import variable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from autoscaler.settings import Settings


def load_findings(before: str, after: str, memory: str, cpus: int) -> Iterator[Finding]:
    """Yield how busy the host is, from two texts of /proc/stat and one of /proc/meminfo."""
    try:
        percent = busy_percent(cpu_ticks(before), cpu_ticks(after))
        if percent is not None:
            yield _cpu_finding(percent, cpus)
        yield _memory_finding(*memory_kib(memory))
    except ValueError as error:
        yield warn("host", f"/proc cannot be read: {error}", "look at the host's load by hand")


def _cpu_finding(percent: float, cpus: int) -> Finding:
    text = f"{percent:.0f} % of the host's {cpus} CPUs were busy while this check sampled"
    if percent <= BUSY_PERCENT:
        return ok("host cpu", text)
    return warn(
        "host cpu",
        f"{text}: above {BUSY_PERCENT:g} %, one more member only splits the same cores",
        "see what uses it (top); give the host more CPUs or move work away",
    )


def _memory_finding(available: int, total: int) -> Finding:
    percent = 100 * available / total if total else 0.0
    text = (
        f"{available / 1024:.0f} of {total / 1024:.0f} MiB memory ({percent:.0f} %) are available"
    )
    if percent >= LOW_MEMORY_PERCENT:
        return ok("host memory", text)
    return warn(
        "host memory",
        f"{text}: below {LOW_MEMORY_PERCENT:g} %, one more member may end another by lack of it",
        "see what uses it (docker stats, top); set memory limits, or give the host more",
    )


def directory_findings(settings: Settings) -> Iterator[Finding]:
    """Yield whether this user may write where the daemon keeps its memory and its socket."""
    for field, path in (("state_dir", settings.state_dir), ("run_dir", settings.run_dir)):
        yield _directory_finding(field.replace("_dir", " directory"), variable((field,)), path)


def _directory_finding(item: str, name: str, path: Path) -> Finding:
    there = next(one for one in (path, *path.parents) if _seen(one))
    remedy = (
        f"give {there} to the daemon's user and check as that user, or set {name} to a directory "
        "it may write to; mind a read-only mount"
    )
    if not there.is_dir():
        return fail(item, f"{there} is no directory", f"move it away, or correct {name}")
    if not os.access(there, os.W_OK | os.X_OK, effective_ids=True):
        where = str(path) if there == path else f"{there}, where {path} is to be made"
        return fail(item, f"user id {os.geteuid()} cannot write to {where}", remedy)
    if there != path:
        return ok(item, f"{path} is made when the daemon starts")
    return ok(item, f"{path} can be written")


def _seen(path: Path) -> bool:
    """Whether this user can see that a path exists."""
    try:
        return path.exists()
    except OSError:
        return False
