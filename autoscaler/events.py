"""What the engine tells of its containers as it happens. A value: nothing here listens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """Engine events that matter here; CONNECTED and DISCONNECTED tell of the stream itself."""

    START = "start"
    DIE = "die"
    STOP = "stop"
    KILL = "kill"
    OOM = "oom"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    CREATE = "create"
    DESTROY = "destroy"
    RENAME = "rename"
    UPDATE = "update"
    HEALTHY = "health_status: healthy"
    UNHEALTHY = "health_status: unhealthy"
    HEALTH_STARTING = "health_status: starting"
    NETWORK = "network"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """One event of the engine's stream. `time` is the engine's wall clock in Unix seconds.

    `detail` is for people: an exit code, a signal, why the stream ended.
    """

    kind: EventKind
    container_id: str = ""
    name: str = ""
    time: float = 0.0
    detail: str = ""
