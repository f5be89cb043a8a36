"""Containers outside the scope: which those are, and where requests reach them."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.scope import RoleScope, Scope
from autoscaler.strangers import Stranger, strangers

SCOPE = Scope("shop", (RoleScope("web", 80), RoleScope("api", 90, ("node-a",))))


def entry(name: str, project: str = "other", role: str = "web", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return an entry of the engine's list: a running container of a compose project."""
    labels = {
        "com.docker.compose.project": project,
        "com.docker.compose.container-number": "1",
        "autoscaler.role": role,
    }
    return {"Names": [f"/{name}"], "State": "running", "Labels": labels, **more}


def test_members_of_any_role_are_no_strangers() -> None:
    """By label or by name; one whose label names no role of the settings is a stranger."""
    listed = [
        entry("web-1", "shop"),
        entry("node-a"),
        entry("web-2"),
        entry("web-3", "shop", "wbe"),
    ]
    assert [one.name for one in strangers(listed, SCOPE)] == ["web-2", "web-3"]


@pytest.mark.parametrize("state", ["paused", "exited", "restarting"])
def test_what_does_not_run_is_left_out(state: str) -> None:
    """It cannot answer."""
    assert strangers([{**entry("web-2"), "State": state}], SCOPE) == ()


def one(**more: Any) -> Stranger:  # noqa: ANN401 - what JSON holds
    """Return a single stranger."""
    (found,) = strangers([entry("web-2", **more)], SCOPE)
    return found


def test_it_is_at_any_port_of_its_own_addresses() -> None:
    """Also by IPv6, however that is written."""
    networks = {"a": {"IPAddress": "10.0.0.2", "GlobalIPv6Address": "fd00:0::2"}}
    found = one(NetworkSettings={"Networks": networks})
    assert found.is_at("10.0.0.2", 80)
    assert found.is_at("fd00::2", 81)
    assert not found.is_at("10.0.0.3", 80)
    assert not found.is_at("127.0.0.1", 80)


@pytest.mark.parametrize("bound", ["0.0.0.0", "127.0.0.1", "::"])  # noqa: S104 - as the engine says
def test_it_is_at_the_host_side_of_its_published_ports(bound: str) -> None:
    """And at no other port of the host."""
    ports = [{"IP": bound, "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}]
    found = one(Ports=[*ports, {"PrivatePort": 81, "Type": "tcp"}])
    assert found.is_at("127.0.0.1", 8080)
    assert not found.is_at("127.0.0.1", 80)


def test_in_the_host_network_it_is_at_loopback() -> None:
    """The engine tells no address of it."""
    assert one(NetworkSettings={"Networks": {"host": {"IPAddress": ""}}}).is_at("127.0.0.1", 80)
