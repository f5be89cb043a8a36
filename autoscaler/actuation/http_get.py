"""One HTTP request on a fresh connection with a deadline for all of it, and nothing more.

Library clients apply a timeout to each read, so a server that drips bytes can hold them for ever.
"""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass
from ipaddress import ip_address

_HEAD_LIMIT = 16 * 1024
_CHUNK = 4096
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?:[ \r\n]|$)")
_LENGTH = re.compile(rb"\r?\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r?(?:\n|$)", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Reply:
    """The status of an answer and as much of its body as was asked for."""

    status: int
    body: bytes


class NotHttpError(OSError):
    """Something answered, but not with HTTP."""


def connect(address: str, port: int, timeout_seconds: float) -> socket.socket:
    """Return a fresh TCP connection to a numeric address; OSError if there is none in time."""
    family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6  # noqa: PLR2004 - IP version
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_seconds)
        connection.connect((address, port))
    except OSError:
        connection.close()
        raise
    return connection


def get(
    endpoint: tuple[str, int],
    path: str,
    timeout_seconds: float,
    host: str | None = None,
    body_limit: int = 0,
) -> Reply:
    """Ask `path` of (address, port) once; the body is read up to `body_limit` bytes.

    `host` is the Host header, by default the endpoint. Raises TimeoutError when the head of the
    answer is not complete in time, NotHttpError if it is none, other OSError if the connection
    fails. A body that does not come in time is returned as far as it came.
    """
    head = f"GET {path} HTTP/1.1\r\nHost: {host or _name(endpoint)}\r\n"
    return _ask(endpoint, head, timeout_seconds, body_limit)


def post(endpoint: tuple[str, int], path: str, timeout_seconds: float, body_limit: int) -> Reply:
    """Send a POST without a body, once; like `get` in everything else."""
    head = f"POST {path} HTTP/1.1\r\nHost: {_name(endpoint)}\r\nContent-Length: 0\r\n"
    return _ask(endpoint, head, timeout_seconds, body_limit)


def _name(endpoint: tuple[str, int]) -> str:
    """Return an endpoint as a Host header names it."""
    address, port = endpoint
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _ask(endpoint: tuple[str, int], head: str, timeout_seconds: float, body_limit: int) -> Reply:
    """Send a request that begins with `head`."""
    deadline = time.monotonic() + timeout_seconds
    request = f"{head}User-Agent: autoscaler\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    with connect(*endpoint, timeout_seconds) as connection:
        connection.settimeout(_left(deadline))
        connection.sendall(request.encode("ascii"))
        answer, rest = _read_head(connection, deadline)
        status = _STATUS_LINE.match(answer)
        if status is None:
            raise NotHttpError(f"the answer is not HTTP: it begins with {answer[:40]!r}")
        body = _read_body(connection, deadline, rest, _wanted(answer, body_limit))
    return Reply(int(status.group(1)), body)


def _read_head(connection: socket.socket, deadline: float) -> tuple[bytes, bytes]:
    """Return status line and headers, and what of the body came with them."""
    data = b""
    while len(data) < _HEAD_LIMIT:
        end = _BLANK_LINE.search(data)
        if end is not None:
            return data[: end.start()], data[end.end() :]
        chunk = _receive(connection, deadline)
        if not chunk:
            break
        data += chunk
    return data[:_HEAD_LIMIT], b""


def _read_body(connection: socket.socket, deadline: float, rest: bytes, wanted: int) -> bytes:
    """Return the body up to `wanted` bytes, less if the server ends or is too slow."""
    data = rest
    try:
        while len(data) < wanted:
            chunk = _receive(connection, deadline)
            if not chunk:
                break
            data += chunk
    except OSError:
        pass  # the status has been read; a body cut short is shorter, and that is all
    return data[:wanted]


def _wanted(head: bytes, body_limit: int) -> int:
    """Return how many bytes of body to read: the announced length if below the limit."""
    length = _LENGTH.search(head)
    return min(int(length.group(1)), body_limit) if length else body_limit


def _receive(connection: socket.socket, deadline: float) -> bytes:
    """Return the next bytes before the deadline, empty at the end of the stream."""
    connection.settimeout(_left(deadline))
    return connection.recv(_CHUNK)


def _left(deadline: float) -> float:
    """Return the seconds left, or raise TimeoutError: a timeout of 0 would mean non-blocking."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
