"""Builds the daemon's outside world from its settings: the one place that knows all adapters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autoscaler.actuation.drain import Drained
from autoscaler.actuation.drainer import Drainer, Leaving
from autoscaler.actuation.health import probe
from autoscaler.actuation.nginx import Nginx, Published, Reach
from autoscaler.actuation.nginx_container import ContainerNginx, ContainerSetup
from autoscaler.actuation.nginx_host import HostCommands, HostNginx
from autoscaler.actuation.upstreams import Rendered
from autoscaler.actuation.url_hook import call_url
from autoscaler.clock import Clock
from autoscaler.daemon.ports import Inventory, Parts, Sampler, unmeasured
from autoscaler.engine.client import EngineClient, EngineInfo, connect, info
from autoscaler.engine.command import run_command
from autoscaler.engine.inventory import Inventory as EngineInventory
from autoscaler.engine.lifecycle import Lifecycle
from autoscaler.hooks import Hook, UrlHook
from autoscaler.inventory import Snapshot
from autoscaler.model import Member, Reading
from autoscaler.policy.headroom import HostLoad
from autoscaler.sampling.hostload import HostMeter
from autoscaler.sampling.prometheus import prometheus_setup
from autoscaler.sampling.registry import SourceContext, build_sources
from autoscaler.sampling.sources import SourceEvent
from autoscaler.settings import Settings
from autoscaler.strangers import Stranger

POOL_SIZE = 64
"""Parallel connections to the engine: every member of a round of the docker source has one."""


SAMPLE_TIMEOUT_SECONDS = 4.0
"""A member whose statistics take longer has no reading in that round; the others do not wait."""


@dataclass(frozen=True, slots=True)
class NginxPublisher:
    """The publisher with the networks of the NGINX it speaks to."""

    nginx: Nginx
    reach_networks: Callable[[], frozenset[str]]

    def publish(self, rendered: Rendered) -> Published:
        """Write, test, reload and prove."""
        return self.nginx.publish(rendered)

    def proven(self, generation: str) -> bool:
        """Ask NGINX whether it serves a generation now."""
        return self.nginx.proven(generation)

    def intact(self, rendered: Rendered) -> bool:
        """Tell whether the file on disk is this one."""
        return self.nginx.intact(rendered)

    def networks(self) -> frozenset[str]:
        """Return the networks of NGINX's container; empty for an NGINX on the host."""
        return self.reach_networks()


class Assembly:
    """Makes the parts; one client of the engine serves all of them."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self.api = self.client(settings)

    @staticmethod
    def client(settings: Settings) -> EngineClient:
        """Return a new client of the engine; it connects when it is first used."""
        return connect(settings.docker.url, settings.docker.timeout, POOL_SIZE)

    def parts(self, settings: Settings, before: Parts | None, old: Settings | None) -> Parts:
        """Return the parts for these settings, keeping the CPU windows of `before` if it may."""
        kept = before if before and not _sampling_changed(settings, old) else None
        reach, networks = self.reach(settings)
        nginx = Nginx(reach, settings.nginx.directory, settings.nginx.timeout, self._clock)
        drainer = Drainer(self._clock, reach.workers)

        def drain(leaving: Leaving, seconds: float, cancelled: Callable[[], bool]) -> Drained:
            return drainer.drain(leaving, seconds, cancelled)

        return Parts(
            inventory=self._inventory(settings),
            sampler=kept.sampler if kept else self._sampler(settings),
            lifecycle=Lifecycle(self.api),
            publisher=NginxPublisher(nginx, networks),
            probe=probe,
            drain=drain,
            hook=self._hook,
            host=kept.host if kept else _host(settings),
            listed=nginx.listed,
        )

    def _hook(self, member: Member, hook: Hook, seconds: float) -> None:
        """Run a member's hook. Raises HookFailedError."""
        if isinstance(hook, UrlHook):
            call_url(member, hook, seconds)
        else:
            run_command(self.api, member, hook.words, seconds)

    def reach(self, settings: Settings) -> tuple[Reach, Callable[[], frozenset[str]]]:
        """Return the way to NGINX and a look at its networks."""
        nginx = settings.nginx
        if nginx.reach == "host":
            commands = HostCommands(nginx.test_command, nginx.reload_command, nginx.timeout)
            return HostNginx(commands, nginx.pid_file, ("127.0.0.1", nginx.probe_port)), frozenset
        setup = ContainerSetup(nginx.container, nginx.command, nginx.probe_port, nginx.timeout)
        container = ContainerNginx(self.api, setup)
        return container, container.networks

    def _inventory(self, settings: Settings) -> Inventory:
        def make(engine: EngineInfo) -> Inventory:
            return EngineInventory(self.api, settings.scope(), float(engine.cpus), self._clock)

        return _LateInventory(self.api, make)

    def _sampler(self, settings: Settings) -> Sampler:
        def make(engine: EngineInfo) -> Sampler:
            timeout = min(settings.docker.timeout, SAMPLE_TIMEOUT_SECONDS)
            context = SourceContext(
                api=connect(settings.docker.url, timeout, POOL_SIZE),
                clock=self._clock,
                average_over=settings.average_over,
                interval=settings.interval,
                timeout=timeout,
                host_memory_bytes=engine.memory_bytes,
                cgroup_root=str(settings.cgroup_root),
                prometheus=prometheus_setup(settings),
            )
            return build_sources(settings.cpu_source, context)

        return _LateSampler(self.api, make)


class _LateInventory:
    """An inventory made when the engine first answers: it has to tell how many CPUs it has."""

    def __init__(self, api: EngineClient, make: Callable[[EngineInfo], Inventory]) -> None:
        self._api = api
        self._make = make
        self._real: Inventory | None = None

    def members(self) -> Snapshot:
        """Return the members; raises EngineError."""
        self._real = self._real or self._make(info(self._api))
        return self._real.members()

    def strangers(self) -> tuple[Stranger, ...]:
        """Return what runs outside the scope; raises EngineError."""
        self._real = self._real or self._make(info(self._api))
        return self._real.strangers()

    def forget(self, container_id: str) -> None:
        """Look at a container anew next time."""
        if self._real is not None:
            self._real.forget(container_id)


class _LateSampler:
    """The CPU sources, made when the engine first answers: it has to tell its memory."""

    def __init__(self, api: EngineClient, make: Callable[[EngineInfo], Sampler]) -> None:
        self._api = api
        self._make = make
        self._real: Sampler | None = None

    def sample(self, members: Sequence[Member]) -> dict[str, Reading]:
        """Return a reading of every member; raises EngineError before the first."""
        self._real = self._real or self._make(info(self._api))
        return self._real.sample(members)

    def events(self) -> tuple[SourceEvent, ...]:
        """Return what changed about the sources."""
        return self._real.events() if self._real is not None else ()


def _host(settings: Settings) -> Callable[[], HostLoad | None]:
    """Return what measures the host; this machine is not that of an engine reached by TCP."""
    if not settings.docker.url.startswith("unix://"):
        return unmeasured
    return HostMeter(settings.average_over, settings.interval).look


def _sampling_changed(new: Settings, old: Settings | None) -> bool:
    """Tell whether readings of before cannot go on."""

    def asked(settings: Settings) -> tuple[object, ...]:
        times = (settings.interval, settings.average_over, settings.max_age)
        return (*times, prometheus_setup(settings))

    return old is None or asked(new) != asked(old)
