"""The demo's node: a small HTTP/1.1 server that burns a stated amount of CPU per request.

It runs inside a container with nothing but Python's standard library, as one file, so it imports
nothing of this package. It does not drain when it is told to stop: whoever stops it has to have
taken its traffic away before, and a wrong order shows as failed requests.

Environment: NODE_PORT (9000), NODE_NAME, NODE_BURN_MS (`4` for all paths but health, or
`consensus=4,query=2`), NODE_READY_AFTER (seconds of 503), NODE_DIE_AFTER (seconds until it exits
with 1), NODE_LINGER (seconds it goes on after it is told to stop), NODE_CONTROL (`1` allows
`POST /api/v11/health?fail=SECONDS`), NODE_DUAL_STACK (`1` listens on one IPv6 socket for both
families, as a JVM does).
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs

PREFIX = "/api/v11/"
KINDS = ("health", "consensus", "transaction", "query")
MAX_HEAD = 64 * 1024
STATUS_TEXT = {200: "OK", 400: "Bad Request", 404: "Not Found", 503: "Service Unavailable"}


@dataclass(slots=True)
class Node:
    """What the node is told (see the module) and what it counts. Times are monotonic seconds."""

    name: str
    burn_ms: dict[str, float]
    ready_at: float
    control: bool
    started: float
    sick_until: float = 0.0
    served: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def metrics(self) -> bytes:
        """Return the Prometheus text of the four platform metrics and of the process's CPU."""
        alive = max(time.monotonic() - self.started, 0.001)
        reads = self.served["query"]
        figures = (
            ("aurigraph_consensus_tps_current", "gauge", self.served["consensus"] / alive),
            ("aurigraph_consensus_block_height", "counter", self.served["consensus"] // 10),
            ("aurigraph_transaction_processed_total", "counter", self.served["transaction"]),
            ("aurigraph_cache_hit_ratio", "gauge", (reads - 1) / reads if reads else 0.0),
            ("process_cpu_seconds_total", "counter", time.process_time()),
        )
        lines = [f"# TYPE {name} {kind}\n{name} {value}\n" for name, kind, value in figures]
        return "".join(lines).encode()


def read_environment(environ: dict[str, str], now: float) -> Node:
    """Return the node that the environment describes, started at `now` (monotonic seconds).

    Raises ValueError when a number is none.
    """
    burn = dict.fromkeys(KINDS, 0.0)
    text = environ.get("NODE_BURN_MS", "0")
    if "=" in text:
        burn.update((key, float(value)) for key, value in _pairs(text))
    else:
        burn.update((kind, float(text)) for kind in KINDS[1:])
    return Node(
        name=environ.get("NODE_NAME", socket.gethostname()),
        burn_ms=burn,
        ready_at=now + float(environ.get("NODE_READY_AFTER", "0")),
        control=environ.get("NODE_CONTROL") == "1",
        started=now,
    )


def _pairs(text: str) -> list[tuple[str, str]]:
    """Split `a=1,b=2` into pairs."""
    return [(key.strip(), value) for key, _, value in (p.partition("=") for p in text.split(","))]


def burn(milliseconds: float) -> None:
    """Use that much CPU time of this thread, however long a throttled container takes for it."""
    end = time.thread_time() + milliseconds / 1000
    while time.thread_time() < end:
        pass


@dataclass(frozen=True, slots=True)
class Head:
    """Request line and the headers that matter. `length` is -1 for a chunked body."""

    method: str
    target: str
    keep: bool
    length: int


def parse_head(raw: bytes) -> Head:
    """Return the head of a request. Raises ValueError when it is not HTTP/1."""
    lines = raw.split(b"\r\n")
    method, target, version = lines[0].decode("ascii").split(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(version)
    keep, length = version != "HTTP/1.0", 0
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            length = -1
        elif name == b"connection":
            keep = keep and b"close" not in value.lower()
    return Head(method, target, keep, length)


class Connection(asyncio.Protocol):
    """One client connection: requests are answered one after another, in their order."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._buffer = bytearray()
        self._head: Head | None = None
        self._left = 0
        self._waiting = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport if isinstance(transport, asyncio.Transport) else None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 asyncio's signature
        """Forget the transport: an answer under way has nowhere to go."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take bytes and answer every request that is complete."""
        self._buffer += data
        self._advance()

    def _advance(self) -> None:
        """Answer buffered requests until one is incomplete or waits for its delay."""
        while not self._waiting and self._transport is not None:
            try:
                complete = self._read_head() and self._read_body()
            except ValueError:
                self._send(400, b"bad request\n", keep=False)
                return
            if not complete or self._head is None:
                return
            head, self._head = self._head, None
            self._answer(head)

    def _read_head(self) -> bool:
        """Take a head from the buffer; False while it is incomplete, ValueError if it is bad."""
        if self._head is not None:
            return True
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise ValueError("head too long")
            return False
        self._head = parse_head(bytes(self._buffer[:end]))
        self._left = self._head.length
        del self._buffer[: end + 4]
        return True

    def _read_body(self) -> bool:
        """Drop the body from the buffer; False while bytes are missing."""
        if self._left < 0:
            return self._read_chunks()
        taken = min(self._left, len(self._buffer))
        del self._buffer[:taken]
        self._left -= taken
        return self._left == 0

    def _read_chunks(self) -> bool:
        """Drop whole chunks from the buffer; True after the last one, ValueError if malformed."""
        while (end := self._buffer.find(b"\r\n")) >= 0:
            size = int(bytes(self._buffer[:end]).partition(b";")[0], 16)
            stop = end + 2 + size + 2
            if len(self._buffer) < stop:
                return False
            del self._buffer[:stop]
            if size == 0:
                return True
        return False

    def _answer(self, head: Head) -> None:
        """Do the work of one request and answer it, now or after its `delay_ms`."""
        path, _, query = head.target.partition("?")
        asked = parse_qs(query) if query else {}
        status, body = self._work(head.method, path, asked)
        delay = _number(asked, "delay_ms", 0.0) / 1000
        if delay <= 0:
            self._send(status, body, keep=head.keep)
            return
        self._waiting = True
        finish = functools.partial(self._send_late, status, body, keep=head.keep)
        asyncio.get_running_loop().call_later(delay, finish)

    def _work(self, method: str, path: str, asked: dict[str, list[str]]) -> tuple[int, bytes]:
        """Burn what the request asks for and return status and body."""
        node, now = self._node, time.monotonic()
        if now < node.ready_at:
            return 503, b"starting\n"
        if path == "/metrics":
            return 200, node.metrics()
        kind = path.removeprefix(PREFIX)
        if not path.startswith(PREFIX) or kind not in node.served:
            return 404, b"no such path\n"
        if kind == "health":
            if method == "POST" and node.control:
                node.sick_until = now + _number(asked, "fail", 0.0)
                return 200, b"as you wish\n"
            if now < node.sick_until:
                return 503, b"unhealthy\n"
        burn(_number(asked, "burn_ms", node.burn_ms[kind]))
        node.served[kind] += 1
        return 200, node.name.encode() + b"\n"

    def _send_late(self, status: int, body: bytes, *, keep: bool) -> None:
        """Answer after a delay, then go on with what arrived in the meantime."""
        self._waiting = False
        self._send(status, body, keep=keep)
        self._advance()

    def _send(self, status: int, body: bytes, *, keep: bool) -> None:
        """Write one response; the connection closes after it unless `keep`."""
        if self._transport is None:
            return
        end = "" if keep else "Connection: close\r\n"
        head = (
            f"HTTP/1.1 {status} {STATUS_TEXT[status]}\r\nContent-Type: text/plain\r\n"
            f"Content-Length: {len(body)}\r\nX-Node: {self._node.name}\r\n{end}\r\n"
        )
        self._transport.write(head.encode() + body)
        if not keep:
            self._transport.close()
            self._transport = None


def _number(asked: dict[str, list[str]], key: str, default: float) -> float:
    """Return a number of the query, the default when it is missing or none."""
    try:
        return float(asked[key][0])
    except (KeyError, ValueError):
        return default


def _listen(port: int, *, dual_stack: bool) -> socket.socket:
    """Return the listening socket, on IPv4 or on one IPv6 socket for both families."""
    if dual_stack:
        return socket.create_server(
            ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024
        )
    return socket.create_server(("", port), backlog=1024)


async def serve(environ: dict[str, str]) -> None:
    """Serve until a signal ends the process at once, requests in flight included."""
    node = read_environment(environ, time.monotonic())
    loop = asyncio.get_running_loop()
    linger = float(environ.get("NODE_LINGER", "0"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, loop.call_later, linger, os._exit, 128 + number)
    if "NODE_DIE_AFTER" in environ:
        loop.call_later(float(environ["NODE_DIE_AFTER"]), os._exit, 1)
    port = int(environ.get("NODE_PORT", "9000"))
    listener = _listen(port, dual_stack=environ.get("NODE_DUAL_STACK") == "1")
    server = await loop.create_server(lambda: Connection(node), sock=listener, backlog=1024)
    sys.stdout.write(f"{node.name} listens on port {listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(dict(os.environ)))
