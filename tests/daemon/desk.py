"""A daemon on virtual time behind a real control socket, and the bytes of requests to it."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autoscaler.daemon.inbox import Command
from autoscaler.surface.control_socket import ControlSocket
from autoscaler.surface.defects import Defect, Defects
from autoscaler.surface.requests import VERBS, Reply, Request
from tests.daemon.conftest import World

GOOD: Mapping[str, dict[str, Any]] = {
    "status": {},
    "explain": {"role": "validator"},
    "reload": {"force": False},
    "pause": {"reason": "deploy", "role": "validator", "direction": "down", "seconds": 60},
    "resume": {"role": "validator"},
    "scale": {"role": "validator", "count": 2, "seconds": 60, "reason": "sale", "force": False},
    "hold": {"lease": "12345678", "reason": "backup", "role": "validator"},
    "release": {"lease": "12345678"},
}
"""A request of each verb with every field it has."""


class Desk:
    """A daemon with a pause in force, and its control socket."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, {}, {"validator": 3}).start()
        self.world.until(lambda: self.world.served() == ["validator-1"])
        self.world.ask("pause", role="validator", reason="stays")
        self.standing = self.world.controller.state.overrides
        self.defects: list[Defect] = []
        self._turn = threading.Lock()
        self.control = ControlSocket(folder, self._ask, Defects(self.defects.append))
        self.control.start()

    def _ask(self, request: Request) -> Reply:
        command = Command(request.verb, request.body, request.by)
        with self._turn:
            self.world.controller.take(command)
            return command.reply.get_nowait().reply

    def known(self) -> tuple[object, ...]:
        """Return what no refused request may change."""
        state = self.world.controller.state
        told = len(self.world.history.events)
        return state.overrides, state.settings, self.world.desired(), told

    def connect(self) -> socket.socket:
        """Return an open connection."""
        wire = socket.socket(socket.AF_UNIX)
        wire.settimeout(10.0)
        wire.connect(str(self.control.path))
        return wire

    def send(self, data: bytes) -> tuple[int, dict[str, Any]]:
        """Send bytes and no more; return code and answer, or 0 if there is none."""
        with self.connect() as wire:
            with contextlib.suppress(OSError):  # it may be closed with bytes of ours unread
                wire.sendall(data)
                wire.shutdown(socket.SHUT_WR)
            got = b""
            with contextlib.suppress(ConnectionResetError):
                while part := wire.recv(65536):
                    got += part
        return read_answer(got)

    def same_after(self, data: bytes) -> int:
        """Send bytes; a refusal changes nothing and says why, and the next request is answered."""
        before = self.known()
        code, answer = self.send(data)
        assert code < 500, answer
        assert self.defects == []
        if code != 200:
            assert self.known() == before
            assert code == 0 or set(answer) == {"error"}
        elif self.world.controller.state.overrides != self.standing:
            self.world.controller._overriding.begin(self.standing)
        assert self.send(request("status", {}))[0] == 200
        return code


def read_answer(got: bytes) -> tuple[int, dict[str, Any]]:
    """Return code and body of an answer, which is whole and JSON."""
    got = got.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    if not got:
        return 0, {}
    head, _, body = got.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head, got
    return int(head.split()[1]), json.loads(body)


def until(condition: Callable[[], object]) -> None:
    """Wait for something that takes a moment."""
    end = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def dribble(wire: socket.socket, data: bytes) -> None:
    """Send bytes one by one."""
    for byte in data:
        wire.sendall(bytes([byte]))
        time.sleep(0.005)


def request(verb: str, body: object, headers: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    method, path = next(key for key, (name, _) in VERBS.items() if name == verb)
    if method == "GET":
        fields = body if isinstance(body, dict) else {}
        query = "&".join(f"{name}={value}" for name, value in fields.items())
        target = f"{path}?{query}" if query else path
        return f"GET {target} HTTP/1.1\r\nHost: x\r\n".encode() + headers + b"\r\n"
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n".encode()
    return head + headers + b"\r\n" + content
