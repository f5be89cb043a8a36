"""What it costs to read the CPU of 100 running containers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from autoscaler.clock import SystemClock
from autoscaler.daemon.assembly import POOL_SIZE, SAMPLE_TIMEOUT_SECONDS
from autoscaler.engine.client import EngineClient, connect, info
from autoscaler.engine.inventory import Inventory
from autoscaler.inventory import list_filters
from autoscaler.model import Member
from autoscaler.sampling.cgroup import CgroupSource
from autoscaler.sampling.cgroup_paths import Files, find_files
from autoscaler.sampling.docker import DockerSource
from autoscaler.scope import RoleScope, Scope
from tests.bench.crowd import ROLE, crowd
from tests.bench.rows import Limit, Row
from tests.bench.timing import by_turns, seconds

COUNT = 100
NAIVE = 10
URL = "unix:///var/run/docker.sock"
AVERAGE_OVER, INTERVAL = 15.0, 5.0
QUICK_ROUNDS, LIST_ROUNDS, STATS_ROUNDS = 201, 41, 9
READ_BYTES = 65_536


def measure(wanted: frozenset[str]) -> list[Row]:
    """Measure the rows of this module that are wanted."""
    makers: dict[str, Callable[[EngineClient, str, Sequence[Member]], Row]] = {
        "sample_cgroup_100": _counters,
        "sample_cgroup_list_100": _counters_and_list,
        "sample_docker_100": _stats,
        "sample_naive_100": _naive,
    }
    with crowd(COUNT) as project:
        api = connect(URL, 30.0, POOL_SIZE)
        try:
            members = _inventory(api, project).members().members
            assert len(members) == COUNT
            return [make(api, project, members) for k, make in makers.items() if k in wanted]
        finally:
            api.close()


def _scope(project: str) -> Scope:
    return Scope(project, (RoleScope(ROLE, 9000),))


def _inventory(api: EngineClient, project: str) -> Inventory:
    return Inventory(api, _scope(project), float(info(api).cpus))


def _source(api: EngineClient) -> CgroupSource:
    return CgroupSource(AVERAGE_OVER, INTERVAL, info(api).memory_bytes)


def _docker_source() -> DockerSource:
    """Return the source as the daemon makes it."""
    api = connect(URL, SAMPLE_TIMEOUT_SECONDS, POOL_SIZE)
    return DockerSource(api, SAMPLE_TIMEOUT_SECONDS, AVERAGE_OVER, INTERVAL, SystemClock())


def _paths(members: Sequence[Member]) -> list[str]:
    """Return every file that the source reads for these members."""
    paths: list[str] = []
    for member in members:
        found = find_files(member, "/sys/fs/cgroup", "/proc")
        assert isinstance(found, Files), found
        paths += [found.cpu, found.memory_usage, found.memory_limit, found.memory_stat]
    return [path for path in paths if path]


def _read_all(paths: Sequence[str]) -> None:
    """Read files as barely as it can be done."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.read(descriptor, READ_BYTES)
        os.close(descriptor)


def _counters(api: EngineClient, project: str, members: Sequence[Member]) -> Row:
    del project
    source, paths = _source(api), _paths(members)
    pair = by_turns(
        lambda: source.sample(members, time.monotonic), lambda: _read_all(paths), QUICK_ROUNDS
    )
    work = "CPU and memory of 100 containers from cgroup files; floor: reading the same files"
    return pair.row("sample_cgroup_100", work, 3.0)


def _counters_and_list(api: EngineClient, project: str, members: Sequence[Member]) -> Row:
    inventory, source, paths = _inventory(api, project), _source(api), _paths(members)
    (filters,) = list_filters(_scope(project))

    def ours() -> None:
        source.sample(inventory.members().members, time.monotonic)

    def floor() -> None:
        api.containers(all=True, filters=filters)
        _read_all(paths)

    work = "finding the 100 members and reading them; floor: docker-py's list call and the files"
    return by_turns(ours, floor, LIST_ROUNDS).row("sample_cgroup_list_100", work, 1.5)


def _stats(api: EngineClient, project: str, members: Sequence[Member]) -> Row:
    del api, project
    source = _docker_source()
    raw = connect(URL, 30.0, COUNT)
    with ThreadPoolExecutor(COUNT) as pool:

        def ask(member: Member) -> object:
            return raw.stats(member.container_id, stream=False, one_shot=True)

        pair = by_turns(
            lambda: source.sample(members, time.monotonic),
            lambda: list(pool.map(ask, members)),
            STATS_ROUNDS,
        )
    raw.close()
    work = "100 containers by the engine's stats; floor: 100 raw stats calls at once on one pool"
    return pair.row("sample_docker_100", work, 1.25)


def _naive(api: EngineClient, project: str, members: Sequence[Member]) -> Row:
    """Compare with asking one after another, as most scripts do."""
    del project
    source = _docker_source()
    source.sample(members, time.monotonic)
    ours = [seconds(lambda: source.sample(members, time.monotonic)) for _ in range(3)]
    naive = [
        seconds(lambda m=member: api.stats(m.container_id, stream=False))  # type: ignore[misc]
        for member in members[:NAIVE]
    ]
    return Row(
        "sample_naive_100",
        f"ours over stats(stream=False) one after another (measured on {NAIVE}, scaled)",
        "ms",
        1000 * sorted(ours)[len(ours) // 2],
        1000 * sum(naive) * COUNT / NAIVE,
        Limit(0.01, "ratio"),
        detail={"ours_seconds": ours, "naive_seconds_each": naive},
    )
