"""One HTTP/1.1 client connection that carries one request at a time and never tries again."""

from __future__ import annotations

import asyncio
from socket import MSG_PEEK
from typing import TYPE_CHECKING

from autoscaler.demo.tally import Outcome

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

HEAD_END = b"\r\n\r\n"
FIRST_OK, AFTER_OK = 200, 300


def request_bytes(method: str, target: str, body: bytes, *, keep: bool) -> bytes:
    """Return a whole request; `keep` asks for a connection that stays open."""
    length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
    close = "" if keep else "Connection: close\r\n"
    head = f"{method} {target} HTTP/1.1\r\nHost: stack\r\n{length}{close}\r\n"
    return head.encode() + (body if method == "POST" else b"")


class ClientConnection(asyncio.Protocol):
    """A connection over a connected socket. `idle_since` is the loop's time of its last answer."""

    def __init__(self, raw: socket.socket) -> None:
        self.idle_since = 0.0
        self.reused = False
        self._raw = raw
        self._transport: asyncio.WriteTransport | None = None
        self._done: Callable[[Outcome], None] | None = None
        self._buffer = bytearray()
        self._keep = False
        self._whole = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport if isinstance(transport, asyncio.WriteTransport) else None

    @property
    def open(self) -> bool:
        """Whether the connection can carry another request, as far as this side knows."""
        return self._transport is not None and self._done is None

    def still_open(self) -> bool:
        """Look at the socket itself: False if the server has closed it or said something unasked.

        Nothing has been written yet, so no request is lost when this says False.
        """
        if not self.open:
            return False
        try:
            self._raw.recv(1, MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def send(
        self, data: bytes, done: Callable[[Outcome], None], *, keep: bool, whole: bool = True
    ) -> None:
        """Write a request and call `done` once with its outcome.

        `keep` leaves the connection open afterwards, if the server agrees. `whole` False means
        that more of the body follows with `send_more`.
        """
        self._done, self._keep, self._whole = done, keep, whole
        self._buffer.clear()
        if self._transport is None:
            self._finish(Outcome("closed", detail="the connection was closed before the request"))
            return
        self._transport.write(data)

    def send_more(self, data: bytes, *, last: bool) -> None:
        """Write the next piece of the body, unless the request has already ended."""
        self._whole = last
        if self._transport is not None and self._done is not None:
            self._transport.write(data)

    def give_up(self, outcome: Outcome) -> None:
        """End the request with that outcome and drop the connection."""
        self._finish(outcome)
        self.close()

    def close(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take bytes of the answer and end the request when it is complete."""
        if self._done is None:
            self.close()  # said something unasked: not to be used again
            return
        self._buffer += data
        end = self._buffer.find(HEAD_END)
        if end < 0:
            return
        head = bytes(self._buffer[:end])
        low = head.lower()
        length = _header(low, head, b"content-length")
        if length is not None and len(self._buffer) - end - len(HEAD_END) < int(length):
            return
        if length is None and not self._buffer.endswith(HEAD_END):
            self.give_up(Outcome("protocol", detail="an answer without Content-Length"))
            return
        outcome = _outcome(low, head)
        if not (self._keep and self._whole) or b"\r\nconnection: close" in low:
            self.close()
        self.reused = True
        self._finish(outcome)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end; a request under way has failed."""
        self._transport = None
        if self._done is None:
            return
        kind = "truncated" if self._buffer else "closed"
        on = "a reused" if self.reused else "a new"
        self._finish(
            Outcome(kind, detail=f"({exc or 'end of stream'} on {on} connection before its answer)")
        )

    def _finish(self, outcome: Outcome) -> None:
        """Report the outcome, once."""
        done, self._done = self._done, None
        if done is not None:
            done(outcome)


def _outcome(low: bytes, head: bytes) -> Outcome:
    """Return the outcome a complete answer means; `low` is the head in lower case."""
    status = int(head[9:12])
    node = (_header(low, head, b"x-node") or b"").decode("ascii", "replace")
    kind = "" if FIRST_OK <= status < AFTER_OK else f"status {status}"
    return Outcome(kind, status, node)


def _header(low: bytes, head: bytes, name: bytes) -> bytes | None:
    """Return a header's value, None if it is missing."""
    start = low.find(b"\r\n" + name + b":")
    if start < 0:
        return None
    start += len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()
