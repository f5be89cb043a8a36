"""A real Prometheus on loopback that scrapes a real exporter of containers' kernel counters."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.e2e.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

_CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 900ms}}
scrape_configs:
  - job_name: containers
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class Exporter:
    """Serves text of a function at /metrics, on a loopback port."""

    def __init__(self, text: Callable[[], str]) -> None:

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text().encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.server.server_port


def container_text(ids: dict[str, str], frozen_at: float = 0.0) -> str:
    """Return the kernel's counters of containers as cAdvisor names them; `ids` by name.

    Each sample carries its time, or that of `frozen_at` (Unix seconds), as an exporter that hangs
    behind a cache has it: with times of their own, series do not end when they stop moving.
    """
    stamp = f" {round((frozen_at or time.time()) * 1000)}"
    lines = []
    for name, container_id in ids.items():
        with contextlib.suppress(OSError):
            labels = f'{{id="/docker/{container_id}",name="{name}",cpu="total"}}'
            value = _seconds(container_id)
            lines.append(f"container_cpu_usage_seconds_total{labels} {value:.9f}{stamp}\n")
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


class Prometheus:
    """A process of Prometheus with a directory of its own; started, paused and killed by tests."""

    def __init__(self, directory: Path, target_port: int) -> None:
        self._directory = directory
        (directory / "prometheus.yml").write_text(_CONFIG.format(port=target_port))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End it."""
        self.stop()

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self._process = subprocess.Popen(
            [
                "setpriv", "--pdeathsig", "KILL", "prometheus",
                f"--config.file={self._directory}/prometheus.yml",
                f"--storage.tsdb.path={self._directory}/data",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=error",
            ]
        )  # fmt: skip
        until(self._ready, "Prometheus is ready")

    def _ready(self) -> bool:
        """Whether it answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:  # noqa: S310 - our own loopback address
                return bool(answer.status == 200)
        except OSError:
            return False

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self._process is not None
        os.kill(self._process.pid, number)

    def stop(self) -> None:
        """End it, paused or not."""
        if self._process is not None:
            self.signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
