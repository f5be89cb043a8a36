"""Which sources there are by name. A new kind of source is added to `_BUILDERS`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autoscaler.errors import SettingsError
from autoscaler.sampling.cgroup import CgroupSource
from autoscaler.sampling.docker import DockerSource
from autoscaler.sampling.prometheus import PrometheusSetup, PrometheusSource
from autoscaler.sampling.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from autoscaler.clock import Clock
    from autoscaler.engine.client import EngineClient
    from autoscaler.sampling.source import Source


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What sources are built from. Times are seconds.

    `timeout` bounds each call; `api` should have been connected with the same, and with a pool as
    large as there are members. `host_memory_bytes` is the engine's `memory_bytes`.
    """

    api: EngineClient
    clock: Clock
    average_over: float
    interval: float
    timeout: float = 4.0
    host_memory_bytes: int = 0
    cgroup_root: str = "/sys/fs/cgroup"
    proc_root: str = "/proc"
    prometheus: PrometheusSetup = field(default_factory=PrometheusSetup)


def _cgroup(context: SourceContext) -> Source:
    """Build the source that reads the kernel's counters."""
    return CgroupSource(
        context.average_over,
        context.interval,
        context.host_memory_bytes,
        context.cgroup_root,
        context.proc_root,
    )


def _docker(context: SourceContext) -> Source:
    """Build the source that asks the engine."""
    return DockerSource(
        context.api, context.timeout, context.average_over, context.interval, context.clock
    )


def _prometheus(context: SourceContext) -> Source:
    """Build the source that asks Prometheus."""
    return PrometheusSource(context.prometheus)


_BUILDERS: Mapping[str, Callable[[SourceContext], Source]] = {
    "cgroup": _cgroup,
    "docker": _docker,
    "prometheus": _prometheus,
}

SOURCE_NAMES = tuple(_BUILDERS)


def build_sources(names: Sequence[str], context: SourceContext) -> Sources:
    """Build the named sources, in this order of preference.

    Raises SettingsError if the list is empty, names one twice or one that does not exist.
    """
    allowed = ", ".join(SOURCE_NAMES)
    problems = [
        f"source {n!r} does not exist; allowed: {allowed}" for n in names if n not in _BUILDERS
    ]
    if len(set(names)) != len(names):
        problems.append(f"a source is named twice in {','.join(names)}; name each once")
    if not names:
        problems.append(f"no source is named; allowed: a list of {allowed}")
    if problems:
        raise SettingsError(problems)
    built = [_BUILDERS[name](context) for name in names]
    return Sources(built, context.average_over, context.clock.monotonic)
