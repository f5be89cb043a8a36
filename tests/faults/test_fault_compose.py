"""`docker compose` under a running daemon: a real one, on an engine of the tests' own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import BY_HAND, LABELS, none_failed, role
from tests.e2e.waiting import until
from tests.faults.compose import ComposeStack
from tests.faults.own_host import OwnHost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autoscaler.demo.daemon import LogEvent
    from tests.faults.own_engine import OwnEngine

pytestmark = pytest.mark.engine

RATE = 50.0
SPARES = ("--profile", "spares")
TWIN = re.compile(r"[0-9a-f]{12}_")


class ComposeHost(OwnHost):
    """A host with two of three validators wanted, and what its daemon has said since `mark`."""

    stack: ComposeStack

    def mark(self) -> None:
        """Forget the events so far."""
        self.seen = len(self.daemon.events)

    def since(self, name: str) -> list[LogEvent]:
        """Return the events of that name since `mark`."""
        return [e for e in self.daemon.events[self.seen :] if e.name == name]

    def restore(self) -> None:
        """Bring it to two of three members, unless it is there: a test before may have failed."""
        members = self.role("validator").get("members", ())
        if len(members) != len(self.stack.members("validator")):
            self.stack.write_file()
            self.stack.compose("up", "-d", "--remove-orphans")
            self.stack.compose(*SPARES, "create")
        if self.published("validator") != [1, 2]:
            self.bounds("validator", 2, 2)
            self.wait_published("validator", 1, 2)
        self.bounds("validator", 1, 3)
        self.mark()

    def mended(self) -> None:
        """Wait until two members are published and answer without fault, as before."""
        self.wait_published("validator", 1, 2)
        until(self._answers, "the daemon and a new NGINX have found each other")
        assert self.role("validator")["desired"] == 2
        told = [e.fields for e in self.since("member.changed_by_hand")]
        assert all(fields["desired"] == fields["desired_before"] for fields in told)
        load = self.load(RATE, "validator")
        until(lambda: len(load.report().nodes) == 2, "both answer requests")
        none_failed(load)

    def _answers(self) -> bool:
        """Whether some requests in a row are all answered."""
        load = self.load(RATE, "validator")
        until(lambda: load.report().requests >= RATE / 5, "some requests are made")
        return load.stop().failed == 0


@pytest.fixture(scope="module")
def host(own_engine: OwnEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeHost]:
    """Make the stack once."""
    directory = tmp_path_factory.mktemp("compose")
    stack = ComposeStack("shop", [role("validator", 3, settings=BY_HAND)], directory, labels=LABELS)
    made = ComposeHost(stack, {"DOCKER__URL": own_engine.url})
    with made:
        made.start()
        yield made


@pytest.fixture(autouse=True)
def two_of_three(host: ComposeHost) -> Iterator[None]:
    """Begin with two of three members; NGINX never names a container that compose is replacing."""
    host.restore()
    yield
    told = {e.fields["member"] for e in host.since("member.published")}
    assert not [name for name in told if TWIN.search(name)]
    assert not TWIN.search((host.stack.generated / "autoscaler.conf").read_text(encoding="utf-8"))


def test_up_changes_nothing(host: ComposeHost) -> None:
    """`up -d` starts no spare, stops none, and no request fails."""
    load = host.load(RATE, "validator")
    host.stack.compose("up", "-d")
    until(lambda: load.report().requests > RATE, "requests go on")
    none_failed(load)
    assert not [e for e in host.daemon.events[host.seen :] if e.name.startswith("member.")]
    host.mended()


def test_recreated_containers_are_taken_up_again(host: ComposeHost) -> None:
    """After `up -d --force-recreate` the new primary is published at its new address in the new
    NGINX, and the count is what it was.
    """
    name = host.name("validator", 1)
    before = host.stack.container(name).id
    host.stack.compose("up", "-d", "--force-recreate")
    host.mended()
    assert host.stack.container(name).id != before
    (died,) = [e for e in host.since("member.died") if e.fields["member"] == name][:1]
    assert died.fields["reason"]


def test_down_and_up_bring_the_count_back(host: ComposeHost) -> None:
    """The network, NGINX and all members are gone for a while: each is told as missing, with the
    remedy, and found again; the count is what it was.
    """
    host.stack.compose(*SPARES, "down")
    until(lambda: len(host.since("member.missing")) == 3, "all members are told as missing")
    assert "docker compose create" in host.since("member.missing")[0].fields["hint"]

    def nginx_is_gone() -> bool:
        told = [e.fields["reason"] for e in host.since("nginx.unreachable")]
        return any("does not exist; create it" in reason for reason in told)

    until(nginx_is_gone, "NGINX is told as gone, after it was told as stopped")

    host.stack.compose("up", "-d")
    host.stack.compose(*SPARES, "create")
    host.mended()
    assert len(host.since("member.found")) == 3


def test_a_one_off_container_is_nobody_s_member(host: ComposeHost) -> None:
    """`run` makes a container with all labels of the service: it gets no request."""
    load = host.load(RATE, "validator")
    host.stack.compose("run", "--rm", "-d", "validator-1")
    until(lambda: load.report().requests > RATE, "requests go on")
    none_failed(load)
    assert len(host.role("validator")["members"]) == 3
    one_offs = host.stack.client.containers.list(
        filters={"label": ["com.docker.compose.oneoff=True"]}
    )
    assert len(one_offs) == 1
    for container in one_offs:
        container.remove(force=True)
    host.mended()


def test_a_restart_of_a_service_is_no_wish_for_fewer(host: ComposeHost) -> None:
    """`restart` of a spare that serves: it leaves NGINX and comes back."""
    host.stack.compose(*SPARES, "restart", "validator-2")
    host.mended()
    assert {e.fields["member"] for e in host.since("member.died")} == {host.name("validator", 2)}


def test_pruned_spares_are_missed_and_taken_up_when_they_are_made_again(host: ComposeHost) -> None:
    """`docker container prune` removes stopped spares: told with the remedy, and harmless to the
    members that serve; created again, the spare is used.
    """
    third = host.name("validator", 3)
    load = host.load(RATE, "validator")
    own = {"label": f"com.docker.compose.project={host.stack.project}"}
    deleted = host.stack.client.containers.prune(own)["ContainersDeleted"]
    until(lambda: host.since("member.missing"), "the spare is told as missing")
    (missing,) = host.since("member.missing")
    assert len(deleted) == 1
    assert missing.fields["member"] == third
    assert "docker compose create" in missing.fields["hint"]
    assert host.role("validator")["missing"] == [third]

    host.stack.compose(*SPARES, "create")
    until(lambda: host.since("member.found"), "it is found again")
    host.bounds("validator", 3, 3)
    host.wait_published("validator", 1, 2, 3)
    host.bounds("validator", 2, 2)
    host.wait_published("validator", 1, 2)
    host.bounds("validator", 1, 3)
    none_failed(load)
    host.mended()


def test_orphans_that_compose_removes_are_missed(host: ComposeHost) -> None:
    """A spare whose service has left the file goes with `--remove-orphans`; nobody else does."""
    load = host.load(RATE, "validator")
    host.stack.write_file("validator-3")
    host.stack.compose("up", "-d", "--remove-orphans")
    until(lambda: host.since("member.missing"), "the orphan is told as missing")
    assert [e.fields["member"] for e in host.since("member.missing")] == [host.name("validator", 3)]
    host.stack.write_file()
    host.stack.compose(*SPARES, "create")
    until(lambda: host.since("member.found"), "it is found again")
    none_failed(load)
    host.mended()


def test_a_scaled_service_gives_a_member_more_until_it_is_scaled_back(host: ComposeHost) -> None:
    """`up --scale` makes a container that serves as every member does, counted as wished for; when
    compose takes it away again the count that was wished for is filled by a spare.
    """
    twin = f"{host.stack.project}-validator-1-2"
    host.stack.compose("up", "-d", "--scale", "validator-1=2")
    host.daemon.wait_for("member.changed_by_hand", member=twin)
    host.daemon.wait_for("member.published", member=twin)
    assert host.role("validator")["desired"] == 3

    host.stack.compose("up", "-d")
    until(lambda: len(host.role("validator")["members"]) == 3, "the container is gone")
    host.wait_published("validator", 1, 2, 3)
    assert host.role("validator")["desired"] == 3
    load = host.load(RATE, "validator")
    until(lambda: len(load.report().nodes) == 3, "all answer requests")
    none_failed(load)


def test_a_restart_of_the_whole_stack_is_repaired(host: ComposeHost) -> None:
    """`restart` of NGINX and every service at once: the count is what it was."""
    host.stack.compose("restart")
    until(lambda: host.since("member.died"), "the restart is seen")
    host.mended()
    stopped = {e.fields["member"] for e in host.since("member.stopped")}
    assert not stopped & {host.name("validator", number) for number in (1, 2)}
