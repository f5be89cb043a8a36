"""Readings of real containers: what is measured, and the reasons when nothing is."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.clock import SystemClock
from autoscaler.engine.client import EngineClient, connect
from autoscaler.engine.inventory import Inventory
from autoscaler.model import ContainerState, Health, Member, NoReading
from autoscaler.sampling.cgroup import CgroupSource
from autoscaler.sampling.docker import DockerSource
from autoscaler.scope import RoleScope, Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from autoscaler.model import Reading
    from autoscaler.sampling.source import Source
    from tests.engine.conftest import Containers, Serve, Until

BUSY = ["sh", "-c", "while :; do :; done"]
AVERAGE_OVER, INTERVAL = 2.0, 0.5
V2 = (
    "/sys/fs/cgroup"
    if Path("/sys/fs/cgroup/cgroup.controllers").exists()
    else ("/sys/fs/cgroup/unified")
)


def cgroup(root: str = "/sys/fs/cgroup") -> CgroupSource:
    """Return a source that reads the kernel's counters."""
    return CgroupSource(AVERAGE_OVER, INTERVAL, 2**34, root)


def engine(api: EngineClient, timeout: float = 4.0) -> DockerSource:
    """Return a source that asks the engine."""
    return DockerSource(api, timeout, AVERAGE_OVER, INTERVAL, SystemClock())


SOURCES: dict[str, Callable[[EngineClient], Source]] = {
    "cgroup": lambda _: cgroup(),
    "cgroup v2": lambda _: cgroup(V2),
    "docker": engine,
}
each_source = pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES.keys())


class Bench:
    """Containers, looked at and sampled."""

    def __init__(self, containers: Containers) -> None:
        self.containers = containers
        scope = Scope(containers.project, (RoleScope("validator", 9003),))
        self._inventory = Inventory(containers.api, scope, 2.0)

    def members(self) -> tuple[Member, ...]:
        """Look anew at all containers."""
        for member in self._inventory.members().members:
            self._inventory.forget(member.container_id)
        return self._inventory.members().members

    def sample(self, source: Source) -> dict[str, Reading]:
        """Return the readings by the containers' short names."""
        readings = source.sample(self.members(), time.monotonic)
        prefix = self.containers.project + "-"
        return {name.removeprefix(prefix): r for name, r in readings.items()}

    def reading(self, source: Source, short: str) -> float:
        """Sample until there is a reading."""
        deadline = time.monotonic() + 15
        while (cpu := self.sample(source)[short].cpu_percent) is None:
            assert time.monotonic() < deadline, f"no reading from {source.name}"
            time.sleep(0.1)
        return cpu


@pytest.fixture
def bench(containers: Containers) -> Bench:
    """Return a bench for this test's containers."""
    return Bench(containers)


pytestmark = pytest.mark.engine


@each_source
def test_a_container_that_uses_all_it_may_reads_about_100_percent(
    containers: Containers, bench: Bench, make: Callable[[EngineClient], Source], until: Until
) -> None:
    """A busy loop with a tenth of a CPU: 100 is the limit, not one core.

    On a machine that is busy itself it may get less for a while, but never much more.
    """
    containers.start("a", BUSY, host={"nano_cpus": 100_000_000})
    source, seen = make(containers.api), [0.0]

    def close_to_its_limit() -> bool:
        seen.append(bench.reading(source, "a"))
        return 90 < seen[-1] < 110

    until(close_to_its_limit, 30)
    assert max(seen) < 125


def test_all_sources_agree(containers: Containers, bench: Bench) -> None:
    """The same container reads the same from v1, from v2 and from the engine."""
    containers.start("a", BUSY, host={"nano_cpus": 150_000_000})
    member = bench.members()[0]
    sources: list[Source] = [cgroup(), cgroup(V2), engine(containers.api)]
    deadline = time.monotonic() + 4.5
    last: list[float | None] = []
    while time.monotonic() < deadline:
        last = [s.sample([member], time.monotonic)[member.name].cpu_percent for s in sources]
    readings = [cpu for cpu in last if cpu is not None]
    assert len(readings) == 3
    assert max(readings) - min(readings) < 12


