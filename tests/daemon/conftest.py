"""A whole daemon on virtual time: the real controller between made-up outside parts."""

from __future__ import annotations

import io
import json
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from autoscaler.daemon import override_store
from autoscaler.daemon.controller import Controller, Options, Outside
from autoscaler.daemon.database import open_history
from autoscaler.daemon.inbox import Command, Item, Tick
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.ports import Parts
from autoscaler.daemon.schema import load_roles
from autoscaler.daemon.state import RoleState
from autoscaler.daemon.worker import Done, Effect, Pool, _Job
from autoscaler.errors import AutoscalerError
from autoscaler.events import EngineEvent, EventKind
from autoscaler.policy.overrides import Moment, Override
from autoscaler.settings import Settings, load
from autoscaler.surface import logs
from autoscaler.surface.notify import Notifier
from autoscaler.surface.requests import VERBS, read_request
from tests.daemon.machine import Box, Engine, Time
from tests.daemon.proxy import Memory, Nginx

SECONDS = {
    "freeze": 0.001,
    "look": 0.02,
    "sample": 0.02,
    "probe": 0.01,
    "publish": 0.05,
    "start": 0.3,
    "drain": 1.5,
    "after_healthy": 0.2,
    "before_stop": 0.2,
    "stop": 0.5,
}
"""How long each kind of job takes; it takes effect at its end."""

BOOT = "this-boot"
NOWHERE = Moment(0.0, 0.0, "")


class VirtualPool(Pool):
    """A pool whose jobs take virtual time instead of threads."""

    def __init__(self, world: World) -> None:
        self._world = world

    def submit(
        self,
        name: str,
        call: Callable[[], Any],
        then: Callable[[Any], Effect | None],
        failed: Callable[[AutoscalerError], Effect | None],
    ) -> None:
        """Run the job at the end of its time and post its outcome."""
        world, controller = self._world, self._world.life
        world.jobs.append(name)

        def run() -> None:
            done: Done = self._run(_Job(name, call, then, failed))
            if world.life == controller:
                world.post(done)

        world.time.after(world.seconds[name.split(maxsplit=1)[0]], run)


