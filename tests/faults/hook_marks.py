"""Hooks that leave a mark in the container they run in, and a look at these marks."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import docker

if TYPE_CHECKING:
    from docker.models.containers import Container

FILE = "/tmp/hooks"  # noqa: S108 in a container of the test's own
JOINED, LEFT = "joined", "left"


def leaves(mark: str, then: str = "true") -> str:
    """Return a hook that leaves a mark, then runs something in the shell."""
    return f"exec: sh -c 'echo {mark} >> {FILE} && {then}'"


MARKING = {"after_healthy": leaves(JOINED), "before_stop": leaves(LEFT)}
"""Settings of a role whose members leave a mark in both hooks."""


def marks(container: Container) -> list[str]:
    """Return the marks in a container, which need not run, the oldest first."""
    try:
        chunks, _ = container.get_archive(FILE)
    except docker.errors.NotFound:
        return []
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        file = archive.extractfile("hooks")
        return file.read().decode().split() if file else []