def test_the_memory_of_both_sources_agrees(
    containers: Containers, bench: Bench, until: Until
) -> None:
    """Percent of the container's own limit."""
    fill = "busybox dd if=/dev/zero of=/dev/shm/x bs=1M count=8; exec sleep 100"
    containers.start("a", ["sh", "-c", fill], host={"mem_limit": "64m"})
    member = bench.members()[0]

    def memory(source: Source) -> float:
        return source.sample([member], time.monotonic)[member.name].memory_percent or 0.0

    until(lambda: memory(cgroup()) > 12)
    assert memory(cgroup()) == pytest.approx(13, abs=1.5)
    assert memory(engine(containers.api)) == pytest.approx(memory(cgroup()), abs=1)


@each_source
def test_the_first_sight_of_a_container_is_no_reading(
    containers: Containers, bench: Bench, make: Callable[[EngineClient], Source]
) -> None:
    """The engine's own first delta would be against zero."""
    containers.start("a", BUSY, host={"nano_cpus": 100_000_000})
    reading = bench.sample(make(containers.api))["a"]
    assert (reading.cpu_percent, reading.reason) == (None, NoReading.FIRST_SIGHT)


@each_source
def test_a_restarted_container_has_no_reading_until_its_window_is_full(
    containers: Containers, bench: Bench, make: Callable[[EngineClient], Source]
) -> None:
    """Its counter began anew; the difference would be negative."""
    container_id = containers.start("a", BUSY, host={"nano_cpus": 100_000_000})
    source = make(containers.api)
    bench.reading(source, "a")
    containers.api.restart(container_id, timeout=0)
    reading = bench.sample(source)["a"]
    assert (reading.cpu_percent, reading.reason) == (None, NoReading.RESTARTED)
    assert bench.reading(source, "a") > 50


@each_source
def test_a_recreated_container_has_no_reading_at_first(
    containers: Containers, bench: Bench, make: Callable[[EngineClient], Source]
) -> None:
    """The same name, another id: nothing of the old one counts."""
    container_id = containers.start("a", BUSY, host={"nano_cpus": 100_000_000})
    source = make(containers.api)
    bench.reading(source, "a")
    containers.api.remove_container(container_id, force=True)
    containers.start("a", BUSY, host={"nano_cpus": 100_000_000})
    assert bench.sample(source)["a"].reason is NoReading.RESTARTED


@each_source
def test_stopped_paused_and_created_containers_are_not_running(
    containers: Containers, bench: Bench, make: Callable[[EngineClient], Source]
) -> None:
    """None of them is at 0 %."""
    containers.create("created")
    containers.api.pause(containers.start("paused"))
    containers.api.kill(containers.start("stopped"))
    readings = bench.sample(make(containers.api)).values()
    assert [(r.cpu_percent, r.reason) for r in readings] == [(None, NoReading.NOT_RUNNING)] * 3


def test_a_container_that_died_since_the_look_is_no_reading(
    containers: Containers, bench: Bench
) -> None:
    """Neither source takes the vanished counter for zero."""
    container_id = containers.start("a")
    members = bench.members()
    containers.api.kill(container_id)
    for source in (cgroup(), cgroup(V2), engine(containers.api)):
        reading = source.sample(members, time.monotonic)[members[0].name]
        assert reading.cpu_percent is None
        assert reading.reason in (NoReading.NO_COUNTER, NoReading.SOURCE_FAILED)


def test_a_custom_cgroup_parent_is_found(containers: Containers, bench: Bench) -> None:
    """As hosts with resource groups of their own set it."""
    containers.start("a", host={"cgroup_parent": "/autoscaler-test/group"})
    assert bench.sample(cgroup())["a"].reason is NoReading.FIRST_SIGHT
    containers.remove()
    for group in ("autoscaler-test/group", "autoscaler-test"):
        for pattern in (group, f"*/{group}"):
            for left in Path("/sys/fs/cgroup").glob(pattern):
                left.rmdir()


def test_all_members_are_asked_at_once(containers: Containers, bench: Bench) -> None:
    """One answer takes up to a second on some engines; six take no longer."""
    for n in range(6):
        containers.start(f"n{n}")
    members, source = bench.members(), engine(containers.api)
    source.sample(members[:1], time.monotonic)
    began = time.monotonic()
    readings = source.sample(members, time.monotonic)
    assert {r.reason for r in readings.values()} == {NoReading.FIRST_SIGHT}
    assert time.monotonic() - began < 2.5


