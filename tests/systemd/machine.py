"""A whole machine in a container: systemd as process 1, its own Docker engine, its own NGINX.

Its cgroup namespace is its own and of version 2, so its engine lays cgroups out as on a real
host and nothing of it shows outside. The namespace begins one level below the container's own
cgroup: commands run from outside join that one, which the kernel allows only as long as nobody
hands controllers on from there.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Self

import docker

from tests.e2e.waiting import DEFAULT_SECONDS
from tests.systemd.image import LABELS, ROOT, build_image, wheels

if TYPE_CHECKING:
    from docker.models.containers import Container

MOUNT = "mount -t cgroup2 cgroup2 /sys/fs/cgroup"
BOOT = f"""
set -e
umount -R /sys/fs/cgroup
{MOUNT}
mkdir /sys/fs/cgroup/machine
echo $$ >/sys/fs/cgroup/machine/cgroup.procs
umount /sys/fs/cgroup
exec unshare --cgroup /bin/sh -c '{MOUNT} && exec /sbin/init'
"""
SOURCES = "Makefile README.md LICENSE pyproject.toml autoscaler config systemd"
CHECKOUT = "/srv/checkout"
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Ran:
    """How a command ended and all it printed."""

    code: int
    output: str


class Machine:
    """One machine; as a context manager it is switched off and removed at the end."""

    def __init__(self) -> None:
        self._client = docker.from_env(timeout=60)
        self._container: Container | None = None

    def __enter__(self) -> Self:
        """Boot it and wait until it is up, with its engine."""
        source = {
            str(ROOT): {"bind": "/src", "mode": "ro"},
            str(wheels()): {"bind": "/wheels", "mode": "ro"},
        }
        self._container = self._client.containers.run(
            build_image(self._client),
            ["/bin/sh", "-c", BOOT],
            detach=True,
            labels=LABELS,
            hostname="machine",
            cap_add=["ALL"],
            cap_drop=["SYS_RESOURCE"],  # a machine that has it not itself cannot give it
            security_opt=["seccomp=unconfined", "apparmor=unconfined"],
            cgroupns="private",
            tmpfs={"/run": "", "/tmp": "exec"},  # noqa: S108 inside the container
            volumes=source,
            mounts=[docker.types.Mount("/var/lib/docker", None)],
        )
        try:
            self.until("systemctl is-system-running", "the machine is up", seconds=60)
            self.run(f"mkdir {CHECKOUT} && cd /src && cp -R {SOURCES} {CHECKOUT}")
        except BaseException:  # also Ctrl-C: without __enter__ there is no __exit__
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """Remove it with everything in it."""
        if self._container is not None:
            self._container.remove(force=True, v=True)
        self._client.close()

    def run(self, command: str, *, user: str = "root", ok: bool = True) -> Ran:
        """Run a shell command to its end; unless not `ok`, it must end with 0."""
        assert self._container is not None
        done: Any = self._container.exec_run(["/bin/sh", "-c", command], user=user)
        ran = Ran(done.exit_code, done.output.decode(errors="replace").strip())
        assert not ok or ran.code == 0, f"{command}: {ran}"
        return ran

    def make(self, words: str) -> Ran:
        """Run make in the checkout, without a network."""
        return self.run(f"cd {CHECKOUT} && PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels make {words}")

    def exists(self, path: str) -> bool:
        """Whether there is such a file, directory or link."""
        return self.run(f"test -e {path} -o -L {path}", ok=False).code == 0

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file there."""
        self.run(f"mkdir -p {PurePosixPath(path).parent}")
        self.run(f"printf %s {shlex.quote(text)} >{path} && chmod {mode:o} {path}")

    def show(self, *properties: str, unit: str = "autoscaler") -> list[str]:
        """Return properties of a unit, in this order."""
        listed = self.run(f"systemctl show {unit} -p {','.join(properties)}").output
        values = dict(line.split("=", 1) for line in listed.splitlines())
        return [values[name] for name in properties]

    def until(self, holds: str | Callable[[], object], what: str, seconds: float = 30.0) -> None:
        """Wait until a command ends with 0 or a function returns something true."""
        end = time.monotonic() + seconds
        while not (self.run(holds, ok=False).code == 0 if isinstance(holds, str) else holds()):
            if time.monotonic() > end:
                raise AssertionError(f"within {seconds:g} s it did not come true that {what}")
            time.sleep(LOOK_SECONDS)


class Journal:
    """What the journal has taken up of a unit since this object was made."""

    def __init__(self, machine: Machine, unit: str = "autoscaler") -> None:
        self._machine = machine
        self._unit = unit
        shown = machine.run("journalctl -n 0 --show-cursor").output
        self._cursor = shown.partition("cursor: ")[2].strip()

    def entries(self) -> list[dict[str, Any]]:
        """Return the entries as the journal holds them."""
        cursor = shlex.quote(self._cursor)
        listed = self._machine.run(
            f"journalctl -u {self._unit} --after-cursor={cursor} -o json --no-pager 2>/dev/null"
        ).output
        return [json.loads(line) for line in listed.splitlines()]

    def text(self) -> str:
        """Return the messages, those of systemd about the unit included."""
        return "\n".join(str(entry["MESSAGE"]) for entry in self.entries())

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """Return the daemon's events, all or those of one name, with the journal's priority."""
        found = []
        for entry in self.entries():
            if entry.get("SYSLOG_IDENTIFIER") == "autoscaler" and entry["MESSAGE"].startswith("{"):
                fields = json.loads(entry["MESSAGE"])
                found.append({**fields, "PRIORITY": entry["PRIORITY"]})
        return [fields for fields in found if name in {"", fields["event"]}]

    def wait_for(self, name: str, seconds: float = DEFAULT_SECONDS) -> dict[str, Any]:
        """Return the first event of that name as soon as it is there."""
        self._machine.until(lambda: self.events(name), f"the journal has {name}", seconds)
        return self.events(name)[0]
