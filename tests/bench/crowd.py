"""A hundred small running containers, made in parallel and removed whatever happens."""

from __future__ import annotations

import contextlib
import io
import tarfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker

from autoscaler.demo.owner import OWNER_LABEL, own_identity
from autoscaler.demo.spec import compose_labels
from autoscaler.demo.sweep import sweep
from autoscaler.labels import PROJECT_LABEL

BUSYBOX = Path("/bin/busybox")
COMMAND = ["/bin/busybox", "sleep", "100000"]
AT_ONCE = 8
ROLE = "crowd"


@contextlib.contextmanager
def crowd(count: int) -> Iterator[str]:
    """Run `count` containers of the role `crowd`; yield their compose project."""
    project = f"bench-{uuid.uuid4().hex[:8]}"
    client = docker.from_env(timeout=60)
    labels = {OWNER_LABEL: own_identity(), PROJECT_LABEL: project}
    try:
        image = _image(client, project, labels)
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            list(pool.map(lambda n: _run(client, image, n, labels), range(1, count + 1)))
        finally:
            pool.shutdown(cancel_futures=True)
        yield project
    finally:
        sweep(client, lambda found: labels.items() <= found.items())
        client.close()


def _image(client: docker.DockerClient, project: str, labels: dict[str, str]) -> str:
    """Import an image that holds nothing but busybox."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(BUSYBOX.resolve(), "bin/busybox")
    changes = [f'LABEL "{key}"="{value}"' for key, value in labels.items()]
    tag = f"autoscaler-bench:{project}"
    client.api.import_image_from_data(archive.getvalue(), repository=tag, changes=changes)
    return tag


def _run(client: docker.DockerClient, image: str, number: int, labels: dict[str, str]) -> None:
    """Start one container, without a network: nothing is sent to it."""
    client.containers.run(
        image,
        COMMAND,
        name=f"{labels[PROJECT_LABEL]}-{ROLE}-{number}",
        detach=True,
        network_mode="none",
        labels={**labels, **compose_labels(ROLE, number), "autoscaler.role": ROLE},
    )
