"""Members found on a real engine, and how little is asked of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import docker
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.engine.client import EngineClient, connect
from autoscaler.engine.inventory import Inventory, duration_bounds
from autoscaler.model import ContainerState, Health
from autoscaler.scope import RoleScope, Scope

if TYPE_CHECKING:
    from tests.engine.conftest import Containers, Serve, Until

URL = "unix:///var/run/docker.sock"


class Watch:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        """Return the seconds set."""
        return self.seconds

    def wall(self) -> datetime:
        """Return a fixed time."""
        return datetime(2026, 1, 1, tzinfo=UTC)


class Counted:
    """An inventory with a count of the calls it made."""

    def __init__(self, scope: Scope) -> None:
        self.api = connect(URL, 10, 2)
        self.paths: list[str] = []
        self.clock = Watch()
        self.inventory = Inventory(self.api, scope, 2.0, self.clock)
        # Agree on the version before counting.
        assert self.api.api_version
        self.api.hooks["response"].append(lambda r, **_: self.paths.append(r.request.path_url))

    def look(self, seconds_later: float = 5.0) -> dict[str, Any]:
        """Look once; return the members by name."""
        self.paths.clear()
        self.clock.seconds += seconds_later
        return {m.name: m for m in self.inventory.members().members}


def scope_of(containers: Containers, *names: str) -> Scope:
    """Return a scope of one role, by label or by these names."""
    project = None if names else containers.project
    return Scope(project, (RoleScope("validator", 9003, names),))


@pytest.mark.engine
def test_members_are_found_by_label_in_their_project_alone(containers: Containers) -> None:
    """A role label in another project, or none at all, is outside."""
    containers.create("node-2")
    containers.create("node-1")
    containers.create("other", labels={"com.docker.compose.project": "astest-elsewhere"})
    containers.create("loose", labels={"autoscaler.role": ""})
    snapshot = Inventory(containers.api, scope_of(containers), 2.0).members()
    assert [(m.name, m.order) for m in snapshot.members] == [
        (containers.name("node-1"), 1),
        (containers.name("node-2"), 2),
    ]


@pytest.mark.engine
def test_members_are_found_by_exact_name_in_names_mode(containers: Containers) -> None:
    """A longer name that contains a listed one is outside."""
    containers.create("node-1")
    containers.create("node-11")
    name = containers.name("node-1")
    snapshot = Inventory(containers.api, scope_of(containers, name), 2.0).members()
    assert [m.name for m in snapshot.members] == [name]


@pytest.mark.engine
def test_a_one_off_container_is_no_member(containers: Containers) -> None:
    """What `docker compose run` makes carries the same labels."""
    containers.create("run", labels={"com.docker.compose.oneoff": "True"})
    assert Inventory(containers.api, scope_of(containers), 2.0).members().members == ()


@pytest.mark.engine
def test_an_unchanged_look_costs_one_call(containers: Containers) -> None:
    """Six members, four running: the second look is a single list."""
    for n in range(4):
        containers.start(f"node-{n}")
    for n in range(4, 6):
        containers.create(f"node-{n}")
    counted = Counted(scope_of(containers))
    assert len(counted.look()) == 6
    assert len(counted.paths) == 7
    assert len(counted.look(0.0)) == 6
    assert len(counted.paths) == 1


@pytest.mark.engine
def test_a_started_and_a_stopped_member_are_seen_at_the_next_look(containers: Containers) -> None:
    """Only the changed one is inspected again."""
    first = containers.start("a", ["sleep", "100"])
    second = containers.create("b")
    counted = Counted(scope_of(containers))
    counted.look(0.0)
    containers.api.stop(first, timeout=0)
    containers.api.start(second)
    seen = counted.look(0.0)
    assert (seen[containers.name("a")].state, seen[containers.name("a")].exit_code) == (
        ContainerState.EXITED,
        137,
    )
    assert seen[containers.name("b")].addresses[0][0] == "bridge"
    assert len(counted.paths) == 3


@pytest.mark.engine
def test_a_restart_between_two_looks_is_seen_by_its_uptime(containers: Containers) -> None:
    """The list says running both times; the time since the start went back."""
    container_id = containers.start("a", ["sleep", "100"])
    counted = Counted(scope_of(containers))
    name = containers.name("a")
    before = counted.look()[name]
    containers.api.restart(container_id, timeout=0)
    after = counted.look(20.0)[name]
    assert before.started_at < after.started_at
    assert before.pid != after.pid


@pytest.mark.engine
def test_a_forgotten_member_is_inspected_again(containers: Containers) -> None:
    """A new --cpus shows in no list; the event about it makes the inventory look."""
    container_id = containers.start("a")
    counted = Counted(scope_of(containers))
    name = containers.name("a")
    assert counted.look(0.0)[name].allowed_cpus == 2.0
    containers.api.update_container(container_id, cpu_quota=50_000, cpu_period=100_000)
    assert counted.look(0.0)[name].allowed_cpus == 2.0
    counted.inventory.forget(container_id)
    assert counted.look(0.0)[name].allowed_cpus == 0.5


@pytest.mark.engine
def test_a_look_older_than_a_minute_is_not_trusted(containers: Containers) -> None:
    """A created container shows no age, so only the minute can be the reason."""
    containers.create("a")
    counted = Counted(scope_of(containers))
    counted.look()
    counted.look(60.0)
    assert len(counted.paths) == 1
    counted.look(1.0)
    assert len(counted.paths) == 2


@pytest.mark.engine
def test_a_change_of_health_is_seen_without_an_event(containers: Containers, until: Until) -> None:
    """The list's words about health are part of what is compared."""
    check = {"test": ["CMD", "test", "-e", "/ok"], "interval": 10**9, "retries": 1}
    container_id = containers.start("a", healthcheck=check)
    counted = Counted(scope_of(containers))
    name = containers.name("a")
    until(lambda: counted.look(0.0)[name].health is Health.UNHEALTHY)
    run = containers.api.exec_create(container_id, ["touch", "/ok"])
    containers.api.exec_start(run["Id"])
    until(lambda: counted.look(0.0)[name].health is Health.HEALTHY)


