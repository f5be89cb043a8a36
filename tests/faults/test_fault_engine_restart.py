"""The Docker engine is restarted, or killed, under the daemon. An engine of the tests' own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import BY_HAND, none_failed, role
from tests.e2e.waiting import until
from tests.faults.own_host import address

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.own_engine import OwnEngine
    from tests.faults.own_host import OwnHost

    MakeOwnHost = Callable[..., OwnHost]

pytestmark = pytest.mark.engine

RATE = 100.0
killed_or_stopped = pytest.mark.parametrize(
    "kill", [pytest.param(False, id="stopped"), pytest.param(True, id="killed")]
)


def served_at_addresses_of_now(host: OwnHost) -> bool:
    """Whether NGINX's file names the first two members at the addresses they have."""
    text = (host.stack.generated / "autoscaler.conf").read_text(encoding="utf-8")
    names = host.stack.members("validator")[:2]
    return all(f"{address(host.stack.container(name))}:" in text for name in names)


@killed_or_stopped
def test_an_engine_restart_that_ends_all_containers_leaves_the_count_and_is_repaired(
    own_engine: OwnEngine, make_own_host: MakeOwnHost, kill: bool
) -> None:
    """The count that load once asked for comes back, published at the addresses of now; the
    deaths are taken for nobody's wish, and requests go on as soon as the members are back.
    """
    host = make_own_host(role("validator", 3, running=2, settings=BY_HAND))
    host.nginx_outlives_the_engine()
    daemon = host.start()
    # Only now: while NGINX does not run its address is free for others too.
    for number in (2, 3):
        host.free_address(host.name("validator", number))
    until(lambda: served_at_addresses_of_now(host), "the second is served at its new address")
    host.wait_published("validator", 1, 2)
    before = host.load(RATE, "validator")
    until(lambda: len(before.report().nodes) == 2, "both answer requests")
    assert before.report().failed == 0

    own_engine.kill() if kill else own_engine.stop()
    lost = daemon.wait_for("engine.unavailable")
    own_engine.start()

    daemon.wait_for("engine.recovered")
    host.wait_published("validator", 1, 2)
    assert served_at_addresses_of_now(host)
    assert "no connection to the Docker engine" in lost.fields["reason"]
    assert "check that it runs" in lost.fields["reason"]
    assert "counts are held" in lost.fields["consequence"]
    assert host.role("validator")["desired"] == 2
    assert not daemon.of("member.changed_by_hand")
    assert not daemon.of("member.stopped")
    before.stop()
    after = host.load(RATE, "validator")
    until(lambda: len(after.report().nodes) == 2, "both answer requests")
    none_failed(after)


@killed_or_stopped
def test_an_engine_restart_with_live_restore_loses_no_request_and_changes_nothing(
    own_engine: OwnEngine, make_own_host: MakeOwnHost, kill: bool
) -> None:
    """Members and NGINX run on without their engine; back, the daemon holds what it held, and can
    grow.
    """
    own_engine.restart(live_restore=True)
    host = make_own_host(role("validator", 3, running=2, settings=BY_HAND))
    daemon = host.start()
    host.wait_published("validator", 1, 2)
    load = host.load(RATE, "validator")
    until(lambda: len(load.report().nodes) == 2, "both answer requests")

    own_engine.kill() if kill else own_engine.stop()
    daemon.wait_for("engine.unavailable")
    requests = load.report().requests
    until(lambda: load.report().requests > requests + RATE, "requests go on without an engine")
    own_engine.start(live_restore=True)
    daemon.wait_for("engine.recovered")
    host.wait_published("validator", 1, 2)
    touched = {"member.died", "member.started", "member.stopped", "member.unpublished"}
    assert not [e for e in daemon.events if e.name in touched]
    assert host.role("validator")["desired"] == 2

    host.bounds("validator", 3, 3)
    host.wait_published("validator", 1, 2, 3)
    none_failed(load)
