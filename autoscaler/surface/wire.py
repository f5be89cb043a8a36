"""What both HTTP servers stand on: heads read whole and in time, and threads up to a limit."""

from __future__ import annotations

import contextlib
import re
import socket
import socketserver
import sys
import threading
import time

from autoscaler.surface.defects import Defects

LARGEST_HEAD = 16384
"""Bytes of request line and headers."""

TOO_LONG = b"GET " + b"/" * 65537
"""What makes the library say that a head is too long."""

_HEAD_ENDS = (b"\r\n\r\n", b"\n\n")
_HEAD = re.compile(
    rb"[^\x00-\x1f\x7f]+\r?\n"  # the request line
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*\r?\n)*\r?\n"
)
"""RFC 9112, without continued lines."""


def read_head(connection: socket.socket, end: float) -> tuple[bytes, bytes]:
    """Return what was sent up to and with the empty line, and what came after it.

    `end` is the monotonic time by which it must be there. A head that its client did not finish is
    returned as it is, one that is too long as TOO_LONG. Raises OSError if it takes too long.
    """
    data = b""
    while (size := _head_size(data)) is None:
        if len(data) >= LARGEST_HEAD:
            return TOO_LONG, b""
        part = receive(connection, 4096, end)
        if not part:
            return data, b""
        data += part
    return (data[:size], data[size:]) if size <= LARGEST_HEAD else (TOO_LONG, b"")


def is_sound(head: bytes) -> bool:
    """Tell whether a head has its empty line and nothing but headers before it.

    Past a line that is no header the library would lose all others, the body's length among them.
    """
    return _HEAD.fullmatch(head) is not None


def receive(connection: socket.socket, size: int, end: float) -> bytes:
    """Return up to `size` bytes; raises OSError if none comes until `end` (monotonic)."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
    return connection.recv(size)


def _head_size(data: bytes) -> int | None:
    """Return how many bytes the head has, None before its end."""
    ends = [(at, len(mark)) for mark in _HEAD_ENDS if (at := data.find(mark)) >= 0]
    return sum(min(ends)) if ends else None


class LimitedThreads(socketserver.ThreadingMixIn):
    """Serves each connection in a thread of its own, up to `most_threads` of them.

    More are answered `busy` at once: a client gone wild must not cost the daemon its memory and
    its file descriptors.
    """

    daemon_threads = True
    block_on_close = False

    surface: str
    """What a defect is told to be one of."""

    def __init__(self, most_threads: int, busy: bytes, defects: Defects) -> None:
        self.defects = defects
        self._busy = busy
        self._slots = threading.BoundedSemaphore(most_threads)

    def process_request(self, request: object, client_address: object) -> None:
        """Start a thread for a connection if one is free."""
        if self._slots.acquire(blocking=False):
            try:
                super().process_request(request, client_address)  # type: ignore[arg-type]
            except BaseException:  # no thread was started that would give the slot back
                self._slots.release()
                raise
            return
        if isinstance(request, socket.socket):
            request.settimeout(0.0)
            with contextlib.suppress(OSError):
                request.sendall(self._busy)
            self.shutdown_request(request)  # type: ignore[attr-defined]

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Give the slot back when the connection has ended."""
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._slots.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Let a broken connection go: its client is gone. Anything else is a defect."""
        del request, client_address
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            self.defects.report(self.surface, "", error)
