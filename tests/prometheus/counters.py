"""What exporters say: counters of the kernel, or made-up ones that grow at a known speed."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def container_text(ids: Mapping[str, str], frozen_at: float = 0.0) -> str:
    """Return the kernel's counters of containers as cAdvisor names them; `ids` by name.

    Each sample carries its time, or that of `frozen_at` (Unix seconds), as an exporter that hangs
    behind a cache has it: with times of their own, series do not end when they stop moving.
    """
    lines = []
    for name, container_id in ids.items():
        with contextlib.suppress(OSError):
            labels = f'id="/docker/{container_id}",name="{name}",cpu="total"'
            value = _seconds(container_id)
            stamp = round((frozen_at or time.time()) * 1000)
            lines.append(f"container_cpu_usage_seconds_total{{{labels}}} {value:.9f} {stamp}\n")
    return "".join(lines)


def _seconds(container_id: str) -> float:
    """Return the CPU seconds of a container, from v1 or v2."""
    v1 = Path("/sys/fs/cgroup/cpuacct/docker", container_id, "cpuacct.usage")
    if v1.exists():
        return int(v1.read_text()) / 1e9
    group = Path("/sys/fs/cgroup/docker", container_id, "cpu.stat")
    scope = Path(f"/sys/fs/cgroup/system.slice/docker-{container_id}.scope/cpu.stat")
    text = (group if group.exists() else scope).read_text()
    return int(text.split()[1]) / 1e6


def steady(cores: Mapping[str, float], since: float) -> str:
    """Return counters by series (`name{label="value"}`) of so many CPUs in use since then.

    Each sample carries its time, so a late scrape changes no speed.
    """
    now = round(time.time() * 1000)
    return "".join(
        f"{series} {share * (now / 1000 - since):.6f} {now}\n" for series, share in cores.items()
    )
