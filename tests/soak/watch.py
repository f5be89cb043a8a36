"""Looks at a stack from outside, all the time: the engine, NGINX's file, NGINX's own answer."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from docker.errors import DockerException, NotFound

from autoscaler.actuation.proof import ask
from autoscaler.actuation.upstreams import generation_of
from autoscaler.demo.stack import Stack
from tests.faults import hook_marks
from tests.soak.invariants import Checker, Stop
from tests.soak.looks import Look, Seen, listed_in
from tests.soak.troubles import Trouble

LOOK_SECONDS = 0.2
PROBE_PORT = 9178
ASK_SECONDS = 1.0
READY_SECONDS = 1.5
"""How long a run is not counted on: nodes take about half of that to answer."""

HANDS_SECONDS = 0.5
"""How long after something done by hand its events may still arrive."""

TERM = "15"
TIME_WAIT = "06"


@dataclass
class Knowledge:
    """What the run itself did, so that it knows who cannot answer; times are monotonic seconds.

    `sick_until` and `dull` (never healthy by its environment) are by name. `hands` is by name
    until when what happens to a member is not the daemon's doing.
    """

    sick_until: dict[str, float] = field(default_factory=dict)
    dull: set[str] = field(default_factory=set)
    hands: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def by_hand(self, *names: str) -> Iterator[None]:
        """Note that these members are being touched by hand."""
        self.hands.update(dict.fromkeys(names, float("inf")))
        try:
            yield
        finally:
            self.hands.update(dict.fromkeys(names, time.monotonic() + HANDS_SECONDS))


class Watch:
    """Two threads: one looks and judges every 0.2 s, the other takes the engine's events.

    `tell` gets each broken rule. `lock` guards the checker.
    """

    def __init__(
        self, stack: Stack, checker: Checker, knowledge: Knowledge, tell: Callable[[str], None]
    ) -> None:
        self.lock = threading.Lock()
        self.changes: Counter[str] = Counter()
        self.looks = 0
        self._stack = stack
        self._checker = checker
        self._knowledge = knowledge
        self._tell = tell
        self._roles = {name: role for role in stack.roles for name in stack.members(role)}
        self._up_since: dict[str, float] = {}
        self._pids: dict[str, int] = {}
        self._proven_text = ""
        self._over = threading.Event()
        self._events: Any = None
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (("looks", self._look_on), ("events", self._listen))
        ]

    def __enter__(self) -> Self:
        """Begin."""
        filters = {"label": f"com.docker.compose.project={self._stack.project}"}
        self._events = self._stack.client.api.events(decode=True, filters=filters)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End."""
        self._over.set()
        self._threads[0].join()
        self._events.close()

    def open(self, trouble: Trouble) -> Trouble:
        """Enter a trouble into the ledger, before its fault is injected."""
        with self.lock:
            self._checker.ledger.all.append(trouble)
        return trouble

    def unmarked(self) -> list[str]:
        """Tell of members in which fewer hooks left their mark than the engine says ended well."""
        with self.lock:
            marks = dict(self._checker.hooks.marks)
        found = []
        for (container_id, hook), count in marks.items():
            with contextlib.suppress(NotFound):  # made anew meanwhile
                container = self._stack.client.containers.get(container_id)
                left = hook_marks.marks(container).count(hook)
                if left < count:
                    found.append(f"{container.name} has {left} marks of {count} hooks: {hook}")
        return found

    def look(self) -> Look:
        """Look once."""
        began = time.monotonic()
        stack = self._stack
        label = f"com.docker.compose.project={stack.project}"
        members = {}
        for item in stack.client.api.containers(all=True, filters={"label": label}):
            name = item["Names"][0].lstrip("/")
            if name in self._roles:
                members[name] = self._seen(name, item, began)
        text = ""
        with contextlib.suppress(OSError):
            text = (stack.generated / "autoscaler.conf").read_text(encoding="utf-8")
        proven = self._proves(text)
        if proven:
            self._proven_text = text
        elif self._proves(self._proven_text):  # the file is new, its reload is not done yet
            proven, text = True, self._proven_text
        return Look(began, members, listed_in(text), proven, time.monotonic())

    def _proves(self, text: str) -> bool:
        """Whether NGINX answers as the generation of this file."""
        generation = generation_of(text)
        endpoint = (self._stack.nginx_address, PROBE_PORT)
        return generation is not None and ask(endpoint, generation, ASK_SECONDS).proven

    def _seen(self, name: str, item: dict[str, Any], now: float) -> Seen:
        """Return a member as the engine lists it."""
        networks = item["NetworkSettings"]["Networks"].values()
        address = next((n["IPAddress"] for n in networks if n["IPAddress"]), "")
        up_since = self._up_since.get(name, 0.0)
        answers = (
            item["State"] == "running"
            and bool(address)
            and now - up_since >= READY_SECONDS
            and self._knowledge.sick_until.get(name, 0.0) < now
            and name not in self._knowledge.dull
        )
        running = item["State"] == "running"
        connections = self._from_nginx(name, item["Id"]) if running else None
        role = self._roles[name]
        return Seen(name, role, item["State"], address, up_since, answers, connections)

    def _from_nginx(self, name: str, container_id: str) -> int | None:
        """Count NGINX's connections in a member, None if they cannot be seen."""
        try:
            if name not in self._pids:
                found = self._stack.client.api.inspect_container(container_id)
                self._pids[name] = found["State"]["Pid"]
            table = Path(f"/proc/{self._pids[name]}/net/tcp").read_text(encoding="ascii")
        except (OSError, DockerException):
            self._pids.pop(name, None)
            return None
        octets = bytes(map(int, self._stack.nginx_address.split(".")))
        remote = int.from_bytes(octets, "little")
        rows = [line.split() for line in table.splitlines()[1:]]
        return sum(
            int(row[2].partition(":")[0], 16) == remote and row[3] != TIME_WAIT for row in rows
        )

    def _look_on(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            try:
                look = self.look()
            except DockerException as error:
                self._tell(f"the engine does not answer the soak itself: {error}")
                continue
            self.looks += 1
            with self.lock:
                broken = self._checker.look(look)
            for words in broken:
                self._tell(words)

    def _listen(self) -> None:
        with contextlib.suppress(DockerException, OSError, ValueError, AttributeError):
            for event in self._events:
                self._event(event)

    def _event(self, event: dict[str, Any]) -> None:
        """Take in one event: note new runs, judge stops by the daemon."""
        actor = event.get("Actor", {})
        attributes = actor.get("Attributes", {})
        name, action, now = attributes.get("name", ""), event.get("Action", ""), time.monotonic()
        if name not in self._roles:
            return
        at = now - max(0.0, time.time() - event["timeNano"] / 1e9)
        ours = self._knowledge.hands.get(name, 0.0) >= now
        if action == "start":
            self._up_since[name] = now
            with self.lock:
                self._checker.hooks.began(name, at, by_hand=ours)
            self._pids.pop(name, None)
            self._knowledge.sick_until.pop(name, None)
            self.changes["up by the daemon"] += not ours
        elif action.startswith("exec_"):
            told = {**attributes, "id": actor.get("ID", "")}
            with self.lock:
                self._checker.hooks.command(name, action, at, told)
        elif action == "kill" and attributes.get("signal") == TERM and not ours:
            self.changes["down by the daemon"] += 1
            with self.lock:
                broken = self._checker.stop(Stop(name, self._roles[name], now))
            for words in broken:
                self._tell(words)
