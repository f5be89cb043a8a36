"""An NGINX and a memory on virtual time, as the daemon's ports show them.

NGINX adds to the engine's list of broken promises a member published before it answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from autoscaler.actuation.nginx import Published
from autoscaler.actuation.upstreams import Rendered, Server, listed_servers
from autoscaler.daemon.history import Record
from autoscaler.errors import AutoscalerError
from tests.daemon.machine import NETWORK, Engine, Time

_SERVER = re.compile(r"server ([0-9.]+):\d+ .*# (\S+)")


class Nginx:
    """An NGINX that serves a file, or fails as a test wants. Watches what it is given."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.generation = self.text = ""
        self.error: AutoscalerError | None = None
        self.takes_it_anyway = False
        self.tampered = False
        self.reloads = 0
        self.tries = 0

    @property
    def served(self) -> set[str]:
        """Names of the members that get requests."""
        return {b.name for b in self.engine.boxes.values() if b.served}

    def publish(self, rendered: Rendered) -> Published:
        """Serve a file."""
        self.tries += 1
        if self.error is not None:
            if self.takes_it_anyway:
                self._take(rendered)
            raise self.error
        reloaded = self.generation != rendered.generation or self.tampered
        self.tampered = False
        if reloaded:
            self._take(rendered)
        now = self.engine.time.now
        return Published(rendered.generation, reloaded, frozenset(), now, {"reload": 0.01})

    def _take(self, rendered: Rendered) -> None:
        self.generation, self.text = rendered.generation, rendered.text
        self.reloads += 1
        found = dict(_SERVER.findall(rendered.text))
        for box in self.engine.boxes.values():
            served = found.get(box.ip) == box.name
            if served and box.running and self.engine.time.now < box.up_at + box.ready_after:
                self.engine.broken.append(f"{box.name} was published before it answered")
            box.drained = False if served or box.served else box.drained
            box.served = served

    def proven(self, generation: str) -> bool:
        """Tell whether a generation is served."""
        return self.generation == generation

    def intact(self, rendered: Rendered) -> bool:
        """Tell whether nobody has changed its file."""
        return not self.tampered

    def listed(self) -> frozenset[tuple[str, Server]]:
        """Return what its file lists."""
        return listed_servers(self.text)

    def networks(self) -> frozenset[str]:
        """Name its networks."""
        return frozenset({NETWORK})


@dataclass(slots=True)
class Memory:
    """History in memory: events as dicts with `event` and `at`, and the last state of each role."""

    time: Time
    events: list[dict[str, Any]] = field(default_factory=list)
    roles: dict[str, tuple[str, tuple[object, ...]]] = field(default_factory=dict)
    overrides: list[tuple[str, tuple[object, ...]]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    late: bool = False

    def write(self, statements: Iterable[tuple[str, tuple[object, ...]]]) -> Record:
        """Keep statements at once, unless the disk hangs (`late`)."""
        record = Record(tuple(statements))
        for sql, values in record.statements:
            if "INTO events" in sql:
                fields = json.loads(str(values[4]))
                self.events.append({"event": values[1], "at": self.time.now, **fields})
            elif "INTO role_state" in sql:
                self.roles[str(values[0])] = (sql, values)
                self.order.append(f"state {values[0]}")
            elif sql == "DELETE FROM overrides":
                self.overrides.clear()
            elif "INTO overrides" in sql:
                self.overrides.append((sql, values))
            elif "INTO actions" in sql:
                self.order.append(f"{values[5]} {values[3]}")
        if not self.late:
            record.stored = True
            record.done.set()
        return record

    def close(self, seconds: float) -> None:
        """Nothing is queued."""