class World:
    """One role `validator` of three containers (unless told otherwise), an NGINX and a daemon."""

    def __init__(self, folder: Path, settings: dict[str, str], members: dict[str, int]) -> None:
        self.folder = folder
        self.settings = {
            "AUTOSCALER_PROJECT": "shop",
            "AUTOSCALER_FREEZE_FILE": str(folder / "freeze"),
            "AUTOSCALER_NGINX__CONTAINER": "proxy",
            **{f"AUTOSCALER_ROLES__{r}__ENABLED": "false" for r in ("BUSINESS", "SLIM")},
            **settings,
        }
        self.time = Time()
        self.seconds = dict(SECONDS)
        self.jobs: list[str] = []
        self.history = Memory(self.time)
        self.engine = Engine(self.time, self.post)
        for role, count in members.items():
            self.engine.add(role, count)
        self.nginx = Nginx(self.engine)
        self.life = 0
        self.once = self.dry_run = False
        self.boot = BOOT
        self.notifier = Notifier()
        self._interval = 5.0

    @property
    def env_file(self) -> Path:
        """The file the daemon reads its settings from."""
        return self.folder / "autoscaler.env"

    def write_settings(self) -> None:
        """Write the env file from `settings`."""
        text = "".join(f"{name}={value}\n" for name, value in self.settings.items())
        self.env_file.write_text(text, encoding="utf-8")

    def start(self) -> World:
        """Start a daemon, with what the last one stored; a running one is killed first."""
        self.life += 1
        self.write_settings()
        loaded = load(self.env_file, {})
        self._interval = loaded.settings.interval
        outside = Outside(
            lambda new, _before, _old: self._parts(new),
            self.history,
            Journal(self.history, self.time),
            self.boot,
            self._stored(),
            lambda _size, _deliver, _name: VirtualPool(self),
            self.notifier,
            self._stored_overrides(),
        )
        options = Options(self.env_file, once=self.once, dry_run=self.dry_run)
        self.controller = Controller(loaded, options, outside)
        self.controller.begin()
        self._tick_later(self.life)
        self.post(EngineEvent(EventKind.CONNECTED))
        return self

    def _stored(self) -> Any:  # noqa: ANN401 - what Outside takes
        """Let the stored statements take the way over a real file."""
        path = self.folder / f"history-{self.life}.db"
        database = open_history(path)
        with database:
            for sql, values in self.history.roles.values():
                database.execute(sql, values)
        database.close()
        roles, problems = load_roles(path)
        assert problems == []
        return roles

    def _stored_overrides(self) -> tuple[Override, ...]:
        """Let stored overrides take the way over a real file."""
        path = self.folder / f"overrides-{self.life}.db"
        database = open_history(path)
        with database:
            for sql, values in [*override_store.statements((), NOWHERE), *self.history.overrides]:
                database.execute(sql, values)
        database.close()
        now = Moment(self.time.monotonic(), self.time.wall().timestamp(), self.boot)
        found, problems = override_store.load_overrides(path, now)
        assert problems == []
        return found

    def _parts(self, settings: Settings) -> Parts:
        engine = self.engine
        engine.scope = settings.scope()
        return Parts(
            engine,
            engine,
            engine,
            self.nginx,
            engine.probe,
            engine.drain,
            engine.hook,
            lambda: engine.host,
            self.nginx.listed,
        )

    def _tick_later(self, life: int) -> None:
        def tick() -> None:
            if life == self.life:
                self.post(Tick())
                self._tick_later(life)

        self.time.after(self._interval, tick)

    def post(self, item: Item) -> None:
        """Put something into the daemon's inbox."""
        if self.life:
            self.controller.inbox.put(item)

    def run(self, seconds: float) -> World:
        """Let time pass."""
        end = self.time.now + seconds
        self._run(end, lambda: False)
        return self

    def until(self, condition: Callable[[], object], seconds: float = 600.0) -> float:
        """Let time pass until something is true; return the seconds it took.

        A second more passes, so that the daemon has taken in what it brought about.
        """
        began = self.time.now
        self._run(began + seconds, condition)
        assert condition(), f"not true within {seconds} s; {self.told()[-12:]}"
        took = self.time.now - began
        self.run(1.0)
        return took

    def _run(self, end: float, condition: Callable[[], object]) -> None:
        at, turns = self.time.now, 0
        while not condition() and self.controller._stopping is None:
            assert not self.engine.broken, self.engine.broken
            assert turns < 300, f"the daemon is busy with nothing: {self.jobs[-8:]}"
            waits = [self.controller._service.next_at(), *self.controller._due(self.time.now)]
            due = min([self.time.next_at(), *waits])
            if self._take_one():
                turns += 1
                continue
            if due > end:
                self.time.now = end
                return
            self.time.now = max(self.time.now, due)
            at, turns = (at, turns + 1) if self.time.now == at else (self.time.now, 0)
            if self.time.next_at() <= self.time.now:
                self.time.happen()
            else:
                self.controller.take(None)

    def _take_one(self) -> bool:
        try:
            item = self.controller.inbox.get_nowait()
        except queue.Empty:
            return False
        self.controller.take(item)
        return True

    def ask(self, verb: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - what JSON holds
        """Let user `alice` give the daemon a command; return its answer."""
        method, path = next(key for key, (name, _) in VERBS.items() if name == verb)
        content = json.dumps(fields).encode() if fields and method == "POST" else b""
        target = f"{path}?{urlencode(fields)}" if fields and method == "GET" else path
        request = read_request(method, target, content, "alice")
        command = Command(request.verb, request.body, request.by)
        self.controller.take(command)
        return command.reply.get_nowait().reply.body

    def grow(self, count: int = 3, role: str = "validator") -> World:
        """Load a role until so many members serve."""
        self.load(role, 95.0)
        self.until(lambda: len(self.served(role)) == count)
        self.load(role, 60.0)
        return self.run(3.0)

    def drain_second(self) -> None:
        """Grow to two validators and let the load go, until the second is in a drain of 30 s."""
        self.grow(2)
        self.seconds["drain"] = 30.0
        self.load("validator", 5.0)
        self.until(lambda: "drain validator-2" in self.jobs, 900.0)

    def crash(self, name: str) -> None:
        """Let a member in service crash and wait until it left NGINX."""
        self.until(lambda: name in self.served())
        self.engine.end(name, 1)
        self.until(lambda: name not in self.served())

    def load(self, role: str, cpu: float) -> None:
        """Set the CPU percent that every member of a role shows."""
        for box in self.engine.boxes.values():
            if box.role == role:
                box.cpu = cpu

    def box(self, name: str) -> Box:
        """Return a container."""
        return self.engine.boxes[name]

    def role(self, name: str = "validator") -> RoleState:
        """Return what the daemon knows of a role."""
        return self.controller.state.roles[name]

    def desired(self, role: str = "validator") -> int:
        """Return the count the daemon wants."""
        return self.role(role).memory.desired

    def served(self, role: str = "validator") -> list[str]:
        """Return the members of a role that get requests."""
        return sorted(n for n in self.nginx.served if self.box(n).role == role)

    def running(self, role: str = "validator") -> list[str]:
        """Return the members of a role that run."""
        return sorted(b.name for b in self.engine.boxes.values() if b.running and b.role == role)

    def told(self, event: str = "") -> list[dict[str, Any]]:
        """Return the events told so far, of one name or all."""
        return [e for e in self.history.events if event in {"", e["event"]}]


@pytest.fixture(autouse=True)
def _quiet_log() -> None:
    """Keep the log out of the test's output."""
    logs.configure("error", "json", io.StringIO())


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(tmp_path: Path) -> MakeWorld:
    """Return a maker of worlds: settings by keyword with AUTOSCALER_ left out, members by role."""

    def make(members: dict[str, int] | None = None, **settings: str) -> World:
        given = {f"AUTOSCALER_{name}": value for name, value in settings.items()}
        return World(tmp_path, given, members or {"validator": 3})

    return make


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Return a running daemon of one validator in service and two spares."""
    started = make_world().start()
    started.until(lambda: started.served() == ["validator-1"])
    return started.run(20.0)
