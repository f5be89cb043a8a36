"""How the cost of a whole tick grows with the number of members.

Everything between the engine's answers and NGINX is the daemon's own code: the answers are parsed,
counters are read from files like the kernel's, every role is decided and planned and the upstream
file rendered. Made up are the answers, the files and an NGINX that proves what it is given.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autoscaler.actuation.drain import Drained
from autoscaler.actuation.health import ProbeResult
from autoscaler.actuation.nginx import Published
from autoscaler.actuation.upstreams import Rendered
from autoscaler.daemon.controller import Controller, Options, Outside
from autoscaler.daemon.history import NoHistory
from autoscaler.daemon.inbox import Tick
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.ports import Parts
from autoscaler.daemon.worker import Done, Effect, Pool, _Job
from autoscaler.engine.inventory import Inventory
from autoscaler.errors import AutoscalerError
from autoscaler.model import Member, Reason
from autoscaler.sampling.cgroup import CgroupSource
from autoscaler.sampling.sources import Sources
from autoscaler.settings import load
from tests.bench.rows import Row
from tests.bench.timing import by_turns

FEW, MANY = 100, 1000
ROUNDS = 15
INTERVAL = 5.0
USED_MICROSECONDS = 2_750_000  # 55 % of one CPU for one interval
NETWORK = "aurora"


def measure(wanted: frozenset[str]) -> list[Row]:
    """Measure ticks of both sizes by turns."""
    del wanted
    with tempfile.TemporaryDirectory(prefix="autoscaler-bench-") as name:
        few, many = _World(Path(name, "few"), FEW), _World(Path(name, "many"), MANY)

        def burn() -> None:
            few.burn()
            many.burn()

        burn()
        pair = by_turns(many.tick, few.tick, ROUNDS, burn)
        few.check()
        many.check()
    work = f"a whole tick at {MANY} members over one at {FEW}, with made-up answers and counters"
    return [pair.row("tick_scaling", work, 12.0)]


class _Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Seconds since the machine's start."""
        return self.now

    def wall(self) -> datetime:
        """Time of day."""
        return datetime.fromtimestamp(1_700_000_000 + self.now, UTC)


class _AtOnce(Pool):
    """A pool that does every job where it is asked to; the outcome goes the usual way."""

    def submit(
        self,
        name: str,
        call: Callable[[], Any],
        then: Callable[[Any], Effect | None],
        failed: Callable[[AutoscalerError], Effect | None],
    ) -> None:
        """Do the job and post its outcome."""
        self._deliver(self._run(_Job(name, call, then, failed)))


class _Engine:
    """Answers as an engine does, about containers that do not exist."""

    def __init__(self, count: int) -> None:
        self._listed = [_listed(number) for number in range(1, count + 1)]
        self._inspected = {_id(number): _inspected(number) for number in range(1, count + 1)}

    def containers(self, **_given: object) -> list[dict[str, Any]]:
        """Return the answer of the list call."""
        return self._listed

    def inspect_container(self, container_id: str) -> dict[str, Any]:
        """Return what inspecting a container tells."""
        return self._inspected[container_id]


class _Nginx:
    """Serves whatever it is given at once."""

    def __init__(self, clock: _Clock) -> None:
        self._clock = clock

    def publish(self, rendered: Rendered) -> Published:
        """Serve a file."""
        now = self._clock.monotonic()
        return Published(rendered.generation, True, frozenset(), now, {})

    def proven(self, generation: str) -> bool:
        """Tell that it serves the generation."""
        return bool(generation)

    def intact(self, rendered: Rendered) -> bool:
        """Tell that nobody changed the file."""
        return bool(rendered.text)

    def networks(self) -> frozenset[str]:
        """Return the members' network."""
        return frozenset({NETWORK})


