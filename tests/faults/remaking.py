"""Makes a stopped member anew with something about it changed, as a new compose file would."""

from __future__ import annotations

from typing import Any

from docker.models.containers import Container

from autoscaler.demo.stack import Stack


def remake(stack: Stack, name: str, **changes: Any) -> Container:  # noqa: ANN401 docker's own
    """Remove a stopped member and create it again with `changes` as docker's `create` knows them.

    It gets a free address.
    """
    old = stack.container(name)
    config, host = old.attrs["Config"], old.attrs["HostConfig"]
    given = {
        "command": config["Cmd"],
        "environment": config["Env"],
        "labels": config["Labels"],
        "volumes": host["Binds"],
        "nano_cpus": host["NanoCpus"],
        "network": stack.network_name,
        **changes,
    }
    old.remove()
    return stack.client.containers.create(config["Image"], name=name, **given)
