"""Runs a command in a container and returns what it wrote, within a time limit."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import urllib3

from autoscaler.engine.client import translated

if TYPE_CHECKING:
    from collections.abc import Callable

    import docker
    import requests

_CHUNK = 65_536
_FRAME_HEADER = 8
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, None if it did not end in time, and what it wrote."""

    code: int | None
    output: str


def run_in_container(
    api: docker.APIClient,
    container: str,
    command: list[str],
    timeout_seconds: float,
    most_bytes: int,
) -> Ended:
    """Run a command; about `most_bytes` of its output are read. Raises EngineError."""
    output = bytearray()

    def take(chunk: bytes) -> bool:
        output.extend(chunk)
        return len(output) < most_bytes

    with translated(f"run {' '.join(command)!r} in {container}"):
        code = converse(api, container, command, timeout_seconds, take)
    return Ended(code, text_of(bytes(output)))


def converse(
    api: docker.APIClient,
    container: str,
    command: list[str],
    timeout_seconds: float,
    take: Callable[[bytes], bool],
) -> int | None:
    """Run a command and return its exit code, None if it did not end in time.

    `take` gets the engine's stream piece by piece and says whether it wants more. It is read as a
    plain answer, not through docker-py's exec_start: that one waits without any timeout. Raises
    what docker-py and requests raise.
    """
    made = api.exec_create(container, command)
    url = f"{api.base_url}/v{api.api_version}/exec/{made['Id']}/start"
    deadline = time.monotonic() + timeout_seconds
    options = {"Detach": False, "Tty": False}
    with api.post(url, json=options, stream=True, timeout=timeout_seconds) as answer:
        api._raise_for_status(answer)  # type: ignore[attr-defined] # noqa: SLF001 - the stubs leave it out
        _listen(answer, deadline, take)
    ended = api.exec_inspect(made["Id"])
    while ended["Running"] and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)  # the output ends a moment before the engine notices
        ended = api.exec_inspect(made["Id"])
    return None if ended["Running"] or ended["ExitCode"] is None else int(ended["ExitCode"])


def _listen(answer: requests.Response, deadline: float, take: Callable[[bytes], bool]) -> None:
    """Read a stream until it ends, enough is taken, or the deadline (monotonic) has passed.

    One read may be many of the socket, each with its own time, as in the head of a chunk; so the
    socket itself is shut at the deadline.
    """
    guard = threading.Timer(max(0.0, deadline - time.monotonic()), _shut, (answer,))
    guard.daemon = True
    guard.start()
    try:
        while time.monotonic() < deadline:
            chunk = answer.raw.read1(_CHUNK)
            if not chunk or not take(chunk):
                return
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError):
        if time.monotonic() < deadline:
            raise
    finally:
        guard.cancel()


def _shut(answer: requests.Response) -> None:
    """End the connection under a read that waits, in whatever thread.

    The socket is where docker-py looks for it, too. Were it elsewhere, a command that writes and
    then hangs would be given up late, but still be given up.
    """
    with contextlib.suppress(AttributeError, OSError):
        answer.raw._fp.fp.raw._sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr] # noqa: SLF001 - see above


def text_of(stream: bytes) -> str:
    """Return the text of an engine's output stream: frames of 8 bytes of header and a payload.

    An answer that is no such stream, as an error is, is returned as it came.
    """
    text = bytearray()
    position = 0
    while len(stream) >= position + _FRAME_HEADER:
        header = stream[position : position + _FRAME_HEADER]
        if header[0] > len(("stdin", "stdout", "stderr")) or header[1:4] != b"\0\0\0":
            return stream.decode(errors="replace").strip()
        size = int.from_bytes(header[4:], "big")
        text += stream[position + _FRAME_HEADER : position + _FRAME_HEADER + size]
        position += _FRAME_HEADER + size
    return text.decode(errors="replace").strip()
