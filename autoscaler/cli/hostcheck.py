"""Checks the host: the engine, the members of each role, CPU readings and NGINX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.cli.findings import Finding, fail, ok, warn
from autoscaler.cli.nginxcheck import check_nginx
from autoscaler.cli.promcheck import prometheus_findings
from autoscaler.cli.rolecheck import address_findings, role_findings
from autoscaler.engine.client import connect, info, translated
from autoscaler.engine.inventory import Inventory
from autoscaler.errors import EngineError
from autoscaler.sampling.prometheus import PrometheusSource, prometheus_setup
from autoscaler.sampling.registry import SourceContext, build_sources
from autoscaler.settings.names import variable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from autoscaler.clock import Clock
    from autoscaler.engine.client import EngineClient, EngineInfo
    from autoscaler.model import Member, Reading
    from autoscaler.settings import Settings

SAMPLE_SECONDS = 1.0
"""Time between the two counters that make one reading."""

_AVERAGE_OVER, _INTERVAL = 2.0, 3.0
"""Make a reading of counters 0.75 to 4 s apart: an engine may take 2 s to tell them."""

_POOL_SIZE = 64


def check_host(settings: Settings, clock: Clock, pause: Callable[[float], None]) -> list[Finding]:
    """Return what was found, in the order in which a person would look. Raises nothing of ours.

    `pause` waits so many seconds. Nothing on the host is changed.
    """
    url = settings.docker.url
    try:
        api = connect(url, settings.docker.timeout, _POOL_SIZE)
        told = info(api)
        snapshot = Inventory(api, settings.scope(), told.cpus, clock).members()
        checked = _with_healthcheck(api, snapshot.members)
    except EngineError as error:
        remedy = (
            f"start the engine, or correct {variable(('docker', 'url'))}; the user needs the right "
            "to open its socket (group docker)"
        )
        return [fail("engine", f"{url}: {error}", remedy), *check_nginx(settings, None).findings]
    found = [_engine_finding(url, told)]
    found += role_findings(settings, snapshot.members, checked)
    found += (
        warn("labels", text, "correct the label and recreate the container")
        for text in snapshot.warnings
    )
    context = SourceContext(
        api,
        clock,
        _AVERAGE_OVER,
        _INTERVAL,
        settings.docker.timeout,
        told.memory_bytes,
        str(settings.cgroup_root),
        prometheus=prometheus_setup(settings),
    )
    found += _source_findings(settings.cpu_source, context, snapshot.members, pause)
    nginx = check_nginx(settings, api)
    return [*found, *nginx.findings, *address_findings(settings, snapshot.members, nginx.networks)]


def _engine_finding(url: str, told: EngineInfo) -> Finding:
    """Say which engine answered."""
    return ok(
        "engine",
        f"Docker {told.version} (API {told.api_version}) at {url}, {told.cpus} CPUs, "
        f"cgroup v{told.cgroup_version or '?'}",
    )


def _with_healthcheck(api: EngineClient, members: Sequence[Member]) -> frozenset[str]:
    """Return the names of the members that have a HEALTHCHECK, run or not. Raises EngineError."""
    names = set()
    for member in members:
        with translated(f"look at {member.name}"):
            config = api.inspect_container(member.container_id).get("Config") or {}
        test = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
        if test[0] != "NONE":
            names.add(member.name)
    return frozenset(names)


def _source_findings(
    names: Sequence[str],
    context: SourceContext,
    members: Sequence[Member],
    pause: Callable[[float], None],
) -> list[Finding]:
    """Read every running member twice from every source and say which of them give readings."""
    running = [member for member in members if member.running]
    if not running:
        return [warn("cpu", "not tried: no member runs", "start the primaries and check again")]
    results = []
    for name in names:
        if name == PrometheusSource.name:
            continue
        source = build_sources([name], context)
        source.sample(running)
        pause(SAMPLE_SECONDS)  # for each on its own: a slow one would age the others' counters
        results.append((name, source.sample(running)))
    works = any(_missing(readings) is None for _, readings in results)
    asked = PrometheusSource.name in names
    return [
        *(_source_finding(name, readings, works=works) for name, readings in results),
        *(prometheus_findings(context.prometheus, running, works=works) if asked else ()),
    ]


def _missing(readings: dict[str, Reading]) -> Reading | None:
    """Return the first reading that is none."""
    return next((one for one in readings.values() if one.cpu_percent is None), None)


def _source_finding(name: str, readings: dict[str, Reading], *, works: bool) -> Finding:
    """Judge one source; without a reading it fails only if no other source `works`."""
    missing = _missing(readings)
    item = f"cpu {name}"
    if missing is None:
        shown = ", ".join(f"{one.member} {one.cpu_percent:.0f} %" for one in readings.values())
        return ok(item, f"reads every running member: {shown}")
    text = f"no reading of {missing.member}: {missing.reason}: {missing.detail}"
    remedy = (
        f"correct {variable(('cgroup_root',))}, or leave cgroup out of {variable(('cpu_source',))}"
        if name == "cgroup"
        else "see whether `docker stats` shows the container"
    )
    return (
        warn(item, f"{text}; another source serves", remedy) if works else fail(item, text, remedy)
    )
