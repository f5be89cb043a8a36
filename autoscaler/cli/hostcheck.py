"""Checks the host: the engine, the members of each role, CPU readings and NGINX."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoscaler.cli.driftcheck import ask_status, drift_findings, look_at_file
from autoscaler.cli.findings import Finding, fail, ok, warn
from autoscaler.cli.healthcheck import health_findings
from autoscaler.cli.hostload import directory_findings, load_findings
from autoscaler.cli.nginxcheck import check_nginx
from autoscaler.cli.promcheck import prometheus_findings
from autoscaler.cli.rolecheck import address_findings, role_findings
from autoscaler.cli.schedulecheck import reach_findings
from autoscaler.cli.sparecheck import spare_findings
from autoscaler.engine.client import connect, info, translated
from autoscaler.engine.inventory import Inventory
from autoscaler.errors import EngineError
from autoscaler.sampling.prometheus import PrometheusSource, prometheus_setup
from autoscaler.sampling.registry import SourceContext, build_sources
from autoscaler.settings.names import variable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from autoscaler.clock import Clock
    from autoscaler.engine.client import EngineClient, EngineInfo
    from autoscaler.model import Member, Reading
    from autoscaler.settings import Settings

SAMPLE_SECONDS = 1.0
"""Time between the two counters that make one reading."""

_AVERAGE_OVER, _INTERVAL = 2.0, 3.0
"""Make a reading of counters 0.75 to 4 s apart: an engine may take 2 s to tell them."""

_POOL_SIZE = 64
_PROC_STAT, _PROC_MEMINFO = Path("/proc/stat"), Path("/proc/meminfo")


def check_host(settings: Settings, clock: Clock, pause: Callable[[float], None]) -> list[Finding]:
    """Return what was found, in the order in which a person would look. Raises nothing of ours.

    `pause` waits so many seconds. Nothing on the host is changed.
    """
    url = settings.docker.url
    try:
        api = connect(url, settings.docker.timeout, _POOL_SIZE)
        told = info(api)
        inventory = Inventory(api, settings.scope(), told.cpus, clock)
        snapshot = inventory.members()
        inspected = _inspected(api, snapshot.members)
    except EngineError as error:
        remedy = (
            f"start the engine, or correct {variable(('docker', 'url'))}; the user needs the right "
            "to open its socket (group docker)"
        )
        away = fail("engine", f"{url}: {error}", remedy)
        nginx = check_nginx(settings, None)
        return [away, *nginx.findings, *directory_findings(settings)]
    found = [_engine_finding(url, told)]
    found += role_findings(settings, snapshot.members, _with_healthcheck(inspected))
    found += spare_findings(snapshot.members, inspected, told.cpus)
    found += reach_findings(settings, snapshot.members)
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
    before = _PROC_STAT.read_text()
    found += _source_findings(settings.cpu_source, context, snapshot.members, pause)
    if url.startswith("unix://"):  # else /proc is not that of the host with the members
        found += load_findings(before, _PROC_STAT.read_text(), _PROC_MEMINFO.read_text(), told.cpus)
    found += health_findings(settings, snapshot.members)
    nginx = check_nginx(settings, api)
    found += [*nginx.findings, *address_findings(settings, snapshot.members, nginx.networks)]
    found += _drift_findings(settings, inventory, nginx.probe)
    return [*found, *directory_findings(settings)]


def _drift_findings(
    settings: Settings, inventory: Inventory, probe: tuple[str, int] | None
) -> list[Finding]:
    """Compare daemon, engine and NGINX, all looked at anew: the samples took their time."""
    told = ask_status(settings.run_dir)
    try:
        members = inventory.members().members
    except EngineError as error:
        return [fail("drift", str(error), "check again")]
    served = look_at_file(settings.nginx.directory, probe, settings.nginx.timeout)
    return list(drift_findings(members, served, told))


def _engine_finding(url: str, told: EngineInfo) -> Finding:
    """Say which engine answered."""
    return ok(
        "engine",
        f"Docker {told.version} (API {told.api_version}) at {url}, {told.cpus} CPUs, "
        f"cgroup v{told.cgroup_version or '?'}",
    )


def _inspected(api: EngineClient, members: Sequence[Member]) -> dict[str, Mapping[str, Any]]:
    """Return the engine's inspect answers by member name. Raises EngineError."""
    found = {}
    for member in members:
        with translated(f"look at {member.name}"):
            found[member.name] = api.inspect_container(member.container_id)
    return found


def _with_healthcheck(inspected: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """Return the names of the members that have a HEALTHCHECK, run or not."""
    names = set()
    for name, answer in inspected.items():
        check = (answer.get("Config") or {}).get("Healthcheck") or {}
        if (check.get("Test") or ["NONE"])[0] != "NONE":
            names.add(name)
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
        pause(SAMPLE_SECONDS)  # the host's own CPU is measured meanwhile
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
