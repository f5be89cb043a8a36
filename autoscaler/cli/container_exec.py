"""Runs a command in a container for its whole output, within a time limit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import urllib3

from autoscaler.engine.client import translated
from autoscaler.errors import EngineError

if TYPE_CHECKING:
    from autoscaler.engine.client import EngineClient

_LARGEST_BYTES = 8 << 20
_CHUNK = 65536
_HEADER = 8


def run_in_container(
    api: EngineClient, container: str, command: list[str], timeout_seconds: float
) -> str:
    """Return what the command writes. Raises EngineError if it fails or takes too long.

    docker-py's own way to read this waits without any timeout, hence the plain request.
    """
    shown = f"{' '.join(command)!r} in {container}"
    output = bytearray()
    deadline = time.monotonic() + timeout_seconds
    with translated(f"run {shown}"):
        made = api.exec_create(container, command)
        url = f"{api.base_url}/v{api.api_version}/exec/{made['Id']}/start"
        options = {"Detach": False, "Tty": False}
        with api.post(url, json=options, stream=True, timeout=timeout_seconds) as answer:
            while len(output) < _LARGEST_BYTES and time.monotonic() < deadline:
                try:
                    chunk = answer.raw.read1(_CHUNK)
                except urllib3.exceptions.TimeoutError:
                    break
                if not chunk:
                    break
                output += chunk
        ended = api.exec_inspect(made["Id"])
        while ended["Running"] and time.monotonic() < deadline:
            time.sleep(0.02)  # the output ends a moment before the engine notices
            ended = api.exec_inspect(made["Id"])
    if ended["Running"]:
        raise EngineError(f"{shown} did not end within {timeout_seconds:g} s")
    if ended["ExitCode"]:
        raise EngineError(f"{shown} ended with {ended['ExitCode']}")
    return payload(bytes(output)).decode(errors="replace")


def payload(stream: bytes) -> bytes:
    """Return the text of the engine's stream: frames of 8 bytes of header and a payload."""
    text = bytearray()
    position = 0
    while len(stream) >= position + _HEADER:
        size = int.from_bytes(stream[position + 4 : position + _HEADER], "big")
        text += stream[position + _HEADER : position + _HEADER + size]
        position += _HEADER + size
    return bytes(text)