@pytest.mark.engine
def test_a_paused_member_is_paused_and_keeps_its_address(containers: Containers) -> None:
    """It still holds its connections; it is not running, though."""
    container_id = containers.start("a")
    containers.api.pause(container_id)
    member = Counted(scope_of(containers)).look()[containers.name("a")]
    assert (member.state, member.running) == (ContainerState.PAUSED, False)
    assert member.addresses


@pytest.mark.engine
def test_a_recreated_member_is_found_under_its_new_id(containers: Containers) -> None:
    """Members are known by name, never by a remembered id."""
    first = containers.create("a")
    counted = Counted(scope_of(containers))
    counted.look()
    containers.api.remove_container(first, force=True)
    second = containers.create("a")
    assert counted.look()[containers.name("a")].container_id == second


@pytest.mark.engine
def test_a_member_that_vanishes_between_list_and_inspect_is_absent(containers: Containers) -> None:
    """That is no error: the others are still told."""

    class Removing(EngineClient):
        def inspect_container(self, container: Any) -> Any:  # noqa: ANN401  # as in docker-py
            """Remove one of them before it is looked at."""
            if container == first:
                self.remove_container(first, force=True)
            return super().inspect_container(container)

    first = containers.create("a")
    containers.create("b")
    snapshot = Inventory(Removing(URL, 10, 2), scope_of(containers), 2.0).members()
    assert [m.name for m in snapshot.members] == [containers.name("b")]
    assert snapshot.warnings == ()


