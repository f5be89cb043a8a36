"""Spares that cannot start and members that people or the kernel treat badly, under load."""

from __future__ import annotations

import shlex
import socket
from typing import TYPE_CHECKING

import pytest

from autoscaler.demo.image import host_python
from tests.e2e.harness import BY_HAND, LABELS, none_failed, role
from tests.e2e.waiting import until
from tests.faults.remaking import remake

if TYPE_CHECKING:
    from autoscaler.demo.daemon import LogEvent
    from autoscaler.demo.load import Load
    from tests.e2e.conftest import MakeHost
    from tests.e2e.harness import Host

pytestmark = pytest.mark.engine

RATE = 100.0
TAKES_MEMORY = "import time; time.sleep(0.5); taken = b'x' * (1 << 28)"


def two_of_three(make_host: MakeHost, **settings: str) -> Host:
    """Make a host with two of three validators up and wanted, and start its daemon."""
    host = make_host(role("validator", 3, running=2, settings={**BY_HAND, **settings}))
    host.start()
    host.wait_published("validator", 1, 2)
    return host


def next_one_serves(host: Host, load: Load, event: str) -> LogEvent:
    """Ask for a second member while the first spare cannot start; return how that was told."""
    bad = host.name("validator", 2)
    host.bounds("validator", 2, 3)
    told = host.daemon.wait_for(event, member=bad)
    host.wait_published("validator", 1, 3)
    assert not host.daemon.of("member.published", member=bad)
    assert host.member("validator", 2)["phase"] == "quarantined"
    none_failed(load)
    return told


def test_a_spare_that_runs_out_of_memory_at_its_start_is_told_so(make_host: MakeHost) -> None:
    """Not only "exit code 137": the log names the memory, and the next spare serves."""
    host = make_host(role("validator", 3, settings=BY_HAND))
    python = host_python()[0]
    remake(
        host.stack,
        host.name("validator", 2),
        command=[python, "-c", TAKES_MEMORY],
        mem_limit="32m",
        memswap_limit="32m",
    )
    host.start()
    told = next_one_serves(host, host.load(RATE, "validator"), "member.start_failed")
    assert "memory" in told.fields["reason"]
    assert told.fields["hint"]


def test_a_spare_whose_port_is_bound_is_told_with_the_engine_s_words(make_host: MakeHost) -> None:
    """The log names the port and the remedy, and the next spare serves."""
    host = make_host(role("validator", 3, settings=BY_HAND))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        spare = host.name("validator", 2)
        remake(host.stack, spare, ports={"9003/tcp": ("127.0.0.1", port)})
        host.start()
        told = next_one_serves(host, host.load(RATE, "validator"), "member.unusable")
    assert str(port) in told.fields["reason"]
    assert "address already in use" in told.fields["reason"]
    assert "free the port" in told.fields["reason"]


def test_a_spare_whose_network_is_gone_is_unusable_with_the_remedy(make_host: MakeHost) -> None:
    """The log names the network and how to make the container anew; the next spare serves."""
    host = make_host(role("validator", 3, settings=BY_HAND))
    name = f"{host.stack.project}_extra"
    extra = host.stack.client.networks.create(name, labels=LABELS)
    extra.connect(host.name("validator", 2))
    extra.remove()
    host.start()
    told = next_one_serves(host, host.load(RATE, "validator"), "member.unusable")
    assert "its network was removed" in told.fields["reason"]
    assert "--force-recreate" in told.fields["reason"]


def test_a_paused_member_is_replaced_and_its_requests_end_when_it_goes_on(
    make_host: MakeHost,
) -> None:
    """It leaves NGINX at once and a spare takes its place; it is neither stopped nor taken for
    fewer wished for. Going on, it ends the requests it had.
    """
    host = two_of_three(make_host)
    daemon, second = host.daemon, host.name("validator", 2)
    load = host.load(RATE, "validator")
    until(lambda: load.report().nodes.get(second), "it answers requests")

    host.stack.container(second).pause()
    told = daemon.wait_for("member.died", member=second)
    daemon.wait_for("member.unpublished", member=second)
    host.wait_published("validator", 1, 3)
    assert told.fields["reason"] == "it was paused"
    assert told.fields["hint"] == f"docker unpause {second}"
    assert host.role("validator")["desired"] == 2
    assert not daemon.of("member.stopped")

    host.stack.container(second).unpause()
    daemon.wait_for("member.healthy", member=second, count=2)
    none_failed(load)
    assert host.role("validator")["desired"] == len(host.published("validator"))


