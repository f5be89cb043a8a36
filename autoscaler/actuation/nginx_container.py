"""Reaching an NGINX that runs in a container, through the engine only.

The container is looked up by name each time, so a recreated one works at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoscaler.actuation.addresses import HOST_NETWORK, LOOPBACK
from autoscaler.actuation.workers import PROC, Worker, workers_under
from autoscaler.engine.client import translated
from autoscaler.engine.container_exec import run_in_container
from autoscaler.errors import (
    EngineError,
    MemberUnusableError,
    NginxError,
    NginxTestFailedError,
    NginxUnreachableError,
    NoSuchMemberError,
)

if TYPE_CHECKING:
    from pathlib import Path

    import docker

_OUTPUT_LIMIT = 16 * 1024
_NOT_RUNNABLE = (126, 127)
_SHARED_NETWORK = "container:"


@dataclass(frozen=True, slots=True)
class ContainerSetup:
    """Which container, how the program is called in it, and where its local server listens.

    `command` is the program with its options, "-t" is added to it. `timeout_seconds` bounds the
    test; engine calls have the client's own timeout.
    """

    name: str
    command: tuple[str, ...]
    probe_port: int
    timeout_seconds: float


class ContainerNginx:
    """An NGINX whose master is the container's first process, or an init that passes signals on.

    Every method raises NginxUnreachableError if the container does not exist or does not run, and
    EngineError if the engine fails.
    """

    def __init__(self, api: docker.APIClient, setup: ContainerSetup, proc: Path = PROC) -> None:
        self._api = api
        self._setup = setup
        self._proc = proc

    def test(self) -> str:
        """Return what the configuration test says, run in the live container with its mounts.

        Raises NginxTestFailedError with its output, NginxError if it cannot run or is too slow.
        """
        self._running()
        command = [*self._setup.command, "-t"]
        name, limit = self._setup.name, self._setup.timeout_seconds
        try:
            ended = run_in_container(self._api, name, command, limit, _OUTPUT_LIMIT)
        except MemberUnusableError as error:  # newer engines answer so to a missing program
            raise self._not_runnable(command, str(error)) from error
        code, output = ended.code, ended.output
        if code is None:
            raise NginxError(f"{' '.join(command)!r} did not end within {limit:g} s in {name}")
        if code in _NOT_RUNNABLE:
            raise self._not_runnable(command, output or f"exit code {code}")
        if code:
            raise NginxTestFailedError(
                f"NGINX in the container {name} refuses its configuration", output
            )
        return output

    def _not_runnable(self, command: list[str], why: str) -> NginxError:
        """Return the error for a command that is not in the container."""
        return NginxError(
            f"{' '.join(command)!r} cannot be run in the container {self._setup.name}: {why}; "
            "set the command of NGINX as it is in there"
        )

    def reload(self) -> None:
        """Send HUP to the master; that the reload took effect must be proven."""
        container_id = str(self._running()["Id"])
        with translated(f"reload NGINX in {self._setup.name}"):
            self._api.kill(container_id, signal="HUP")

    def workers(self) -> frozenset[Worker]:
        """Return the workers that run now, by their pids on the host."""
        return workers_under(int(self._running()["State"]["Pid"]), self._proc)

    def probe_address(self) -> tuple[str, int]:
        """Return where the local server answers: on loopback if NGINX is in the host's network.

        Raises NginxError if the container has no address that this host reaches.
        """
        container = self._network_owner()
        if HOST_NETWORK in container["NetworkSettings"]["Networks"]:
            return (LOOPBACK, self._setup.probe_port)
        addresses = sorted(
            (name, str(network["IPAddress"] or network["GlobalIPv6Address"]))
            for name, network in container["NetworkSettings"]["Networks"].items()
            if network["IPAddress"] or network["GlobalIPv6Address"]
        )
        if len(addresses) > 1:
            addresses = [pair for pair in addresses if self._is_bridge(pair[0])] or addresses
        if not addresses:
            raise NginxError(
                f"the NGINX container {self._setup.name} has no address on any network, so its "
                "reload cannot be proven; connect it to the members' network"
            )
        return (addresses[0][1], self._setup.probe_port)

    def networks(self) -> frozenset[str]:
        """Return the names of the networks NGINX is in."""
        return frozenset(self._network_owner()["NetworkSettings"]["Networks"])

    def _network_owner(self) -> dict[str, Any]:
        """Return the container whose network NGINX uses: its own, or the one it shares."""
        container = self._running()
        mode = str(container["HostConfig"].get("NetworkMode") or "")
        if mode.startswith(_SHARED_NETWORK):
            return self._inspect(mode.removeprefix(_SHARED_NETWORK))
        return container

    def _running(self) -> dict[str, Any]:
        """Return what the engine says of the container, which runs."""
        container = self._inspect(self._setup.name)
        state = container["State"]
        if not state["Running"] or state["Paused"] or state["Restarting"]:
            raise NginxUnreachableError(
                f"the NGINX container {self._setup.name} is {state['Status']}; "
                f"{_remedy(state['Status'], self._setup.name)}"
            )
        return container

    def _inspect(self, name: str) -> dict[str, Any]:
        """Return what the engine says of a container."""
        try:
            with translated(f"look at the NGINX container {name}"):
                container: dict[str, Any] = self._api.inspect_container(name)
        except NoSuchMemberError as error:
            raise NginxUnreachableError(
                f"the NGINX container {name} does not exist; create it, or correct the name in "
                "the settings"
            ) from error
        return container

    def _is_bridge(self, network: str) -> bool:
        """Tell whether the host itself reaches addresses of a network."""
        try:
            with translated(f"look at the network {network}"):
                return bool(self._api.inspect_network(network)["Driver"] == "bridge")
        except EngineError:
            return False  # a proxy may forbid this call; all networks are tried then


def _remedy(status: str, name: str) -> str:
    """Say what makes a container run that is in this state."""
    if status == "paused":
        return f"let it go on: docker unpause {name}"
    if status == "restarting":
        return (
            f"see why it ends: docker logs {name} (if it does not find an upstream autoscaler_*, "
            "it comes up by itself once the daemon has run)"
        )
    return f"start it, for example: docker start {name}"
