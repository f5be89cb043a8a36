"""The control socket: HTTP over a Unix socket. Whoever may open the socket may command."""

from __future__ import annotations

import contextlib
import grp
import io
import json
import os
import queue
import socket
import socketserver
import stat
import threading
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

    server: _Server
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


class _Server(LimitedThreads, socketserver.UnixStreamServer):
    """Serves each connection in a thread of its own, up to a limit."""

    surface = "control"
    request_queue_size = 64

    def __init__(self, path: str, ask: Ask, defects: Defects) -> None:
        self.ask = ask
        LimitedThreads.__init__(self, MOST_THREADS, _BUSY, defects)
        socketserver.UnixStreamServer.__init__(self, path, _Handler)


class ControlSocket:
    """Listens on `<run_dir>/control.sock`.

    `ask` gives a request to the daemon and returns its answer; it raises
    queue.Empty when there is no answer in time. `defects` hears of answers that could not be made.
    """

    def __init__(self, run_dir: Path, ask: Ask, defects: Defects) -> None:
        self.path = run_dir / SOCKET
        self._defects = defects
        self._ask = ask
        self._server: _Server | None = None

    def start(self) -> None:
        """Listen, replacing a socket that a killed daemon has left; call with the lock held."""
        try:
            if self.path.exists() and stat.S_ISSOCK(self.path.stat().st_mode):
                self.path.unlink()
            before = os.umask(0o117)
            try:
                self._server = _Server(str(self.path), self._ask, self._defects)
            finally:
                os.umask(before)
            _give_to_group(self.path)
        except OSError as error:
            raise AutoscalerError(
                f"cannot listen on {self.path}: {error.strerror or error}; AUTOSCALER_RUN_DIR must "
                "be a directory this user may write to, with a path of at most 90 characters"
            ) from error
        threading.Thread(target=self._server.serve_forever, name="control", daemon=True).start()

    def stop(self) -> None:
        """Stop listening and remove the socket."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self.path.unlink(missing_ok=True)


def _give_to_group(path: Path) -> None:
    """Let the group use the socket where the group exists and we may."""
    try:
        os.chown(path, -1, grp.getgrnam(GROUP).gr_gid)
    except (KeyError, PermissionError):
        return


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
    except FileNotFoundError as error:
        raise DaemonUnreachableError(
            f"no daemon answers on {where}: the socket does not exist; start it (systemctl start "
            "autoscaler), or point AUTOSCALER_RUN_DIR to the running one"
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