class _World:
    """A daemon with so many members, all of them up and in the band."""

    def __init__(self, folder: Path, count: int) -> None:
        self._count, self._clock, self._used = count, _Clock(), 0
        self._files = [_counters(folder, number) for number in range(1, count + 1)]
        (folder / "cgroup.controllers").touch()
        env_file = folder / "autoscaler.env"
        env_file.write_text(_settings(folder, count), encoding="utf-8")
        loaded = load(env_file, {})
        source = CgroupSource(15.0, INTERVAL, 2**34, str(folder))
        engine: Any = _Engine(count)
        nginx = _Nginx(self._clock)
        parts = Parts(
            Inventory(engine, loaded.settings.scope(), 2.0, self._clock),
            Sources([source], 15.0, self._clock.monotonic),
            _Idle(),
            nginx,
            lambda *_: ProbeResult(ok=True, detail="it answers"),
            lambda *_: Drained(0.0, True, 0, 0, 0, 0),
            lambda *_: None,
        )
        history = NoHistory()
        outside = Outside(
            lambda *_: parts, history, Journal(history, self._clock), "boot", {}, _AtOnce
        )
        self._controller = Controller(loaded, Options(env_file), outside)
        self._controller.begin()
        for _ in range(5):
            self.burn()
            self.tick()

    def tick(self) -> None:
        """Let one interval pass and do all that follows from it."""
        self._clock.now += INTERVAL
        controller = self._controller
        controller.take(Tick())
        while not controller.inbox.empty():
            item = controller.inbox.get()
            assert isinstance(item, Done)
            assert item.error is None, item.error
            controller.take(item)

    def burn(self) -> None:
        """Let every member use CPU for one interval."""
        self._used += USED_MICROSECONDS
        for path in self._files:
            path.write_text(f"usage_usec {self._used}\nuser_usec 0\n", encoding="utf-8")

    def check(self) -> None:
        """Assert that the ticks did their work: everyone read, decided on and served."""
        state = self._controller.state
        decision = state.roles["validator"].decision
        assert decision is not None
        assert decision.reason is Reason.WITHIN_BAND, decision
        assert len(state.publication.proven_endpoints) == self._count


class _Idle:
    """A lifecycle that has nothing to do."""

    def start(self, member: Member) -> None:
        """Nothing is ever started here."""
        raise AssertionError(member.name)

    def stop(self, member: Member, timeout_seconds: float) -> None:
        """Nothing is ever stopped here."""
        raise AssertionError((member.name, timeout_seconds))


def _settings(folder: Path, count: int) -> str:
    lines = {
        "PROJECT": "bench",
        "INTERVAL": f"{INTERVAL:g}",
        "STATE_DIR": str(folder),
        "RUN_DIR": str(folder),
        "FREEZE_FILE": str(folder / "freeze"),
        "NGINX__CONTAINER": "proxy",
        "NGINX__DIRECTORY": str(folder),
        "ROLES__BUSINESS__ENABLED": "false",
        "ROLES__SLIM__ENABLED": "false",
        "ROLES__VALIDATOR__MAX": str(count),
    }
    return "".join(f"AUTOSCALER_{key}={value}\n" for key, value in lines.items())


def _id(number: int) -> str:
    return f"{number:064x}"


def _address(number: int) -> str:
    return f"10.9.{number // 250}.{number % 250 + 1}"


def _labels(number: int) -> dict[str, str]:
    return {
        "autoscaler.role": "validator",
        "com.docker.compose.project": "bench",
        "com.docker.compose.service": "validator",
        "com.docker.compose.container-number": str(number),
        "com.docker.compose.oneoff": "False",
    }


def _networks(number: int) -> dict[str, Any]:
    endpoint = {"IPAddress": _address(number), "NetworkID": "aa" * 32, "IPAMConfig": None}
    return {"Networks": {NETWORK: endpoint}, "Ports": {}}


def _listed(number: int) -> dict[str, Any]:
    return {
        "Id": _id(number),
        "Names": [f"/bench-validator-{number}"],
        "Labels": _labels(number),
        "State": "running",
        "Status": "Up 2 weeks (healthy)",
        "ImageID": "sha256:" + "bb" * 32,
        "Ports": [],
        "NetworkSettings": _networks(number),
    }


def _inspected(number: int) -> dict[str, Any]:
    return {
        "Id": _id(number),
        "Image": "sha256:" + "bb" * 32,
        "State": {
            "Status": "running",
            "Pid": 4_000_000 + number,
            "StartedAt": "2026-01-01T00:00:00Z",
            "Health": {"Status": "healthy"},
        },
        "Config": {"Labels": _labels(number)},
        "HostConfig": {"NanoCpus": 1_000_000_000},
        "NetworkSettings": _networks(number),
    }


def _counters(folder: Path, number: int) -> Path:
    """Write the counter files of a container; return the one with its CPU time."""
    group = folder / "docker" / _id(number)
    group.mkdir(parents=True)
    (group / "memory.current").write_text("150000000\n", encoding="utf-8")
    (group / "memory.max").write_text("max\n", encoding="utf-8")
    (group / "memory.stat").write_text("anon 1\nfile 2\ninactive_file 3000\n", encoding="utf-8")
    path = group / "cpu.stat"
    path.write_text("usage_usec 0\nuser_usec 0\n", encoding="utf-8")
    return path
