"""A stack that a real `docker compose` has made, with its spares in a profile."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from autoscaler.demo.image import (
    GENERATED_DIRECTORY,
    build_image,
    host_mounts,
    host_python,
    library_path,
)
from autoscaler.demo.nginx_conf import static_configuration
from autoscaler.demo.spec import RoleSpec
from autoscaler.demo.stack import NGINX_HOST_NUMBER, Stack

PROGRAM = Path(sys.executable).with_name("docker-compose")
SUBNET = ipaddress.IPv4Network("10.213.0.0/24")
FREE_ADDRESSES = "10.213.0.128/25"
LONGEST_SECONDS = 60.0


class ComposeStack(Stack):
    """As `Stack`, but made by compose; only on an engine of the tests' own, as its subnet is fixed.

    Each member is a service of its own; all but the first of a role are in the profile `spares`.
    """

    def members(self, role: str) -> tuple[str, ...]:
        """Return the container names of a role, in their order."""
        numbers = range(1, self.roles[role].count + 1)
        return tuple(f"{self.project}-{role}-{n}-1" for n in numbers)

    def create(self) -> None:
        """Write the compose file, create everything and start each role's first member."""
        static = self.directory / "nginx"
        for path in (self.generated, static, self.run_directory):
            path.mkdir(parents=True, exist_ok=True)
        (static / "nginx.conf").write_text(
            static_configuration(self.roles, idle_promise=True), encoding="utf-8"
        )
        self._image = build_image(self.client, f"autoscaler-demo:{self.project}", self._labels)
        self._subnet = SUBNET
        self.file = self.directory / "compose.yaml"
        self.write_file()
        self.compose("--profile", "spares", "create")
        self.compose("start", *(f"{role}-1" for role in self.roles))

    def write_file(self, *left_out: str) -> None:
        """Write the compose file without these services. JSON is YAML."""
        services = {
            f"{spec.role}-{number}": self._member(spec, number)
            for spec in self.roles.values()
            for number in range(1, spec.count + 1)
        }
        services["nginx"] = self._nginx_service()
        document = {
            "services": {k: v for k, v in services.items() if k not in left_out},
            "networks": {
                "default": {
                    "labels": self._own_labels(),
                    "ipam": {"config": [{"subnet": str(SUBNET), "ip_range": FREE_ADDRESSES}]},
                }
            },
        }
        self.file.write_text(json.dumps(document, indent=1), encoding="utf-8")

    def compose(self, *words: str) -> str:
        """Run `docker compose` on the stack and return what it says; AssertionError if it fails."""
        done = subprocess.run(
            [str(PROGRAM), "-p", self.project, "-f", str(self.file), *words],
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def _member(self, spec: RoleSpec, number: int) -> dict[str, Any]:
        name = self.members(spec.role)[number - 1]
        return {
            "image": self._image,
            "command": host_python(),
            "cpus": spec.cpus,
            "environment": {
                "NODE_NAME": name,
                "NODE_PORT": str(spec.port),
                "LD_LIBRARY_PATH": library_path(),
            },
            "volumes": [f"{path}:{mount['bind']}:ro" for path, mount in host_mounts().items()],
            "labels": {
                **self._own_labels(),
                "autoscaler.role": spec.role,
                "autoscaler.order": str(number),
            },
            "profiles": ["spares"] if number > 1 else [],
        }

    def _nginx_service(self) -> dict[str, Any]:
        return {
            "image": self._image,
            "command": ["/usr/sbin/nginx", "-g", "daemon off;"],
            "environment": {"PATH": "/usr/sbin:/usr/bin:/bin"},
            "working_dir": "/etc/nginx",
            "restart": "unless-stopped",
            "volumes": [
                f"{self.directory / 'nginx'}:/etc/nginx:ro",
                f"{self.generated}:{GENERATED_DIRECTORY}:ro",
            ],
            "labels": self._own_labels(),
            "networks": {"default": {"ipv4_address": self._address(NGINX_HOST_NUMBER)}},
        }

    def _own_labels(self) -> dict[str, str]:
        """Return the stack's labels but for compose's own, which a file may not set."""
        return {k: v for k, v in self._labels.items() if not k.startswith("com.docker.")}
