"""What can arrive in the controller's inbox, beside engine events and finished jobs."""

from __future__ import annotations

import queue
from dataclasses import dataclass, field

from autoscaler.daemon.history import Record
from autoscaler.daemon.worker import Done
from autoscaler.events import EngineEvent
from autoscaler.surface.requests import Body, NoBody, Reply


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
class Answer:
    """What a command came to, and what must be on disk before it is said."""

    reply: Reply
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """User `by` asks something; the answer goes into `reply`."""

    verb: str
    body: Body = field(default_factory=NoBody)
    by: str = "the daemon itself"
    reply: queue.SimpleQueue[Answer] = field(default_factory=queue.SimpleQueue)


Item = Tick | Stop | HistoryTrouble | Command | EngineEvent | Done
Inbox = queue.SimpleQueue[Item]
