"""How a hook's command is given up and its output kept small, against an engine that plays bad."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autoscaler.engine.client import EngineClient, connect
from autoscaler.engine.command import OUTPUT_BYTES, run_command
from autoscaler.errors import HookFailedError
from autoscaler.hooks import HookFailure
from autoscaler.model import ContainerState, Health, Member

MEMBER = Member("validator", "node-1", 1, "c1", ContainerState.RUNNING, Health.NONE, "", 9003)
RAW = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
Play = Callable[[socket.socket], None]


class Engine:
    """Answers what a command needs; `play` is what it sends when the command is started."""

    def __init__(self, path: Path, play: Play, ended: dict[str, object]) -> None:
        self.url = f"unix://{path}"
        self._play = play
        self._ended = ended
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            while head := client.recv(65536):
                line = head.split(b"\r\n", 1)[0]
                while line.startswith(b"POST") and not head.endswith(b"}"):
                    head += client.recv(65536)
                if line.endswith(b"/start HTTP/1.1"):
                    self._play(client)
                    return
                client.sendall(self._answer(line))

    def _answer(self, line: bytes) -> bytes:
        answer: dict[str, object] = {"ApiVersion": "1.41"}
        if b"/containers/c1/exec" in line:
            answer = {"Id": "e1"}
        elif b"/exec/e1/json" in line:
            answer = self._ended
        elif b"/containers/c1/json" in line:
            answer = {"Config": {"Env": []}}
        body = json.dumps(answer).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()


Make = Callable[..., EngineClient]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return what makes a client of an engine that plays something."""
    engines: list[Engine] = []

    def one(play: Play, *, running: bool = True, code: int | None = None) -> EngineClient:
        ended: dict[str, object] = {"Running": running, "ExitCode": code}
        engines.append(Engine(tmp_path / f"engine{len(engines)}", play, ended))
        return connect(engines[-1].url, 5.0, 4)

    yield one
    for engine in engines:
        engine.close()


def frame(text: bytes) -> bytes:
    """Return a frame of the engine's stream."""
    return b"\x01\0\0\0" + len(text).to_bytes(4, "big") + text


def dribble(head: bytes, rest: bytes) -> Play:
    """Return what sends `head` at once and `rest` for ever, a byte now and then."""

    def play(client: socket.socket) -> None:
        client.sendall(head)
        while True:
            for byte in rest:
                client.sendall(bytes([byte]))
                time.sleep(0.1)

    return play


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(dribble(RAW, frame(b"x")), id="output"),
        pytest.param(dribble(CHUNKED, b"1\r\nx\r\n"), id="chunks of a proxy"),
        pytest.param(dribble(CHUNKED + b"1;", b"y"), id="head of a chunk"),
    ],
)
def test_an_answer_that_comes_a_byte_at_a_time_ends_with_its_time(make: Make, play: Play) -> None:
    """Each byte alone comes in time; the command as a whole does not."""
    began = time.monotonic()
    with pytest.raises(HookFailedError) as failed:
        run_command(make(play), MEMBER, ("slow",), 0.8)
    assert time.monotonic() - began < 5.0
    assert failed.value.code == HookFailure.TIMED_OUT


def test_a_flood_in_one_frame_fills_no_memory(make: Make) -> None:
    """Its end is kept, whatever the frame says of its length."""
    block, blocks = b"0123456789abcdef" * 4096, 1024

    def play(client: socket.socket) -> None:
        client.sendall(RAW + frame(b"first\n"))
        client.sendall(b"\x01\0\0\0" + (len(block) * blocks).to_bytes(4, "big"))
        for _ in range(blocks):
            client.sendall(block)
        client.sendall(frame(b"\nlast"))

    api = make(play, running=False, code=3)
    tracemalloc.start()
    try:
        with pytest.raises(HookFailedError) as failed:
            run_command(api, MEMBER, ("flood",), 60.0)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert failed.value.output.endswith("f\nlast")
    assert len(failed.value.output) <= OUTPUT_BYTES
    assert most < 4 << 20
