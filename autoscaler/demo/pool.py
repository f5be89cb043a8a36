"""Client connections of a load and the requests on them: opened, reused, timed out, counted.

Lives on one event loop; nothing here is safe to call from another thread.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from autoscaler.demo.client import ClientConnection, request_bytes
from autoscaler.demo.tally import Outcome, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

DRIP_SECONDS = 0.1


@dataclass(frozen=True)
class Limits:
    """Times in seconds: an answer's deadline, and how old an idle connection may be when reused.

    A client that reuses connections for less long than the server promises to keep them never
    writes into a connection that is being closed.
    """

    timeout_seconds: float = 10.0
    reuse_seconds: float = 2.0


class Request(NamedTuple):
    """A request to make. `fresh` has a connection of its own; a slow upload drips its body.

    The time it takes by itself, `drip_seconds` or the `delay_seconds` it asks the node for, is
    added to its deadline.
    """

    method: str
    target: str
    body: bytes = b""
    fresh: bool = False
    drip_seconds: float = 0.0
    delay_seconds: float = 0.0


@dataclass(eq=False)
class Exchange:
    """A request under way. Times are the loop's; `after` is called with the outcome."""

    request: Request
    due: float
    overdue: float
    after: Callable[[Outcome], None] | None = None
    connection: ClientConnection | None = None
    ended: bool = False


class Pool:
    """Makes requests on an address and counts their outcomes in a tally."""

    def __init__(self, address: tuple[str, int], limits: Limits) -> None:
        self.tally = Tally()
        self._address = address
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._flying: set[Exchange] = set()
        self._idle: list[ClientConnection] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def in_flight(self) -> int:
        """How many requests have not ended."""
        return len(self._flying)

    def launch(
        self, request: Request, due: float, after: Callable[[Outcome], None] | None = None
    ) -> None:
        """Make a request that was due at that time of the loop; `after` gets its outcome."""
        patience = self._limits.timeout_seconds + request.drip_seconds + request.delay_seconds
        exchange = Exchange(request, due, due + patience, after)
        self._flying.add(exchange)
        self.tally.behind_ms = max(self.tally.behind_ms, (self._loop.time() - due) * 1000)
        connection = None if request.fresh else self._take()
        if connection is None:
            task = self._loop.create_task(self._open_and_send(exchange))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._send(exchange, connection)

    def end_overdue(self) -> None:
        """Fail every request whose deadline has passed."""
        now = self._loop.time()
        for exchange in [e for e in self._flying if e.overdue < now]:
            outcome = Outcome("timeout", detail=f"after {now - exchange.due:.1f} s")
            if exchange.connection is None:
                self._end(exchange, outcome)
            else:
                exchange.connection.give_up(outcome)

    def close(self) -> None:
        """Close the idle connections and abandon what is under way."""
        for connection in self._idle:
            connection.close()
        for task in self._tasks:
            task.cancel()

    def _take(self) -> ClientConnection | None:
        """Return the idle connection used last that is still open and young enough, or None."""
        oldest = self._loop.time() - self._limits.reuse_seconds
        while self._idle:
            connection = self._idle.pop()
            if connection.idle_since < oldest:
                for old in (connection, *self._idle):
                    old.close()
                self._idle.clear()
            elif connection.still_open():
                return connection
            else:
                self.tally.stale += 1
                connection.close()
        return None

    async def _open_and_send(self, exchange: Exchange) -> None:
        """Connect and send; a failed connect is a failed request."""
        raw = socket.socket()
        raw.settimeout(0)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = ClientConnection(raw)
        try:
            await self._loop.sock_connect(raw, self._address)
            await self._loop.create_connection(lambda: connection, sock=raw)
        except OSError as error:
            raw.close()
            self._end(exchange, Outcome("connect", detail=str(error)))
            return
        self.tally.connections += 1
        if exchange.ended:
            connection.close()
        elif exchange.request.drip_seconds:
            await self._drip(exchange, connection)
        else:
            self._send(exchange, connection)

    def _send(self, exchange: Exchange, connection: ClientConnection) -> None:
        """Send a whole request on an open connection."""
        request = exchange.request
        keep = not request.fresh
        data = request_bytes(request.method, request.target, request.body, keep=keep)
        exchange.connection = connection
        connection.send(data, lambda outcome: self._end(exchange, outcome), keep=keep)

    async def _drip(self, exchange: Exchange, connection: ClientConnection) -> None:
        """Send the head at once and the body in small pieces over `drip_seconds`."""
        request = exchange.request
        data = request_bytes("POST", request.target, request.body, keep=False)
        head = len(data) - len(request.body)
        pieces = max(1, round(request.drip_seconds / DRIP_SECONDS))
        size = -(-len(request.body) // pieces)
        exchange.connection = connection
        connection.send(
            data[:head], lambda outcome: self._end(exchange, outcome), keep=False, whole=False
        )
        for start in range(head, len(data), size):
            await asyncio.sleep(DRIP_SECONDS)
            if exchange.ended:
                return
            connection.send_more(data[start : start + size], last=start + size >= len(data))

    def _end(self, exchange: Exchange, outcome: Outcome) -> None:
        """Count the outcome of a request, once, and put its connection back."""
        if exchange.ended:
            return
        exchange.ended = True
        self._flying.discard(exchange)
        now, request, connection = self._loop.time(), exchange.request, exchange.connection
        if outcome.ok and now > exchange.overdue:
            outcome = outcome._replace(kind="timeout", detail=f"after {now - exchange.due:.1f} s")
        self.tally.count(outcome, f"{request.method} {request.target}", now - self._began)
        if outcome.ok and exchange.after is None:
            self.tally.time(request.target.partition("?")[0], (now - exchange.due) * 1000)
        if connection is not None and connection.open and not request.fresh:
            connection.idle_since = now
            self._idle.append(connection)
        if exchange.after is not None:
            exchange.after(outcome)
