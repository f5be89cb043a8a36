"""The control socket's two ends: HTTP over a Unix socket. Whoever may open it may command."""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import socket
import socketserver
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from autoscaler.errors import AutoscalerError, DaemonUnreachableError, UsageError
from autoscaler.surface.defects import Defects
from autoscaler.surface.peer import peer_name
from autoscaler.surface.requests import RefusedError, Reply, Request, read_request
from autoscaler.surface.wire import LimitedThreads, is_sound, read_head, receive

ANSWER_SECONDS = 10.0
"""How long the daemon may take to answer a command."""

NO_ANSWER = (
    f"the daemon did not answer within {ANSWER_SECONDS:g} s; what was asked may still be done: "
    "look at autoscaler status before asking again"
)

REQUEST_SECONDS = 10.0
"""How long a client may take to send its request."""

MOST_THREADS = 64
"""Requests under way at once; more are refused without a thread."""

_MODE = 0o660

SOCKET = "control.sock"
"""Name of the socket in the run directory; each daemon makes it anew."""

GROUP = "autoscaler"
"""Members of this group may use the socket, if the group exists."""

LARGEST_BODY = 65536
"""Bytes a request may carry; the longest that makes sense has under 1,000."""

_BUSY_BODY = json.dumps({"error": f"{MOST_THREADS} requests are under way; try again"}).encode()
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_BUSY_BODY), _BUSY_BODY)
)

Ask = Callable[[Request], Reply]


class _Handler(BaseHTTPRequestHandler):
    """Turns a request into a verb and the daemon's answer into JSON."""

    server: ControlServer
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        """Read a request within its time, answer it, and let the connection go."""
        self.close_connection = True
        self._end = time.monotonic() + REQUEST_SECONDS
        try:
            self._head, self._rest = read_head(self.connection, self._end)
            self.rfile = io.BytesIO(self._head)
            self.handle_one_request()
        except OSError:
            return  # the client is gone or too slow

    def do_GET(self) -> None:
        """Answer what only reads."""
        self._answer()

    def do_POST(self) -> None:
        """Answer what changes something."""
        self._answer()

    def _answer(self) -> None:
        try:
            content = self._content()
            by = peer_name(self.connection)
            reply = self.server.ask(read_request(self.command, self.path, content, by))
            self._send(reply.code, reply.body)
        except RefusedError as error:
            self._send(error.code, {"error": str(error)})
        except queue.Empty:
            self._send(503, {"error": NO_ANSWER})
        except OSError:
            raise  # the client is gone or too slow
        except Exception as error:  # noqa: BLE001 - a defect in one answer must not end others
            self.server.defects.report("control", f"{self.command} {self.path}", error)
            self._send(500, {"error": "a defect: this answer could not be made; see the log"})

    def _content(self) -> bytes:
        """Read the body; raises RefusedError unless its length is told, right and small."""
        if not is_sound(self._head):
            raise RefusedError(400, "a header is malformed, or the request ends before its body")
        lengths = self.headers.get_all("Content-Length") or []
        if "Transfer-Encoding" in self.headers:
            raise RefusedError(411, "Transfer-Encoding is not understood; send Content-Length")
        if not lengths:
            return b""
        told = lengths[0].strip()
        if len(lengths) > 1 or not (told.isascii() and told.isdigit()) or len(told) > 20:  # noqa: PLR2004
            raise RefusedError(400, "Content-Length must be given once, as a number of bytes")
        if int(told) > LARGEST_BODY:
            raise RefusedError(413, f"the body has {told} bytes; allowed are {LARGEST_BODY}")
        content = self._rest
        while len(content) < int(told) and (part := receive(self.connection, 65536, self._end)):
            content += part
        if len(content) != int(told):
            raise RefusedError(
                400, f"the body has {len(content)} bytes; Content-Length says {told}"
            )
        return content

    def _send(self, code: int, answer: dict[str, Any]) -> None:
        if self.request_version == "HTTP/0.9":  # has no place for a code
            return
        body = json.dumps(answer, default=str).encode()
        self.connection.settimeout(ANSWER_SECONDS)
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what the library refuses, in our form."""
        del explain
        said = message or "this version of HTTP is not understood"
        self._send({501: 405, 505: 400}.get(code, code), {"error": f"this is no request: {said}"})

    def address_string(self) -> str:
        """Name the peer; a Unix socket has no address."""
        return "control"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Log nothing: what a command changes is logged by the daemon."""


class ControlServer(LimitedThreads, socketserver.UnixStreamServer):
    """Serves each connection in a thread of its own, up to a limit."""

    surface = "control"
    request_queue_size = 64

    def __init__(self, path: str, ask: Ask, defects: Defects) -> None:
        self.ask = ask
        LimitedThreads.__init__(self, MOST_THREADS, _BUSY, defects)
        socketserver.UnixStreamServer.__init__(self, path, _Handler)

    def server_bind(self) -> None:
        """Make the file with no more rights than it shall have, whatever the umask is."""
        os.fchmod(self.fileno(), _MODE)  # the kernel takes the file's mode from here
        super().server_bind()
        Path(str(self.server_address)).chmod(_MODE)


class _Connection(HTTPConnection):
    """An HTTP connection to a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def call(
    run_dir: Path, method: str, path: str, body: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """Ask the daemon of `run_dir`; return its answer. `body` are the fields of a command.

    Raises DaemonUnreachableError if none answers there, UsageError if it does not know what was
    asked for or about, and AutoscalerError if it refuses for another reason.
    """
    where = run_dir / SOCKET
    connection = _Connection(where, ANSWER_SECONDS + 2)
    try:
        content = None if body is None else json.dumps(body).encode()
        with contextlib.suppress(BrokenPipeError):  # it may have answered without listening
            connection.request(method, path, content, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
    except (FileNotFoundError, ConnectionRefusedError) as error:
        absent = isinstance(error, FileNotFoundError)
        why = "the socket does not exist" if absent else "it was left by one that has ended"
        raise DaemonUnreachableError(
            f"no daemon answers on {where}: {why}; start it (systemctl start autoscaler), or point "
            "AUTOSCALER_RUN_DIR to the running one"
        ) from error
    except PermissionError as error:
        raise DaemonUnreachableError(
            f"you may not open {where}; members of the group {GROUP} and root may"
        ) from error
    except (OSError, ValueError) as error:
        raise DaemonUnreachableError(f"no daemon answers on {where}: {error}") from error
    finally:
        connection.close()
    if response.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}:
        raise UsageError(str(answer.get("error", answer)))
    if response.status != HTTPStatus.OK:
        raise AutoscalerError(str(answer.get("error", answer)))
    return answer
