"""Checks NGINX: does it run, does it accept its configuration, does it include what we write."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING, Any, Protocol

from autoscaler.actuation.nginx_container import ContainerNginx, ContainerSetup
from autoscaler.actuation.nginx_host import HostCommands, HostNginx
from autoscaler.actuation.upstream_file import FILE_NAME, UpstreamFile
from autoscaler.actuation.upstreams import UPSTREAM_PREFIX
from autoscaler.cli.findings import Finding, fail, ok, warn
from autoscaler.cli.hostcommands import accepted, program_findings
from autoscaler.engine.client import translated
from autoscaler.engine.container_exec import run_in_container
from autoscaler.errors import AutoscalerError, NginxTestFailedError
from autoscaler.settings.names import variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autoscaler.actuation.workers import Worker
    from autoscaler.engine.client import EngineClient
    from autoscaler.settings import Settings

_INCLUDE = re.compile(r"""(?:^|[{};\s])include\s+(?:"([^"]+)"|'([^']+)'|([^;"'\s]+))\s*;""")
_DUMPED_FILE = re.compile(r"^# configuration file (?P<path>.+):$", re.MULTILINE)
_LARGEST_DUMP = 8 << 20
_COMMENT = re.compile(r"(?m)(?:^|\s)#.*$")


class _Reach(Protocol):
    """What the check asks of NGINX."""

    def test(self) -> str:
        """Run the configuration test."""

    def workers(self) -> frozenset[Worker]:
        """Return the workers that run now."""

    def networks(self) -> frozenset[str]:
        """Return NGINX's networks."""

    def probe_address(self) -> tuple[str, int]:
        """Return where it proves which file it serves."""


@dataclass(frozen=True, slots=True)
class NginxResult:
    """What was found, NGINX's networks and where it proves its file (None if not to be had)."""

    findings: list[Finding]
    networks: frozenset[str] | None
    probe: tuple[str, int] | None = None


def check_nginx(settings: Settings, api: EngineClient | None) -> NginxResult:
    """Look at NGINX as the settings say it is reached; `api` is None if the engine is away."""
    nginx = settings.nginx
    if nginx.reach == "container":
        if api is None:
            finding = warn("nginx", "is not checked, as the engine is away", "see the engine above")
            return NginxResult([finding], None)
        setup = ContainerSetup(nginx.container, nginx.command, nginx.probe_port, nginx.timeout)
        reach: _Reach = ContainerNginx(api, setup)
    else:
        commands = HostCommands(nginx.test_command, nginx.reload_command, nginx.timeout)
        reach = HostNginx(commands, nginx.pid_file, ("127.0.0.1", nginx.probe_port))
    networks = probe = None
    findings: list[Finding] = []
    try:
        workers = reach.workers()
        networks = reach.networks()
        probe = reach.probe_address()
        findings.append(ok("nginx", f"runs ({_where(settings)}, {len(workers)} workers)"))
    except AutoscalerError as error:
        findings.append(_failed("nginx", error))
    else:
        findings += _test_findings(reach, settings)
    findings += program_findings(settings)
    findings += _directory_findings(settings)
    findings += _include_findings(settings, api if networks is not None else None)
    return NginxResult(findings, networks, probe)


def _where(settings: Settings) -> str:
    """Name the NGINX that is meant."""
    nginx = settings.nginx
    return f"container {nginx.container}" if nginx.reach == "container" else f"{nginx.pid_file}"


def _failed(item: str, error: AutoscalerError) -> Finding:
    """Split an error's own text into what is the case and what to do."""
    text, _, remedy = str(error).partition("; ")
    return fail(item, text, remedy or "see the NGINX settings above")


def _test_findings(reach: _Reach, settings: Settings) -> Iterator[Finding]:
    """Say whether NGINX accepts its configuration as it is now."""
    generated = settings.nginx.directory / FILE_NAME
    try:
        output = reach.test()
    except NginxTestFailedError as error:
        remedy = "correct what it names"
        if UPSTREAM_PREFIX in error.output and not generated.exists():
            remedy = f"{generated} is not written yet; `autoscaler run --once` writes it"
        yield fail("nginx test", f"{error}: {error.output}", remedy)
    except AutoscalerError as error:
        yield _failed("nginx test", error)
    else:
        yield accepted(settings, output)


def _directory_findings(settings: Settings) -> Iterator[Finding]:
    """Say whether the generated file has its place."""
    directory = settings.nginx.directory
    make = f"create it for the daemon's user: install -d {directory}"
    try:
        if not directory.is_dir():
            yield fail("nginx directory", f"{directory} is no directory", make)
            return
        UpstreamFile(directory).read()
        if not os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
            yield fail(
                "nginx directory",
                f"user id {os.geteuid()} cannot write to {directory}",
                "give it to the daemon's user and check as that user; mind a read-only mount",
            )
            return
    except AutoscalerError as error:
        yield _failed("nginx directory", error)
    except OSError as error:
        yield fail("nginx directory", f"{directory}: {error.strerror}", make)
    else:
        yield ok("nginx directory", f"{directory} is there")


