"""Where the kernel keeps the counters of a container: v1 and v2, cgroupfs and systemd drivers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autoscaler.model import Member

_V1_CPU = ("cpuacct", "cpu,cpuacct", "cpuacct,cpu")


@dataclass(frozen=True, slots=True)
class Files:
    """Paths of one container's counters. `version` is 1 or 2; memory paths are empty if absent.

    `cache_field` is the line of `memory_stat` with the inactive file cache.
    """

    version: int
    cpu: str
    memory_usage: str = ""
    memory_limit: str = ""
    memory_stat: str = ""
    cache_field: bytes = b""


def find_files(member: Member, root: str, proc: str) -> Files | str:
    """Find the counters of a running member below `root`, or say where they were looked for.

    Raises nothing: what cannot be seen counts as absent.
    """
    try:
        return _find(member, Path(root), proc)
    except OSError as error:
        return f"the cgroup files below {root} cannot be looked for: {error.strerror}"


def _find(member: Member, base: Path, proc: str) -> Files | str:
    """Do so; raises OSError where even looking is forbidden."""
    if (base / "cgroup.controllers").exists():
        return _find_v2(member, base, proc)
    for controller in _V1_CPU:
        if (base / controller).is_dir():
            return _find_v1(member, base, base / controller, proc)
    return f"no cgroup hierarchy is mounted at {base}"


def _find_v2(member: Member, base: Path, proc: str) -> Files | str:
    """Look in the single hierarchy of v2."""
    for path in _candidates(member, proc, ""):
        group = base / path
        if (group / "cpu.stat").exists():
            memory = (group / "memory.current").exists()
            return Files(
                2,
                str(group / "cpu.stat"),
                str(group / "memory.current") if memory else "",
                str(group / "memory.max") if memory else "",
                str(group / "memory.stat") if memory else "",
                b"inactive_file",
            )
    return _nowhere(member, base)


def _find_v1(member: Member, base: Path, cpu: Path, proc: str) -> Files | str:
    """Look in the hierarchies of v1: the memory controller has one of its own."""
    for path in _candidates(member, proc, "cpuacct"):
        if (cpu / path / "cpuacct.usage").exists():
            group = base / "memory" / path
            memory = (group / "memory.usage_in_bytes").exists()
            return Files(
                1,
                str(cpu / path / "cpuacct.usage"),
                str(group / "memory.usage_in_bytes") if memory else "",
                str(group / "memory.limit_in_bytes") if memory else "",
                str(group / "memory.stat") if memory else "",
                b"total_inactive_file",
            )
    return _nowhere(member, cpu)


def _nowhere(member: Member, base: Path) -> str:
    """Word the absence, with what may be the cause."""
    return (
        f"no cgroup of container {member.container_id[:12]} below {base}; is the engine on another"
        f" host, or hides the sandbox of this process /sys/fs/cgroup or /proc/{member.pid}?"
    )


def _candidates(member: Member, proc: str, controller: str) -> Iterator[str]:
    """Yield relative paths where the member's cgroup may be, the likeliest first."""
    container = member.container_id
    parent = member.cgroup_parent.strip("/")
    if ".." not in parent.split("/"):
        yield f"{parent or 'docker'}/{container}"
        yield f"{slice_path(parent or 'system.slice')}/docker-{container}.scope"
    try:
        text = Path(proc, str(member.pid), "cgroup").read_text(encoding="utf-8")
    except OSError:
        return
    yield from own_path(text, container, controller)


def slice_path(slice_name: str) -> str:
    """Return where systemd puts a slice: a-b.slice lies in a.slice."""
    if not slice_name.endswith(".slice") or "/" in slice_name:
        return slice_name
    words = slice_name.removesuffix(".slice").split("-")
    return "/".join("-".join(words[: n + 1]) + ".slice" for n in range(len(words)))


def own_path(text: str, container_id: str, controller: str) -> Iterator[str]:
    """Yield the container's path from its process's /proc/PID/cgroup.

    `controller` is empty for v2. The path ends with the part that names the container: a process
    of it may sit further down, and a path without the id belongs to a process that got the pid.
    """
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller not in controllers.split(","):
            continue
        parts = path.strip("/").split("/")
        for number, part in enumerate(parts, 1):
            if container_id in part and ".." not in parts:
                yield "/".join(parts[:number])
                break
