"""Removes what a stack made, and what a killed run left behind, by label and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from docker.errors import APIError, DockerException, NotFound

from autoscaler.demo.owner import OWNER_LABEL, is_gone
from autoscaler.errors import EngineError

if TYPE_CHECKING:
    import docker

Belongs = Callable[[Mapping[str, str]], bool]
PATIENCE_SECONDS = 20.0
PAUSE_SECONDS = 0.25


class Remains(NamedTuple):
    """Something that is to go: a sentence's subject, and how to remove it."""

    name: str
    remove: Callable[[], object]


def sweep(client: docker.DockerClient, belongs: Belongs) -> list[str]:
    """Remove the containers, networks and images whose labels `belongs` accepts.

    Only things that carry the owner label are looked at. Returns what was removed. Raises
    EngineError that names what is still there after 20 s.
    """
    removed: list[str] = []
    failures: list[str] = []
    # One after another: engine 20.10 can lock itself up when many containers of a network end at
    # once, and then answers no question about networks any more.
    for find in (_containers, _networks, _images):
        for item in list(find(client, belongs)):
            removed.append(item.name)
            failure = _remove(item)
            failures += [f"{item.name}: {failure}"] if failure else []
    if failures:
        raise EngineError("could not remove, so remove by hand:\n" + "\n".join(failures))
    return removed


def sweep_leftovers(client: docker.DockerClient) -> list[str]:
    """Remove what runs of the demo or tests left whose process is gone; return the names.

    Raises EngineError as `sweep` does.
    """
    return sweep(client, lambda labels: is_gone(labels.get(OWNER_LABEL, "")))


def _remove(item: Remains) -> str:
    """Remove one thing, trying again while the engine is not ready for it; return what failed."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            item.remove()
        except NotFound:
            return ""
        except APIError as error:
            # 409 while a removal is under way, 403 while a network's last endpoint is leaving
            if time.monotonic() > end:
                return str(error.explanation or error)
            time.sleep(PAUSE_SECONDS)
        except DockerException as error:
            return str(error)
        else:
            return ""


def _containers(client: docker.DockerClient, belongs: Belongs) -> Iterator[Remains]:
    """Yield the containers."""
    found = client.api.containers(all=True, filters={"label": OWNER_LABEL})
    for item in found:
        if belongs(item.get("Labels") or {}):
            yield Remains(
                f"container {(item.get('Names') or [item['Id'][:12]])[0].lstrip('/')}",
                partial(client.api.remove_container, item["Id"], v=True, force=True),
            )


def _networks(client: docker.DockerClient, belongs: Belongs) -> Iterator[Remains]:
    """Yield the networks."""
    for item in client.api.networks(filters={"label": OWNER_LABEL}):
        if belongs(item.get("Labels") or {}):
            yield Remains(
                f"network {item['Name']}",
                partial(client.api.remove_network, item["Id"]),
            )


def _images(client: docker.DockerClient, belongs: Belongs) -> Iterator[Remains]:
    """Yield the images."""
    for item in client.api.images(filters={"label": OWNER_LABEL}):
        if belongs(item.get("Labels") or {}):
            yield Remains(
                f"image {(item.get('RepoTags') or [item['Id']])[0]}",
                partial(client.api.remove_image, item["Id"], force=True),
            )
