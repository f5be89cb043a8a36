"""A real Prometheus on loopback, and exporters that it scrapes."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.e2e.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_SCRAPE_SECONDS = 5.0
"""A Prometheus that starts waits so long before it scrapes anything; nothing can be set there."""

_CONFIG = """\
global: {{scrape_interval: {every}ms, scrape_timeout: {every}ms}}
scrape_configs:
  - job_name: containers
    static_configs: [{{targets: [{targets}]}}]
"""


class Exporter:
    """Serves `text()` at /metrics, on a loopback port; while `text` raises OSError it fails."""

    def __init__(self, text: Callable[[], str]) -> None:
        self.text = text
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                try:
                    content, status = exporter.text().encode(), 200
                except OSError:
                    content, status = b"", 503
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.server.server_port


class Prometheus:
    """A process of Prometheus with a directory of its own; started, paused and killed by tests.

    It scrapes the ports every `scrape` seconds, and itself too if `own` is set. `more` is added to
    its configuration; `web` is the file that says who may ask, and then it is asked by https.
    """

    def __init__(
        self,
        directory: Path,
        *ports: int,
        scrape: float = 1.0,
        own: bool = False,
        more: str = "",
        web: Path | None = None,
    ) -> None:
        self.port = free_port()
        self.url = f"{'https' if web else 'http'}://127.0.0.1:{self.port}"
        self._directory = directory
        self._options = [f"--web.config.file={web}"] if web else []
        self._process: subprocess.Popen[bytes] | None = None
        targets = ", ".join(f'"127.0.0.1:{port}"' for port in (*ports, *[self.port] * own))
        text = _CONFIG.format(every=round(scrape * 1000), targets=targets) + more
        (directory / "prometheus.yml").write_text(text)

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
                *self._options,
            ]
        )  # fmt: skip
        until(self._ready, "Prometheus is ready")

    def _ready(self) -> bool:
        """Whether it answers, or asks who is there."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1, context=context) as found:  # noqa: S310 - our own loopback address
                return bool(found.status == 200)
        except urllib.error.HTTPError as error:
            return error.code == 401
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


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
