"""Listens to the engine's event stream and passes on what concerns containers and networks.

Events only make things faster: the caller looks at the whole engine on every tick anyway, so an
event that is missed costs at most a tick, and an engine that hangs is noticed by that look. The
stream therefore has no read timeout. A Unix socket cannot be half open; on TCP the kernel's
keepalive ends a stream whose other side vanished.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from autoscaler.engine.client import translated
from autoscaler.errors import EngineError
from autoscaler.events import EngineEvent, EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from requests import Response

    from autoscaler.engine.client import EngineClient

FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 5.0
_STEADY_SECONDS = 5.0  # a stream that lasted this long was no failed attempt
_KEEPALIVE_SECONDS = 30

_OF_STREAM = {EventKind.CONNECTED, EventKind.DISCONNECTED, EventKind.NETWORK}
_CONTAINER_KINDS = {kind.value: kind for kind in EventKind if kind not in _OF_STREAM}
_NETWORK_ACTIONS = ("create", "connect", "disconnect", "destroy")
_ACTIONS = sorted({kind.partition(":")[0] for kind in _CONTAINER_KINDS} | set(_NETWORK_ACTIONS))


def translate_event(raw: Mapping[str, Any]) -> EngineEvent | None:
    """Return what an event of the engine's API means here, None if nothing.

    Network events carry the container they concern, if any, and the network in `detail`.
    """
    action = str(raw.get("Action") or raw.get("status") or "")
    actor = _object(raw.get("Actor"))
    attributes = _object(actor.get("Attributes"))
    nanoseconds = raw.get("timeNano")
    seconds = float(nanoseconds) / 1e9 if nanoseconds else float(raw.get("time") or 0)
    if raw.get("Type") == "network":
        if action not in _NETWORK_ACTIONS:
            return None
        return EngineEvent(
            EventKind.NETWORK,
            container_id=str(attributes.get("container", "")),
            time=seconds,
            detail=f"{action} {attributes.get('name', '')}",
        )
    kind = _CONTAINER_KINDS.get(action)
    if raw.get("Type") != "container" or kind is None:
        return None
    return EngineEvent(
        kind,
        container_id=str(actor.get("ID") or ""),
        name=str(attributes.get("name", "")),
        time=seconds,
        detail=_detail(attributes),
    )


def _object(value: object) -> dict[str, Any]:
    """Return a part of an event that should be an object, an empty one if it is none."""
    return value if isinstance(value, dict) else {}


def _decoded(line: bytes) -> dict[str, Any]:
    """Return the object in a line of the stream. Raises ValueError for anything else."""
    raw = json.loads(line)
    if not isinstance(raw, dict):
        raise ValueError(f"{line[:80]!r} is no event")  # noqa: TRY004 - told like broken JSON
    return raw


def _detail(attributes: Mapping[str, str]) -> str:
    """Return the exit code, signal or former name that an event tells, for people."""
    told = (
        ("exit code", attributes.get("exitCode")),
        ("signal", attributes.get("signal")),
        ("formerly", str(attributes.get("oldName") or "").removeprefix("/")),
    )
    return ", ".join(f"{word} {value}" for word, value in told if value)


class Watcher(threading.Thread):
    """A thread that passes engine events to `on_event` until `stop`.

    `connect` makes a client of its own for every attempt. CONNECTED follows every successful
    connect; DISCONNECTED, with the reason, the end of a stream and the first failed attempt.
    `on_event` is called in this thread, must not block and must not raise.
    """

    def __init__(
        self, connect: Callable[[], EngineClient], on_event: Callable[[EngineEvent], None]
    ) -> None:
        super().__init__(name="engine-events", daemon=True)
        self._connect = connect
        self._on_event = on_event
        self._stopping = threading.Event()
        self._guard = threading.Lock()
        self._socket: socket.socket | None = None

    def stop(self, timeout_seconds: float = 2.0) -> None:
        """End the stream and wait for the thread, up to the timeout. May be called twice.

        Only an engine that accepts a connection and then says nothing makes it outlast that, until
        the client's timeout; the thread is a daemon and does not keep the process.
        """
        self._stopping.set()
        with self._guard:
            if self._socket is not None:
                _shut(self._socket)
        if self.is_alive() and threading.current_thread() is not self:
            self.join(timeout_seconds)

    def run(self) -> None:
        """Listen, and connect again with growing delays whenever the stream ends."""
        delay = FIRST_DELAY_SECONDS
        was_connected = True
        while not self._stopping.is_set():
            began = time.monotonic()
            connected = False
            try:
                for event in self._stream():
                    connected = connected or event.kind is EventKind.CONNECTED
                    self._on_event(event)
                reason = "the engine ended the event stream; it may be restarting"
            except EngineError as error:
                reason = str(error)
            except Exception as error:  # noqa: BLE001 - a defect must not leave the daemon deaf
                reason = f"an event could not be taken in: {type(error).__name__}: {error}"
            if self._stopping.is_set():
                return
            if connected or was_connected:
                self._on_event(_event(EventKind.DISCONNECTED, reason))
            was_connected = connected
            if connected and time.monotonic() - began > _STEADY_SECONDS:
                delay = FIRST_DELAY_SECONDS
            self._stopping.wait(delay)
            delay = min(delay * 2, LONGEST_DELAY_SECONDS)

    def _stream(self) -> Iterator[EngineEvent]:
        """Connect once and yield CONNECTED and then the events until the stream ends."""
        with translated("listen to the engine's events"):
            api = self._connect()
            try:
                with _open(api) as response:
                    with self._guard:
                        self._socket = _socket_of(response)
                    if self._stopping.is_set():
                        return
                    yield _event(EventKind.CONNECTED, "")
                    # Chunk by chunk, as the engine sends them: a fixed size would wait for more.
                    for line in response.iter_lines(chunk_size=None):
                        event = translate_event(_decoded(line)) if line else None
                        if event is not None:
                            yield event
            finally:
                with self._guard:
                    self._socket = None
                api.close()


def _open(api: EngineClient) -> Response:
    """Ask for the stream; return when the engine has accepted.

    Not docker-py's own `events`, which waits for the acceptance without any timeout.
    """
    filters = {"type": ["container", "network"], "event": _ACTIONS}
    response = api.get(
        f"{api.base_url}/v{api.api_version}/events",
        params={"filters": json.dumps(filters)},
        stream=True,
        timeout=api.timeout,
    )
    api.raise_for_status(response)
    connection = _socket_of(response)
    connection.settimeout(None)
    if connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_SECONDS)
    return response


def _socket_of(response: Response) -> socket.socket:
    """Return the socket an open answer is read from; docker-py finds it the same way."""
    answer: Any = response.raw
    connection: socket.socket = answer._fp.fp.raw._sock  # noqa: SLF001  # no public way to it
    return connection


def _shut(connection: socket.socket) -> None:
    """End a connection from another thread, so that its reader wakes up."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It ended by itself meanwhile, which is what was wanted.
        return


def _event(kind: EventKind, detail: str) -> EngineEvent:
    """Return an event of the stream itself."""
    return EngineEvent(kind, time=time.time(), detail=detail)
