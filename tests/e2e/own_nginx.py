"""A real NGINX process on this host, with a prefix, pid file and loopback ports of its own."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from autoscaler.demo.image import GENERATED_DIRECTORY
from autoscaler.demo.nginx_conf import static_configuration
from autoscaler.demo.stack import Stack
from tests.e2e.waiting import until

PROGRAM = "/usr/sbin/nginx"


class OwnNginx:
    """The NGINX of the distribution; `settings` let a daemon manage it (REACH=host)."""

    def __init__(self, prefix: Path) -> None:
        self.port = _free_port()
        self._prefix = prefix
        self._command = (PROGRAM, "-p", f"{prefix}/", "-c", f"{prefix}/nginx.conf")
        self._process: subprocess.Popen[bytes] | None = None
        words = " ".join(self._command)
        self.settings = {
            "NGINX__REACH": "host",
            "NGINX__TEST_COMMAND": f"{words} -t",
            "NGINX__RELOAD_COMMAND": f"{words} -s reload",
            "NGINX__PID_FILE": str(prefix / "nginx.pid"),
            "NGINX__PROBE_PORT": str(_free_port()),
        }

    def configure(self, stack: Stack) -> None:
        """Write the configuration that sends requests to the roles of a stack."""
        text = static_configuration(stack.roles, idle_promise=False)
        for old, new in (
            ("pid /run/nginx.pid;", f"pid {self._prefix}/nginx.pid; user root; daemon off;"),
            ("listen 80 ", f"listen 127.0.0.1:{self.port} "),
            (GENERATED_DIRECTORY, str(stack.generated)),
            ("_path /tmp/", f"_path {self._prefix}/"),
        ):
            assert old in text
            text = text.replace(old, new)
        (self._prefix / "nginx.conf").write_text(text, encoding="utf-8")

    def start(self, stack: Stack) -> None:
        """Start it, once the daemon has written the upstreams of the stack, if it does not run."""
        if self._process is not None:
            return
        until(lambda: any(stack.generated.glob("[!.]*.conf")), "the upstream file is there")
        self._process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *self._command])
        until(self._listens, f"NGINX listens on port {self.port}")

    def start_again(self, stack: Stack) -> None:
        """Start it after its process was killed."""
        self._process = None
        self.start(stack)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Its master. AssertionError before it was started."""
        assert self._process is not None
        return self._process

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def _listens(self) -> bool:
        """Whether it accepts connections; AssertionError if it has ended."""
        assert self._process is not None
        assert self._process.poll() is None, "NGINX ended at once: see its words above"
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0


def _free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
