"""What people and compose do to a stack, besides starting and stopping: making members anew."""

from __future__ import annotations

import contextlib
import io
import tarfile
from dataclasses import replace

from docker.errors import NotFound
from docker.models.containers import Container

from autoscaler.demo.containers import ContainerMaker
from autoscaler.demo.spec import RoleSpec
from autoscaler.demo.stack import FIRST_MEMBER_HOST_NUMBER, HOST_NUMBERS_PER_ROLE, Stack
from tests.soak import hooks

STOP_SECONDS = 2
NEVER = "1000000"


class Hands:
    """Makes and unmakes members of a stack as its administrator would."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._maker = ContainerMaker(
            stack.client, f"autoscaler-demo:{stack.project}", stack.network_name, stack._labels
        )

    def address(self, name: str) -> str:
        """Return the fixed address of a member."""
        role, number = self._place(name)
        index = list(self._stack.roles).index(role)
        first = FIRST_MEMBER_HOST_NUMBER + HOST_NUMBERS_PER_ROLE * index
        return self._stack._address(first + number - 1)

    def create(self, name: str, *, under: str = "", dull: bool = False) -> Container:
        """Create a member's container, under another name if given; `dull` is never healthy."""
        role, number = self._place(name)
        spec = self._stack.roles[role]
        if dull:
            spec = replace(spec, env={**spec.env, "NODE_READY_AFTER": NEVER})
        self._create(spec, number, under or name, self.address(name))
        return self._stack.container(under or name)

    def recreate(self, name: str) -> None:
        """Do what `docker compose up --force-recreate` does to one running container."""
        old = self._stack.container(name)
        new = self.create(name, under=f"{str(old.id)[:12]}_{name}")
        old.stop(timeout=STOP_SECONDS)
        old.remove()
        new.rename(name)
        new.start()

    def leave_note(self, role: str, what: str) -> None:
        """Tell the hooks of all members of a role what to do, those that do not run included."""
        for name in self._stack.members(role):
            with contextlib.suppress(NotFound):  # removed by another fault
                self._stack.container(name).put_archive("/", _archive(hooks.FAULT_FILE, what))

    def cut_off(self, name: str) -> None:
        """Take a member off the network."""
        network = self._stack.client.networks.get(self._stack.network_name)
        network.disconnect(name, force=True)

    def connect(self, name: str) -> None:
        """Put a member back on the network, at its address."""
        network = self._stack.client.networks.get(self._stack.network_name)
        network.connect(name, ipv4_address=self.address(name))

    def _create(self, spec: RoleSpec, number: int, name: str, address: str) -> None:
        """Create a container whose node bears the member's name."""
        member = self._stack.members(spec.role)[number - 1]
        spec = replace(spec, env={**spec.env, "NODE_NAME": member})
        self._maker.create_member(spec, number, name, address)

    def _place(self, name: str) -> tuple[str, int]:
        """Return a member's role and number."""
        role, number = name.removeprefix(f"{self._stack.project}-").rsplit("-", 1)
        return role, int(number)


def _archive(path: str, line: str) -> bytes:
    """Return a tar archive of one file with one line."""
    content, stream = f"{line}\n".encode(), io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.size, entry.mode = len(content), 0o644
        archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()