def test_a_member_that_its_restart_policy_starts_again_and_again_is_set_aside(
    make_host: MakeHost,
) -> None:
    """After three failures a spare takes its place and it is stopped, which ends the engine's own
    starts; those are nobody's wish for more members.
    """
    host = make_host(
        role(
            "validator",
            3,
            running=2,
            member_env={2: {"NODE_DIE_AFTER": "1.5"}},
            settings={**BY_HAND, "min": "2"},
        )
    )
    second = host.name("validator", 2)
    host.stack.container(second).update(restart_policy={"Name": "always"})
    daemon = host.start()
    told = daemon.wait_for("member.quarantined", member=second)
    daemon.wait_for("member.stopped", member=second)
    host.wait_published("validator", 1, 3)
    assert len(daemon.of("member.died", member=second)) >= 3
    assert host.role("validator")["desired"] == 2
    assert not daemon.of("member.changed_by_hand")
    assert "docker logs" in told.fields["hint"]
    load = host.load(RATE, "validator")
    until(lambda: len(load.report().nodes) == 2, "both answer requests")
    none_failed(load)
    assert second not in load.report().nodes
    assert host.stack.container(second).status == "exited"


def test_a_member_that_ignores_sigterm_is_killed_after_stop_timeout(make_host: MakeHost) -> None:
    """It is out of NGINX and drained by then, so no request fails; the log says how it ended."""
    host = make_host(
        role("validator", 2, settings={**BY_HAND, "stop_timeout": "1s", "drain_timeout": "10s"})
    )
    second = host.name("validator", 2)
    node = shlex.join(host_python())
    # A first process without a handler of its own never sees SIGTERM.
    remake(host.stack, second, command=["/usr/bin/sh", "-c", f"{node} & while :; do wait; done"])
    daemon = host.start()
    host.bounds("validator", 2, 2)
    host.wait_published("validator", 1, 2)
    load = host.load(RATE, "validator")

    host.bounds("validator", 1, 1)
    told = daemon.wait_for("member.stopped", member=second)
    host.wait_published("validator", 1)
    assert told.fields["seconds"] >= 1.0
    assert host.stack.container(second).attrs["State"]["ExitCode"] == 137
    killed = daemon.wait_for("member.killed", member=second)
    assert "stop_timeout of 1 s" in killed.fields["reason"]
    assert "SIGTERM" in killed.fields["hint"]
    none_failed(load)


def test_a_serving_member_removed_by_force_is_replaced_and_told_as_missing(
    make_host: MakeHost,
) -> None:
    """`docker rm -f`: a spare takes its place, and the log says how to get the container back."""
    host = two_of_three(make_host)
    daemon, second = host.daemon, host.name("validator", 2)
    before = host.load(RATE, "validator")
    until(lambda: before.report().nodes.get(second), "it answers requests")

    host.stack.container(second).remove(force=True)
    missing = daemon.wait_for("member.missing", member=second)
    daemon.wait_for("member.unpublished", member=second)
    until(lambda: len(host.published("validator")) == 2, "a spare has taken its place")
    before.stop()
    after = host.load(RATE, "validator")
    until(lambda: len(after.report().nodes) == 2, "both answer requests")
    none_failed(after)
    assert set(after.report().nodes) == {host.name("validator", 1), host.name("validator", 3)}
    assert host.role("validator")["desired"] == 2
    assert "docker compose create" in missing.fields["hint"]


def test_a_renamed_member_goes_on_serving_under_its_new_name(make_host: MakeHost) -> None:
    """The log says so; nothing starts or stops, and nobody is told of a death."""
    host = two_of_three(make_host)
    daemon, second = host.daemon, host.name("validator", 2)
    load = host.load(RATE, "validator")

    host.stack.container(second).rename(f"{second}-b")
    daemon.wait_for("member.published", member=f"{second}-b")
    (told,) = daemon.of("member.renamed")
    assert (told.fields["before"], told.fields["member"]) == (second, f"{second}-b")
    until(lambda: load.report().requests > RATE, "requests go on")
    none_failed(load)
    untrue = {"member.started", "member.stopped", "member.died", "member.changed_by_hand"}
    assert not [e for e in daemon.events if e.name in untrue]
    assert host.role("validator")["desired"] == 2