@pytest.mark.parametrize("state", ["running", "exited"])
def test_a_known_member_that_cannot_be_inspected_stays_in_the_state_of_the_list(
    serve: Serve, state: str
) -> None:
    """Also if an event has just asked to look anew: else it would be taken for a removed one."""
    works = [True]
    listed = {"Id": "c1", "Names": ["/a"], "State": "running", "Status": "Up 2 hours"}

    def answer(path: str) -> tuple[int, bytes]:
        if path.endswith("/version"):
            return 200, b'{"ApiVersion": "1.41"}'
        if "/containers/json" in path:
            return 200, json.dumps([listed]).encode()
        if works[0]:
            return 200, json.dumps({"Id": "c1", "State": {"Status": "running"}}).encode()
        return 500, b'{"message": "layer is locked"}'

    scope = Scope(None, (RoleScope("validator", 9003, ("a",)),))
    inventory = Inventory(connect(serve(answer).url, 5, 1), scope, 2.0)
    assert len(inventory.members().members) == 1
    works[0], listed["State"] = False, state
    inventory.forget("c1")
    snapshot = inventory.members()
    assert [m.state for m in snapshot.members] == [state]
    assert "what was last seen of it is used" in snapshot.warnings[0]


@pytest.mark.engine
def test_quota_cpuset_and_networks_are_those_of_the_engine(containers: Containers) -> None:
    """Fixed addresses, ports and limits come from a real inspect."""
    api = containers.api
    network = containers.network("net")
    subnet = api.inspect_network(network)["IPAM"]["Config"][0]["Subnet"]
    address = subnet.split("/")[0].rsplit(".", 1)[0] + ".77"
    endpoint = api.create_endpoint_config(ipv4_address=address)
    api.remove_network(network)
    ipam = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=subnet)])
    api.create_network(network, ipam=ipam, labels={"autoscaler.test": "sampling"})
    containers.start(
        "a",
        host={"nano_cpus": 300_000_000, "cpuset_cpus": "0,1", "network_mode": network},
        networking={"EndpointsConfig": {network: endpoint}},
    )
    member = Counted(scope_of(containers)).look()[containers.name("a")]
    assert member.allowed_cpus == 0.3
    assert member.addresses == ((network, address),)
    assert member.static_address
    assert member.networks == (network,)


@pytest.mark.engine
def test_a_label_of_an_unknown_role_is_a_warning(containers: Containers) -> None:
    """The container is left alone and the allowed roles are named."""
    containers.create("a", labels={"autoscaler.role": "validatr"})
    snapshot = Inventory(containers.api, scope_of(containers), 2.0).members()
    assert snapshot.members == ()
    assert "'validatr'" in snapshot.warnings[0]
    assert "allowed: validator" in snapshot.warnings[0]


def human_duration(seconds: float) -> str:
    """Write a duration as the engine does (HumanDuration of docker/go-units)."""
    whole, hours = int(seconds), int(seconds / 3600 + 0.5)
    minutes = whole // 60
    if whole < 1:
        return "Less than a second"
    if whole < 60:
        return "1 second" if whole == 1 else f"{whole} seconds"
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    for limit, unit, name in ((336, 24, "days"), (1440, 168, "weeks"), (17_520, 720, "months")):
        if hours < limit:
            return f"{hours // unit} {name}"
    return f"{int(seconds / 3600) // 24 // 365} years"


@given(st.floats(0, 3e8))
def test_the_bounds_of_an_uptime_hold_whatever_the_engine_rounds(seconds: float) -> None:
    """The true duration lies within what is read from the engine's words."""
    shortest, longest = duration_bounds(f"Up {human_duration(seconds)} (healthy)")
    assert shortest <= seconds <= longest


@pytest.mark.parametrize("status", ["Created", "Dead", "Removal In Progress", ""])
def test_a_status_without_a_duration_bounds_nothing(status: str) -> None:
    """So it never makes the inventory look again."""
    assert duration_bounds(status) == (0.0, float("inf"))
