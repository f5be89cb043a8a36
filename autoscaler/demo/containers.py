"""Creates the containers of a stack: its NGINX and its members. It starts none of them."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from docker.types import EndpointConfig

from autoscaler.demo.image import GENERATED_DIRECTORY, host_mounts, host_python, library_path
from autoscaler.demo.spec import RoleSpec, compose_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker


@dataclass(frozen=True)
class ContainerMaker:
    """Creates containers of one image on one network, with the stack's labels on each."""

    client: docker.DockerClient
    image: str
    network: str
    labels: Mapping[str, str]

    def create_nginx(
        self, name: str, address: str, directories: tuple[Path, Path], *, from_host: bool
    ) -> None:
        """Create the NGINX container.

        `directories` are those of its static and of its generated configuration, both mounted as
        directories and read-only. `from_host` runs the host's NGINX instead of the image's.
        """
        static, generated = directories
        volumes = host_mounts() if from_host else {}
        volumes[str(static)] = {"bind": "/etc/nginx", "mode": "ro"}
        volumes[str(generated)] = {"bind": GENERATED_DIRECTORY, "mode": "ro"}
        self.client.containers.create(
            self.image,
            ["/usr/sbin/nginx", "-g", "daemon off;"],
            name=name,
            labels={**self.labels, **compose_labels("nginx", 1)},
            volumes=volumes,
            environment={"PATH": "/usr/sbin:/usr/bin:/bin"},
            ports={"80/tcp": ("127.0.0.1", _free_port())},
            working_dir="/etc/nginx",  # the static NGINX looks for its files where it stands
            network=self.network,
            networking_config=self._endpoint(address),
        )

    def create_member(self, spec: RoleSpec, number: int, name: str, address: str) -> None:
        """Create member `number` (from 1) of a role."""
        env = {
            "NODE_NAME": name,
            "NODE_PORT": str(spec.port),
            "LD_LIBRARY_PATH": library_path(),
            **spec.env,
            **spec.member_env.get(number, {}),
        }
        labels = {**self.labels, **compose_labels(spec.role, number), "autoscaler.role": spec.role}
        self.client.containers.create(
            self.image,
            host_python(),
            name=name,
            labels={**labels, **spec.labels},
            volumes=host_mounts(),
            environment=env,
            nano_cpus=int(spec.cpus * 1e9),
            ports={f"{spec.port}/tcp": ("127.0.0.1", 0)} if spec.published else None,
            healthcheck=dict(spec.healthcheck) if spec.healthcheck else None,
            network=self.network,
            networking_config=self._endpoint(address),
        )

    def _endpoint(self, address: str) -> dict[str, EndpointConfig]:
        """Return the network with a fixed address on it."""
        version = self.client.api.api_version
        return {self.network: EndpointConfig(version, ipv4_address=address)}


def _free_port() -> int:
    """Return a port of 127.0.0.1 that is free now, so that a restarted NGINX keeps its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
