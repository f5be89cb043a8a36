"""Runs a command in a container and returns what it wrote, within a time limit."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import urllib3

from autoscaler.engine.client import translated

if TYPE_CHECKING:
    import docker

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
    """Run a command; about `most_bytes` of its output are read. Raises EngineError.

    The output is read as a plain answer, not through docker-py's exec_start: that one waits
    without any timeout.
    """
    output = bytearray()
    deadline = time.monotonic() + timeout_seconds
    with translated(f"run {' '.join(command)!r} in {container}"):
        made = api.exec_create(container, command)
        url = f"{api.base_url}/v{api.api_version}/exec/{made['Id']}/start"
        options = {"Detach": False, "Tty": False}
        with api.post(url, json=options, stream=True, timeout=timeout_seconds) as answer:
            while len(output) < most_bytes:
                try:
                    chunk = answer.raw.read1(_CHUNK)
                except urllib3.exceptions.TimeoutError:
                    break
                if not chunk or time.monotonic() > deadline:
                    break
                output += chunk
        ended = api.exec_inspect(made["Id"])
        while ended["Running"] and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)  # the output ends a moment before the engine notices
            ended = api.exec_inspect(made["Id"])
    code = None if ended["Running"] or ended["ExitCode"] is None else int(ended["ExitCode"])
    return Ended(code, text_of(bytes(output)))


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
