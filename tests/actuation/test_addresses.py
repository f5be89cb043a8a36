"""Where NGINX finds a member."""

from __future__ import annotations

import pytest

from autoscaler.actuation.addresses import Problem, address_of
from autoscaler.model import ContainerState, Health, Member, PublishedPort

HOST: frozenset[str] = frozenset()


def member(
    addresses: tuple[tuple[str, str], ...] = (), published: tuple[PublishedPort, ...] = ()
) -> Member:
    """Return a running member with port 9003."""
    return Member(
        "validator",
        "validator-1",
        1,
        "id",
        ContainerState.RUNNING,
        Health.HEALTHY,
        "now",
        9003,
        addresses=addresses,
        published=published,
        networks=tuple(name for name, _ in addresses),
    )


TWO = member((("back", "10.1.0.2"), ("app", "10.2.0.2")))


def problem(found: tuple[str, int] | Problem) -> str:
    """Return the text of a problem, failing if there is an address."""
    assert isinstance(found, Problem)
    return found.text


def test_the_named_network_wins() -> None:
    """The setting is obeyed even if another network comes first."""
    assert address_of(TWO, "container", "back", frozenset({"app", "back"})) == ("10.1.0.2", 9003)


def test_the_first_shared_network_is_taken() -> None:
    """Sorted by name, so the choice does not jump."""
    assert address_of(TWO, "container", None, frozenset({"back", "app"})) == ("10.2.0.2", 9003)


def test_a_network_nginx_is_not_in_is_not_taken() -> None:
    """Only shared networks count."""
    assert address_of(TWO, "container", None, frozenset({"back", "x"})) == ("10.1.0.2", 9003)


@pytest.mark.parametrize("networks", [HOST, frozenset({"host"})])
def test_an_nginx_on_the_host_reaches_every_network(networks: frozenset[str]) -> None:
    """It needs no network in common."""
    assert address_of(TWO, "container", None, networks) == ("10.2.0.2", 9003)


def test_a_missing_named_network_is_explained() -> None:
    """The text names what there is and how to connect it."""
    text = problem(address_of(TWO, "container", "front", HOST))
    assert "docker network connect front validator-1" in text
    assert "app, back" in text


def test_no_shared_network_is_explained() -> None:
    """The text names both sides."""
    text = problem(address_of(TWO, "container", None, frozenset({"front"})))
    assert "app, back" in text
    assert "front" in text


def test_a_member_cut_off_every_network_is_told_how_to_connect_it() -> None:
    """For an NGINX on the host there is no network to share."""
    text = problem(address_of(member(addresses=()), "container", None, frozenset()))
    assert "has no address on any network" in text
    assert "docker network connect" in text


def test_an_empty_address_is_none() -> None:
    """The engine shows an empty address while a container starts."""
    assert isinstance(address_of(member((("app", ""),)), "container", "app", HOST), Problem)


def test_a_member_in_the_hosts_network_is_on_loopback() -> None:
    """It listens on the host itself."""
    found = address_of(member((("host", ""),)), "container", None, frozenset({"host"}))
    assert found == ("127.0.0.1", 9003)


def test_a_bridged_nginx_does_not_reach_a_member_in_the_hosts_network() -> None:
    """Loopback of the NGINX container is another one."""
    found = address_of(member((("host", ""),)), "container", None, frozenset({"app"}))
    assert "network_mode: host" in problem(found)


@pytest.mark.parametrize(
    ("host_ip", "address"),
    [
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - what the engine reports
        ("", "127.0.0.1"),
        ("::", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.5", "127.0.0.5"),
        ("10.9.8.7", "10.9.8.7"),
    ],
)
def test_a_published_port_is_reached_on_the_host(host_ip: str, address: str) -> None:
    """A wildcard is reached on loopback, a given address as it is."""
    found = member(published=(PublishedPort(9003, host_ip, 19003),))
    assert address_of(found, "published", None, HOST) == (address, 19003)


def test_only_the_members_own_port_counts() -> None:
    """Another published port, of metrics for example, is not taken for it."""
    ports = (PublishedPort(9100, "127.0.0.1", 19100), PublishedPort(9003, "127.0.0.1", 19003))
    assert address_of(member(published=ports), "published", None, HOST) == ("127.0.0.1", 19003)


def test_ipv4_is_preferred_and_the_order_of_the_engine_does_not_matter() -> None:
    """The same member has the same address at every look."""
    ports = (
        PublishedPort(9003, "::1", 1),
        PublishedPort(9003, "127.0.0.1", 3),
        PublishedPort(9003, "127.0.0.1", 2),
    )
    found = {address_of(member(published=p), "published", None, HOST) for p in (ports, ports[::-1])}
    assert found == {("127.0.0.1", 2)}


def test_an_unpublished_port_is_explained() -> None:
    """The text names the port that is missing."""
    text = problem(address_of(TWO, "published", None, HOST))
    assert "publishes no port for 9003" in text
