"""The read-only HTTP server: bounded in threads, request size and time, and only for known hosts.

It changes nothing and never waits for the controller. What is answered stands in `site`.
"""

from __future__ import annotations

import io
import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from autoscaler.surface.defects import Defects
from autoscaler.surface.site import Answer, Site
from autoscaler.surface.wire import LimitedThreads, read_head

MOST_THREADS = 16
"""Requests under way at once; more are answered 503 without a thread."""

HEAD_SECONDS = 5.0
"""How long a client may take to send its request."""

SEND_SECONDS = 10.0
"""How long a client may take to receive the answer."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Connection": "close",
}
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"


class _Handler(BaseHTTPRequestHandler):
    """Reads one request, answers it, and closes the connection."""

    server: _Server
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        """Read the whole head within its time and size, then handle it."""
        self.close_connection = True
        try:
            head, _ = read_head(self.connection, time.monotonic() + HEAD_SECONDS)
            self.rfile = io.BytesIO(head)
            self.connection.settimeout(SEND_SECONDS)
            self.handle_one_request()
        except OSError:
            return  # the client is gone or too slow

    def do_GET(self) -> None:
        """Answer."""
        host = self.headers.get_all("Host") or []
        if len(host) != 1:
            self._send(_error(400, "one Host header is required"))
        elif not self._known(host[0]):
            self._send(
                _error(
                    421,
                    "this host name is not served here; AUTOSCALER_HTTP__HOSTS adds names to "
                    "localhost and the address itself",
                )
            )
        else:
            try:
                answer = self.server.site.answer(self.path, self.headers.get("Accept", ""))
            except Exception as error:  # noqa: BLE001 - a defect in one answer must not end others
                self.server.defects.report("http", f"{self.command} {self.path}", error)
                answer = _error(500, "a defect: this answer could not be made")
            self._send(answer)

    do_HEAD = do_GET  # noqa: N815 - the library's name

    def _known(self, host: str) -> bool:
        """Tell whether a Host header names this server, not a name that points here by trickery."""
        name = host.strip().lower()
        if not name.endswith("]"):
            before, colon, port = name.rpartition(":")
            if colon and port.isdigit():
                name = before
        name = name.strip("[]").removesuffix(".")
        reached = str(self.connection.getsockname()[0])
        return name in {"localhost", reached} or name in self.server.hosts

    def _send(self, answer: Answer) -> None:
        if self.request_version == "HTTP/0.9":  # has no headers, so no answer could be safe
            return
        self.send_response(answer.code)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        if answer.code == 405:  # noqa: PLR2004
            self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what the library refuses, in our form; an unknown method is a 405."""
        del explain
        if code == 501:  # noqa: PLR2004
            self._send(_error(405, "only GET and HEAD are allowed; commands go to the socket"))
        elif code == 505 or message is None:  # noqa: PLR2004
            self._send(_error(code, "this version of HTTP is not served"))
        else:
            self._send(_error(code, "the request is malformed"))

    def handle_expect_100(self) -> bool:
        """Ask for no body: none is read."""
        return True

    def version_string(self) -> str:
        """Name the program, not what it is made of."""
        return "autoscaler"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Log nothing: a request changes nothing."""


def _error(code: int, text: str) -> Answer:
    return Answer(code, "application/json", json.dumps({"error": text}).encode())


class _Server(LimitedThreads, socketserver.TCPServer):
    """Serves each connection in a thread of its own, up to a limit."""

    surface = "http"
    allow_reuse_address = True
    request_queue_size = 32

    def __init__(
        self, address: tuple[str, int], site: Site, hosts: frozenset[str], defects: Defects
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.site = site
        self.hosts = hosts
        LimitedThreads.__init__(self, MOST_THREADS, _BUSY, defects)
        socketserver.TCPServer.__init__(self, address, _Handler)


class HttpServer:
    """Listens on every address of a list.

    `failed` is called with an address that cannot be used and the system's words; the others are
    served all the same. `defects` hears of answers that could not be made.
    """

    def __init__(
        self,
        site: Site,
        hosts: tuple[str, ...],
        failed: Callable[[str, str], None],
        defects: Defects,
    ) -> None:
        self._site = site
        self._hosts = frozenset(hosts)
        self._failed = failed
        self._defects = defects
        self._servers: list[_Server] = []

    @property
    def ports(self) -> list[int]:
        """The ports it listens on."""
        return [int(server.server_address[1]) for server in self._servers]

    def start(self, addresses: list[tuple[str, int]]) -> None:
        """Begin to listen."""
        for host, port in addresses:
            try:
                server = _Server((host, port), self._site, self._hosts, self._defects)
            except OSError as error:
                self._failed(f"{host}:{port}", error.strerror or str(error))
                continue
            self._servers.append(server)
            threading.Thread(target=server.serve_forever, name="http", daemon=True).start()

    def stop(self) -> None:
        """Stop listening; answers under way end with the process."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers.clear()
