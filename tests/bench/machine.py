"""What machine the figures are of."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import docker


def describe() -> dict[str, object]:
    """Return what a reader needs to compare the figures with those of another machine."""
    client = docker.from_env()
    try:
        engine = client.version()
    finally:
        client.close()
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpus": os.cpu_count(),
        "cpu": models[0] if models else platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "docker": engine["Version"],
        "cgroup": "v2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "v1",
        "load_before": os.getloadavg()[0],
    }