def _include_findings(settings: Settings, api: EngineClient | None) -> Iterator[Finding]:
    """Say whether NGINX's configuration includes the generated file."""
    directory = settings.nginx.directory
    inside = PurePosixPath(directory)
    try:
        if settings.nginx.reach == "container":
            if api is None:
                return
            mounted = _mounted(api, settings.nginx.container, directory)
            if isinstance(mounted, Finding):
                yield mounted
                return
            inside = mounted
            dump = _dump_in_container(api, settings)
        else:
            dump = _dump_on_host(settings)
    except AutoscalerError as error:
        yield warn(
            "nginx include",
            f"cannot be looked up: {error}",
            f"make sure that the http block has: include {inside}/*.conf;",
        )
        return
    if includes(dump, inside / FILE_NAME):
        yield ok("nginx include", f"{inside}/{FILE_NAME} is included")
    else:
        yield fail(
            "nginx include",
            f"NGINX's configuration does not include {inside}/{FILE_NAME}",
            f"put `include {inside}/*.conf;` into its http block and reload it",
        )


def includes(dump: str, path: PurePosixPath) -> bool:
    """Whether the output of `nginx -T` shows this file, or an include that would match it.

    Relative patterns count from the directory of the first file, the main one.
    """
    files = [match["path"] for match in _DUMPED_FILE.finditer(dump)]
    if str(path) in files:
        return True
    root = PurePosixPath(files[0]).parent if files else PurePosixPath("/etc/nginx")
    patterns = ("".join(found) for found in _INCLUDE.findall(_COMMENT.sub("", dump)))
    return any(
        PurePosixPath(pattern).name and _covers(normpath(root / pattern), path)
        for pattern in patterns
    )


def _covers(pattern: str, path: PurePosixPath) -> bool:
    """Whether a shell pattern matches a path, part by part: * never matches a slash."""
    parts = PurePosixPath(pattern).parts
    return len(parts) == len(path.parts) and all(map(fnmatch, path.parts, parts))


def _mounted(api: EngineClient, container: str, directory: Path) -> PurePosixPath | Finding:
    """Return where the container sees the directory, or what is wrong with its mount."""
    with translated(f"look at the mounts of {container}"):
        mounts: list[dict[str, Any]] = api.inspect_container(container).get("Mounts") or []
    wanted = directory.resolve()
    for mount in sorted(mounts, key=lambda entry: -len(str(entry.get("Source", "")))):
        source = Path(str(mount.get("Source") or "")).resolve()
        destination = PurePosixPath(str(mount.get("Destination")))
        if mount.get("Source") and wanted.is_relative_to(source):
            return destination / wanted.relative_to(source)
        if source == wanted / FILE_NAME:
            return fail(
                "nginx include",
                f"{container} mounts the single file {source}, and keeps the old one when it is "
                "replaced",
                f"mount the directory: {directory}:{directory}:ro",
            )
    return fail(
        "nginx include",
        f"the container {container} does not mount {directory}",
        f"add the volume {directory}:{directory}:ro to it and recreate it, or correct "
        f"{variable(('nginx', 'directory'))}",
    )


def _dump_in_container(api: EngineClient, settings: Settings) -> str:
    """Return `nginx -T` of the container; raises AutoscalerError if it cannot be had."""
    nginx = settings.nginx
    command = [*nginx.command, "-T"]
    ended = run_in_container(api, nginx.container, command, nginx.timeout, _LARGEST_DUMP)
    shown = f"{' '.join(command)!r} in {nginx.container}"
    if ended.code is None:
        raise AutoscalerError(f"{shown} did not end within {nginx.timeout:g} s")
    if ended.code:
        raise AutoscalerError(f"{shown} ended with {ended.code}")
    return ended.output


def _dump_on_host(settings: Settings) -> str:
    """Return the configuration of the host's NGINX; raises AutoscalerError if it cannot be had.

    The test command is run with -T in place of -t; where it is something else, as a unit that
    runs it for us, there is no such output.
    """
    command = ["-T" if word == "-t" else word for word in settings.nginx.test_command]
    shown = " ".join(command)
    if "-T" not in command:
        raise AutoscalerError(f"{shown!r} cannot print the configuration")
    try:
        done = subprocess.run(  # noqa: S603 - words from the settings, no shell
            command, capture_output=True, timeout=settings.nginx.timeout, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AutoscalerError(f"{shown!r} could not be run: {error}") from error
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        raise AutoscalerError(f"{shown!r} ended with {done.returncode}")
    return output
