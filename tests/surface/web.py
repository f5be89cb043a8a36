"""A real HTTP server on a loopback port with made-up views and history behind it."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from autoscaler.surface.counts import Counts
from autoscaler.surface.defects import Defect, Defects
from autoscaler.surface.http_server import HttpServer
from autoscaler.surface.site import Archive, Site
from autoscaler.surface.view import Board, View

ROLE: dict[str, Any] = {
    "desired": 1,
    "cpu_high": 70.0,
    "cpu_low": 40.0,
    "decision": None,
    "turns_last_hour": 0,
    "out_of_scope": None,
    "members": [],
}
VIEW = View(
    status={"engine": {"up": True, "error": ""}, "roles": {"validator": ROLE}},
    roles={},
    ticked_at=100.0,
    ticked_wall=1000.0,
    interval=5.0,
    ready=True,
)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    def wall(self) -> datetime:
        """Time of day."""
        return datetime.fromtimestamp(self.now + 900.0, UTC)


class Shelf:
    """History that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def events(self, since: float, role: str | None, limit: int) -> list[dict[str, Any]]:
        """Return one event."""
        self.asked.append((since, role, limit))
        return [{"event": "daemon.started"}]

    def series(self, role: str, seconds: int) -> dict[str, Any]:
        """Return no points."""
        self.asked.append((role, seconds))
        return {"points": []}


class Web:
    """The server and what it is made of."""

    def __init__(self, *hosts: str, archive: Archive | None = None) -> None:
        self.clock = Clock()
        self.board = Board()
        self.shelf = Shelf()
        self.counts = Counts()
        self.told: list[Defect] = []
        self.defects = Defects(self.told.append, self.clock.monotonic)
        self.failures: list[tuple[str, str]] = []
        site = Site(self.board, archive or self.shelf, self.counts, self.clock, "1.2.3")
        self.server = HttpServer(
            site, hosts, lambda *words: self.failures.append(words), self.defects
        )
        self.server.start([("127.0.0.1", 0)])
        self.port = self.server.ports[0]

    def show(self, **changes: Any) -> None:  # noqa: ANN401 - fields of a View
        """Publish a view."""
        self.board.put(replace(VIEW, **changes))

    def get(
        self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> tuple[HTTPResponse, bytes]:
        """Ask; return the response and its body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body

    def code(self, path: str, method: str = "GET", **headers: str) -> int:
        """Ask; return the status code only."""
        return self.get(path, method, headers)[0].status

    def json(self, path: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Ask; return the body as a value."""
        return json.loads(self.get(path)[1])

    def raw(self, data: bytes) -> bytes:
        """Send bytes as they are and no more; return everything that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as wire:
            got = b""
            # It may be closed with bytes of ours unread, at any moment.
            with contextlib.suppress(OSError):
                wire.sendall(data)
                wire.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while part := wire.recv(65536):
                    got += part
            return got
