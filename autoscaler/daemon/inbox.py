"""What can arrive in the controller's inbox, beside engine events and finished jobs."""

from __future__ import annotations

import queue
from dataclasses import dataclass, field
from typing import Any

from autoscaler.daemon.worker import Done
from autoscaler.events import EngineEvent


@dataclass(frozen=True, slots=True)
class Tick:
    """An interval has passed."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The process is to end; containers and NGINX stay as they are."""

    reason: str


@dataclass(frozen=True, slots=True)
class HistoryTrouble:
    """History cannot be stored (a sentence), or can again (None)."""

    text: str | None


@dataclass(frozen=True, slots=True)
class Command:
    """Somebody asks something; the answer goes into `reply`."""

    verb: str
    reply: queue.SimpleQueue[dict[str, Any]] = field(default_factory=queue.SimpleQueue)


Item = Tick | Stop | HistoryTrouble | Command | EngineEvent | Done
Inbox = queue.SimpleQueue[Item]
