"""Starting and stopping on a real engine, and calls whose answer is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import docker
import pytest
import requests

from autoscaler.engine.client import EngineClient, connect
from autoscaler.engine.lifecycle import Lifecycle
from autoscaler.errors import EngineUnavailableError, MemberUnusableError, NoSuchMemberError
from autoscaler.model import ContainerState, Health, Member

if TYPE_CHECKING:
    from tests.engine.conftest import Containers, Serve

URL = "unix:///var/run/docker.sock"

pytestmark = pytest.mark.engine


def member_of(container_id: str) -> Member:
    """Return a member with that id; start and stop look at nothing else."""
    state = ContainerState.RUNNING
    return Member("validator", "node-1", 1, container_id, state, Health.NONE, "", 9003)


def state_of(api: docker.APIClient, container_id: str) -> str:
    """Return the container's state now."""
    return str(api.inspect_container(container_id)["State"]["Status"])


def test_a_start_may_be_repeated(containers: Containers) -> None:
    """Starting a started member is fine."""
    container_id = containers.create("a")
    lifecycle = Lifecycle(containers.api)
    lifecycle.start(member_of(container_id))
    lifecycle.start(member_of(container_id))
    assert state_of(containers.api, container_id) == "running"


def test_a_stop_may_be_repeated(containers: Containers) -> None:
    """Stopping a stopped member is fine."""
    container_id = containers.start("a")
    lifecycle = Lifecycle(containers.api)
    lifecycle.stop(member_of(container_id), 5)
    lifecycle.stop(member_of(container_id), 5)
    inspected = containers.api.inspect_container(container_id)["State"]
    assert (inspected["Status"], inspected["ExitCode"]) == ("exited", 0)


def test_a_stop_waits_longer_than_the_clients_timeout(containers: Containers) -> None:
    """A member that ignores SIGTERM is killed after the stop timeout, not given up before."""
    container_id = containers.start("a", ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
    Lifecycle(connect(URL, 1, 1)).stop(member_of(container_id), 1.2)
    assert containers.api.inspect_container(container_id)["State"]["ExitCode"] == 137


def test_a_paused_member_is_not_touched(containers: Containers) -> None:
    """Neither started nor stopped; the message says what to run."""
    container_id = containers.start("a")
    containers.api.pause(container_id)
    lifecycle = Lifecycle(containers.api)
    with pytest.raises(MemberUnusableError, match="docker unpause"):
        lifecycle.stop(member_of(container_id), 0)
    with pytest.raises(MemberUnusableError, match="docker unpause"):
        lifecycle.start(member_of(container_id))
    assert state_of(containers.api, container_id) == "paused"


@pytest.mark.parametrize("verb", ["start", "stop"])
def test_a_member_that_is_gone_is_no_such_member(api: docker.APIClient, verb: str) -> None:
    """Its id is that of a container that was removed."""
    member = member_of("0" * 64)
    more = (0,) if verb == "stop" else ()
    with pytest.raises(NoSuchMemberError, match=f"could not {verb} node-1"):
        getattr(Lifecycle(api), verb)(member, *more)


def test_a_spare_without_its_network_is_unusable_with_the_remedy(
    containers: Containers,
) -> None:
    """The engine says 404 here too, but the container is there."""
    network = containers.network("net")
    container_id = containers.create("a", host={"network_mode": network})
    containers.api.remove_network(network)
    with pytest.raises(MemberUnusableError, match="recreate the container"):
        Lifecycle(containers.api).start(member_of(container_id))


def test_a_spare_whose_port_is_taken_is_unusable_with_the_remedy(containers: Containers) -> None:
    """The member that holds the port keeps running."""
    binding = {"port_bindings": {9003: ("127.0.0.1", 28_091)}}
    containers.start("a", host=binding, ports=[9003])
    second = containers.create("b", host=binding, ports=[9003])
    with pytest.raises(MemberUnusableError, match="free the port"):
        Lifecycle(containers.api).start(member_of(second))


class Deaf(EngineClient):
    """A client that hears no answer to start and stop; `passes` tells if the engine gets them.

    Its arguments are as untyped as docker-py's.
    """

    passes = True

    def start(self, container: Any) -> None:  # noqa: ANN401
        """Start, perhaps, and hear nothing."""
        if self.passes:
            super().start(container)
        raise requests.exceptions.ReadTimeout("Read timed out.")

    def stop(self, container: Any, timeout: int | None = None) -> None:  # noqa: ANN401
        """Stop, perhaps, and hear nothing."""
        if self.passes:
            super().stop(container, timeout)
        raise requests.exceptions.ReadTimeout("Read timed out.")


def test_a_start_whose_answer_is_lost_is_fine_if_the_member_runs(containers: Containers) -> None:
    """After a timeout the member is looked at instead of taken for failed."""
    container_id = containers.create("a")
    Lifecycle(Deaf(URL, 5, 1)).start(member_of(container_id))
    assert state_of(containers.api, container_id) == "running"


def test_a_stop_whose_answer_is_lost_is_fine_if_the_member_stopped(containers: Containers) -> None:
    """Likewise."""
    container_id = containers.start("a")
    Lifecycle(Deaf(URL, 5, 1)).stop(member_of(container_id), 0)
    assert state_of(containers.api, container_id) == "exited"


def test_a_lost_call_that_had_no_effect_says_the_state_and_that_it_may_still_come(
    containers: Containers,
) -> None:
    """The caller may repeat it: both calls can be repeated."""
    client = Deaf(URL, 5, 1)
    client.passes = False
    created, running = containers.create("a"), containers.start("b")
    with pytest.raises(EngineUnavailableError, match="is created; the engine may still do it"):
        Lifecycle(client).start(member_of(created))
    with pytest.raises(EngineUnavailableError, match="is running; the engine may still do it"):
        Lifecycle(client).stop(member_of(running), 0)


def test_an_engine_that_answers_nothing_any_more_may_have_done_it(
    serve: Serve,
) -> None:
    """Neither the start nor the look afterwards is answered."""

    def answer(path: str) -> tuple[int, bytes]:
        if path.endswith("/version"):
            return 200, b'{"ApiVersion": "1.41"}'
        return 503, b'{"message": "no engine"}'

    with pytest.raises(EngineUnavailableError, match="it may have happened"):
        Lifecycle(connect(serve(answer).url, 1, 1)).start(member_of("a" * 64))
