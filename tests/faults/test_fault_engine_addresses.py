"""The engine hands the members' addresses out anew, each to the other role's member."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.demo.spec import RoleSpec
from tests.e2e.harness import BY_HAND, none_failed
from tests.e2e.waiting import until
from tests.faults.counts import nginx_workers
from tests.faults.hanging_proxy import HangingProxy, Way
from tests.faults.own_host import address

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.own_engine import OwnEngine
    from tests.faults.own_host import OwnHost

    MakeOwnHost = Callable[..., OwnHost]

pytestmark = pytest.mark.engine

RATE = 50.0
PORT = 9000


def exchange_addresses(host: OwnHost, one: str, other: str) -> None:
    """Start two stopped members, each at the address the other one had."""
    network = host.stack.client.networks.get(host.stack.network_name)
    had = {name: host.had[name] for name in (one, other)}
    for name, new in ((one, had[other]), (other, had[one])):
        network.disconnect(name)
        network.connect(name, ipv4_address=new)
        host.stack.start(name)
    assert address(host.stack.container(one)) == had[other]


def answering(host: OwnHost, role: str) -> set[str]:
    """Return who answers requests to a role now."""
    load = host.load(RATE, role)
    until(lambda: load.report().requests > RATE / 2, "requests are answered")
    return set(load.stop().nodes)


def only_new_workers(host: OwnHost, old: frozenset[tuple[int, int]]) -> bool:
    """Whether NGINX has as many workers as before, and others: no reload is under way."""
    now = nginx_workers(host)
    return not old & now and len(old) == len(now)


def test_after_an_exchange_of_addresses_publishing_comes_before_all_other_work(
    own_engine: OwnEngine, make_own_host: MakeOwnHost, tmp_path: Path
) -> None:
    """While the daemon cannot see the engine NGINX sends requests to the wrong role; once it can,
    it mends that first, before it starts the member that is missing; then no request goes wrong.
    """
    roles = [
        RoleSpec("validator", 2, PORT, running=2, cpus=0.5, settings=BY_HAND),
        RoleSpec("business", 1, PORT, cpus=0.5, settings=BY_HAND),
    ]
    with HangingProxy(tmp_path / "proxy.sock", str(own_engine.socket)) as proxy:
        host = make_own_host(*roles, settings={"DOCKER__URL": proxy.url, "DOCKER__TIMEOUT": "2s"})
        host.nginx_outlives_the_engine()
        daemon = host.start()
        host.wait_published("validator", 1, 2)
        validator, business = host.name("validator", 1), host.name("business", 1)
        host.remember_addresses()

        proxy.turn(Way.REFUSES)
        daemon.wait_for("engine.unavailable")
        own_engine.restart()
        exchange_addresses(host, validator, business)
        assert answering(host, "business") == {validator}  # the fault is real
        old = nginx_workers(host)
        reloads = len(daemon.of("nginx.reloaded"))
        proxy.heal()
        first = daemon.wait_for("nginx.reloaded", count=reloads + 1)
        for name in (validator, business):
            daemon.wait_for("member.published", member=name, count=2)
        until(lambda: only_new_workers(host, old), "NGINX's workers of before are gone")
        loads = {name: host.load(RATE, name) for name in ("validator", "business")}

        host.wait_published("validator", 1, 2)
        second = daemon.wait_for("member.started", member=host.name("validator", 2))
        recovered = daemon.wait_for("engine.recovered")
        assert recovered.time <= first.time < second.time
        for name in (validator, business):
            left = daemon.of("member.unpublished", member=name)[0]
            assert left.fields["reason"] in {
                "its address changed",
                "it has not answered at its present address yet",  # within a tenth of a second
            }
        until(
            lambda: all(load.report().requests > RATE for load in loads.values()),
            "requests go on",
        )
        for load in loads.values():
            none_failed(load)
        assert set(loads["validator"].report().nodes) <= {validator, host.name("validator", 2)}
        assert set(loads["business"].report().nodes) == {business}
        assert daemon.of("member.published", member=business)[-1].time < second.time