def fake(name: str) -> Member:
    """Return a running member whose id is its name."""
    state = ContainerState.RUNNING
    return Member("validator", name, 1, name, state, Health.NONE, "now", 9003)


def test_one_member_that_hangs_delays_the_others_by_no_more_than_the_timeout(
    serve: Serve, until: Until
) -> None:
    """It timed out; at the next sample it is not asked a second time while it still hangs."""
    release = threading.Event()
    asked: list[str] = []

    def answer(path: str) -> tuple[int, bytes]:
        if path.endswith("/version"):
            return 200, b'{"ApiVersion": "1.41"}'
        asked.append(path)
        if "/bad/" in path:
            release.wait(20)
        return 200, b'{"cpu_stats": {"cpu_usage": {"total_usage": 5000000000}}}'

    # The client's own timeout is longer: the source's deadline is what must hold.
    source = engine(connect(serve(answer).url, 15, 4), timeout=0.3)
    members = [fake("good"), fake("bad"), fake("fine")]
    began = time.monotonic()
    readings = source.sample(members, time.monotonic)
    assert time.monotonic() - began < 1.5
    assert [readings[m.name].reason for m in members] == [
        NoReading.FIRST_SIGHT,
        NoReading.TIMED_OUT,
        NoReading.FIRST_SIGHT,
    ]
    assert source.sample(members, time.monotonic)["bad"].reason is NoReading.TIMED_OUT
    assert sum("/bad/" in path for path in asked) == 1
    release.set()
    until(lambda: source.sample(members, time.monotonic)["bad"].reason is NoReading.FIRST_SIGHT)


def test_one_member_the_engine_refuses_does_not_hide_the_others(serve: Serve) -> None:
    """Its reading carries the engine's words."""

    def answer(path: str) -> tuple[int, bytes]:
        if path.endswith("/version"):
            return 200, b'{"ApiVersion": "1.40"}'
        if "/bad/" in path:
            return 500, b'{"message": "cgroup broke"}'
        assert "one-shot" not in path
        return 200, b'{"cpu_stats": {"cpu_usage": {"total_usage": 5000000000}}}'

    source = engine(connect(serve(answer).url, 2, 4))
    readings = source.sample([fake("bad"), fake("good")], time.monotonic)
    assert readings["good"].reason is NoReading.FIRST_SIGHT
    assert readings["bad"].reason is NoReading.SOURCE_FAILED
    assert "cgroup broke" in readings["bad"].detail


def test_an_engine_that_is_away_gives_reasons_not_exceptions() -> None:
    """The caller falls back or holds."""
    source = engine(connect("unix:///nonexistent.sock", 1, 1))
    reading = source.sample([fake("a")], time.monotonic)["a"]
    assert (reading.cpu_percent, reading.reason) == (None, NoReading.SOURCE_FAILED)


def test_reading_the_kernels_counters_costs_little(containers: Containers, bench: Bench) -> None:
    """A hundred members cost at most thrice a bare loop over the same files (best of five)."""
    containers.start("a")
    member = bench.members()[0]
    source = CgroupSource(15, 5, 2**34)
    many: list[Any] = [
        Member(**{f: getattr(member, f) for f in member.__slots__ if f != "name"}, name=f"node-{n}")
        for n in range(100)
    ]
    source.sample(many, time.monotonic)
    files = source._files["node-0"].files
    paths = [files.cpu, files.memory_usage, files.memory_limit, files.memory_stat] * 100

    def bare() -> None:
        for path in paths:
            with open(path, "rb") as file:  # noqa: PTH123  # the bare loop, as cheap as it gets
                file.read()

    def seconds(work: Callable[[], object]) -> float:
        began = time.thread_time()
        work()
        return time.thread_time() - began

    floor = min(seconds(bare) for _ in range(5))
    cost = min(seconds(lambda: source.sample(many, time.monotonic)) for _ in range(5))
    print(f"100 members: {cost * 1000:.2f} ms, bare loop {floor * 1000:.2f} ms")  # noqa: T201  # the figure is the point
    assert cost < 3 * floor
