"""Real parts for these tests: tiny containers on the engine, and engines that misbehave."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import signal
import socket
import socketserver
import tarfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest

from autoscaler.engine.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autoscaler.engine.client import EngineClient

URL = "unix:///var/run/docker.sock"
IMAGE = "autoscaler-test-sampling:1"
OWNED = {"autoscaler.test": "sampling"}
BUSY = ["sh", "-c", "while :; do :; done"]
IDLE = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]


@pytest.fixture(scope="session")
def api() -> Iterator[EngineClient]:
    """Yield a client of the engine of this machine, with an image of busybox alone."""
    client = connect(URL, 10, 20)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add("/usr/bin/busybox", "bin/busybox")
        for name in ("sh", "sleep", "true", "test", "touch"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    repository, tag = IMAGE.split(":")
    label = "LABEL autoscaler.test=sampling"
    client.import_image_from_data(archive.getvalue(), repository, tag, changes=[label])
    yield client
    with contextlib.suppress(docker.errors.APIError):
        client.remove_image(IMAGE, force=True)
    client.close()


class Containers:
    """Makes containers of one compose project of its own, and removes what it made."""

    _numbers = itertools.count(1)

    def __init__(self, client: EngineClient) -> None:
        self.api = client
        self.project = f"astest-{os.getpid()}-{next(self._numbers)}"
        self._made: list[str] = []
        self._networks: list[str] = []

    def name(self, short: str) -> str:
        """Return the full container name for a short one."""
        return f"{self.project}-{short}"

    def create(self, short: str, command: list[str] | None = None, **more: Any) -> str:  # noqa: ANN401  # as docker-py
        """Create a container; `labels`, `host` and others may be given."""
        labels = {
            **OWNED,
            "com.docker.compose.project": self.project,
            "com.docker.compose.service": short,
            "com.docker.compose.container-number": "1",
            "autoscaler.role": "validator",
            **more.get("labels", {}),
        }
        made = self.api.create_container(
            IMAGE,
            command or IDLE,
            name=self.name(short),
            labels=labels,
            host_config=self.api.create_host_config(**more.get("host", {})),
            healthcheck=more.get("healthcheck"),
            environment=more.get("environment"),
            networking_config=more.get("networking"),
            ports=more.get("ports"),
        )
        container_id = str(made["Id"])
        self._made.append(container_id)
        return container_id

    def start(self, short: str, command: list[str] | None = None, **more: Any) -> str:  # noqa: ANN401  # as docker-py
        """Create a container and start it."""
        container_id = self.create(short, command, **more)
        self.api.start(container_id)
        if command is None:
            self._await_trap(container_id)
        return container_id

    def _await_trap(self, container_id: str) -> None:
        """Wait until the idle command catches SIGTERM: as process 1 it ignores it before."""
        pid = self.api.inspect_container(container_id)["State"]["Pid"]
        deadline = time.monotonic() + 20
        while True:
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
            if int(caught.split()[1], 16) & 1 << (signal.SIGTERM - 1):
                return
            assert time.monotonic() < deadline, "the idle command did not set its trap in time"
            time.sleep(0.02)

    def network(self, short: str) -> str:
        """Create a network and return its name."""
        name = self.name(short)
        self.api.create_network(name, labels=OWNED)
        self._networks.append(name)
        return name

    def remove(self) -> None:
        """Remove all that was made here."""
        for container_id in self._made:
            with contextlib.suppress(docker.errors.NotFound):
                self.api.remove_container(container_id, force=True)
        for name in self._networks:
            with contextlib.suppress(docker.errors.NotFound):
                self.api.remove_network(name)


@pytest.fixture
def containers(api: EngineClient) -> Iterator[Containers]:
    """Yield a maker of containers."""
    made = Containers(api)
    try:
        yield made
    finally:
        made.remove()


class Until:
    """Waits for conditions."""

    def __call__(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait for a condition, failing after so many seconds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true in time"
            time.sleep(0.02)


@pytest.fixture
def until() -> Until:
    """Return a waiter for conditions."""
    return Until()


class HttpOnSocket(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An HTTP server on a Unix socket that answers what `answer(path)` returns.

    `connections` counts how many were opened.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: Path, answer: Callable[[str], tuple[int, bytes]]) -> None:
        self.connections = 0
        self.answer = answer
        super().__init__(str(path), _Handler)
        self.url = f"unix://{path}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Count the connection."""
        self.connections += 1
        return super().get_request()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HttpOnSocket

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, body = self.server.answer(self.path)
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  # the base class names them so

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def address_string(self) -> str:
        return "unix"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a maker of engines that answer what a function says."""
    made: list[HttpOnSocket] = []

    def make(answer: Callable[[str], tuple[int, bytes]]) -> HttpOnSocket:
        made.append(HttpOnSocket(tmp_path / f"engine{len(made)}.sock", answer))
        return made[-1]

    yield make
    for server in made:
        server.shutdown()
        server.server_close()


Answer = Callable[[str], tuple[int, bytes]]
Serve = Callable[[Answer], HttpOnSocket]


class Relay:
    """A socket in front of the real engine whose connections can be cut."""

    def __init__(self, path: Path) -> None:
        self.url = f"unix://{path}"
        self._path = path
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None

    def up(self) -> None:
        """Accept connections."""
        listener = socket.socket(socket.AF_UNIX)
        self._path.unlink(missing_ok=True)
        listener.bind(str(self._path))
        listener.listen(16)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """End all connections; further ones are still accepted."""
        while self._open:
            one = self._open.pop()
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def down(self) -> None:
        """End all connections and refuse further ones."""
        self._path.unlink(missing_ok=True)
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect("/var/run/docker.sock")
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    @staticmethod
    def _pump(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    """Yield a relay to the engine that is not up yet."""
    made = Relay(tmp_path / "relay.sock")
    yield made
    made.down()
