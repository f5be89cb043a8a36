"""Helpers of these tests: a node process, servers that misbehave, waiting with a deadline."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

DEADLINE_SECONDS = 10.0


@dataclass(frozen=True)
class RunningNode:
    """A node process and the address it listens on."""

    process: subprocess.Popen[bytes]
    address: tuple[str, int]

    def ask(self, *requests: bytes) -> bytes:
        """Send requests in one write and return everything said until the node closes."""
        with socket.create_connection(self.address, timeout=DEADLINE_SECONDS) as connection:
            connection.sendall(b"".join(requests))
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """Return what the other side says until it closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def get(path: str, *, close: bool = True) -> bytes:
    """Return a GET request."""
    end = "Connection: close\r\n" if close else ""
    return f"GET {path} HTTP/1.1\r\nHost: n\r\n{end}\r\n".encode()


StartNode = Callable[..., RunningNode]


@contextlib.contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """Give the address of a server that lets `answer` handle each connection, then closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    def handle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            answer(connection)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fail with `what` after ten seconds."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"not within {DEADLINE_SECONDS:g} s: {what}"
        time.sleep(0.01)
