"""Members that die, never become healthy, or turn unhealthy, under load."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING

import pytest

from autoscaler.demo.image import host_python
from tests.e2e.harness import BY_HAND, none_failed, role
from tests.e2e.waiting import until

if TYPE_CHECKING:
    from autoscaler.demo.daemon import LogEvent
    from tests.e2e.conftest import MakeHost
    from tests.e2e.harness import Host

pytestmark = pytest.mark.engine

RATE = 100.0
SECOND_NS = 1_000_000_000
CHECK = (
    "import socket,sys;s=socket.create_connection(('127.0.0.1',{port}),1);"
    "s.sendall(b'GET /api/v11/health HTTP/1.0\\r\\n\\r\\n');sys.exit(b' 200 ' not in s.recv(99))"
)


def engine_event(host: Host, name: str, action: str, since: float) -> float:
    """Return the engine's own time (Unix seconds) of the first such event of a container."""
    found = host.stack.client.api.events(
        since=int(since),
        until=int(time.time()) + 1,
        filters={"container": name, "event": action},
        decode=True,
    )
    times: list[int] = [event["timeNano"] for event in found]
    return min(t for t in times if t >= since * SECOND_NS) / SECOND_NS


def make_sick(host: Host, name: str, port: int, seconds: float) -> None:
    """Let a node's health path fail for a while; it goes on answering requests."""
    networks = host.stack.container(name).attrs["NetworkSettings"]["Networks"]
    address = next(iter(networks.values()))["IPAddress"]
    connection = http.client.HTTPConnection(address, port, timeout=10)
    connection.request("POST", f"/api/v11/health?fail={seconds:g}")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_killed_member_leaves_nginx_within_a_second(make_host: MakeHost) -> None:
    """NGINX provably sends it nothing 1 s after the engine's own time of its death, although looks
    and reloads are rarer than that; and its place is filled again.
    """
    host = make_host(
        role("validator", 3, running=2, settings={**BY_HAND, "min": "2", "health_interval": "5s"}),
        settings={"INTERVAL": "5s", "AVERAGE_OVER": "15s"},
    )
    daemon = host.start()
    host.wait_published("validator", 1, 2)
    load = host.load(RATE, "validator")
    since, victim = time.time(), host.name("validator", 2)
    until(lambda: load.report().nodes.get(victim), "it answers requests")
    host.reload(NGINX__MIN_RELOAD_INTERVAL="10s")
    host.bounds("validator", 3, 3)
    until(lambda: len(host.published("validator")) == 3, "NGINX was reloaded just now")

    host.stack.kill(victim)

    left = daemon.wait_for("member.unpublished", member=victim)
    died = engine_event(host, victim, "die", since)
    assert left.time - died < 1.0
    until(lambda: len(host.published("validator")) == 3, "three members are published again")
    failed = load.report().failed
    until(lambda: load.report().requests > 100 + load.report().failed, "requests go on")
    assert load.stop().failed == failed


def _next_spare_is_used(host: Host, load_rate: float = RATE) -> LogEvent:
    """Ask for a second member while the first spare is bad; return how its failure was told."""
    daemon = host.start()
    load = host.load(load_rate, "validator")
    host.bounds("validator", 2, 3)
    bad = host.name("validator", 2)
    failed = daemon.wait_for("member.start_failed", member=bad)
    host.wait_published("validator", 1, 3)
    until(lambda: host.member("validator", 2)["phase"] == "quarantined", "it is set aside")
    assert not daemon.of("member.published", member=bad)
    none_failed(load)
    return failed


def test_a_spare_that_never_becomes_healthy_is_stopped_and_the_next_one_tried(
    make_host: MakeHost,
) -> None:
    """After start_timeout it is stopped and quarantined, and no request ever reached it."""
    host = make_host(
        role(
            "validator",
            3,
            member_env={2: {"NODE_READY_AFTER": "9999"}},
            settings={**BY_HAND, "start_timeout": "2s"},
        )
    )
    told = _next_spare_is_used(host)
    assert "start_timeout" in told.fields["reason"]
    assert "503" in told.fields["reason"]
    stopped = host.daemon.wait_for("member.stopped", member=host.name("validator", 2))
    assert "did not become healthy" in stopped.fields["reason"]


def test_a_spare_that_dies_200_ms_after_its_start_is_not_capacity(make_host: MakeHost) -> None:
    """It is quarantined, the next spare is tried, and no request ever reached it."""
    host = make_host(
        role(
            "validator",
            3,
            member_env={2: {"NODE_DIE_AFTER": "0.2", "NODE_READY_AFTER": "9"}},
            settings=BY_HAND,
        )
    )
    told = _next_spare_is_used(host)
    assert "exit code 1" in told.fields["reason"]


@pytest.mark.parametrize(
    "checked", [pytest.param(True, id="own_check"), pytest.param(False, id="probe")]
)
def test_a_member_that_turns_unhealthy_leaves_while_its_sibling_serves(
    make_host: MakeHost, checked: bool
) -> None:
    """It is unpublished and its sibling answers alone; with a spare it is replaced, without one
    it comes back as soon as it is well.
    """

    def make(name: str, count: int, port: int) -> object:
        command = ["CMD", host_python()[0], "-I", "-S", "-c", CHECK.format(port=port)]
        check = {"test": command, "interval": SECOND_NS, "timeout": SECOND_NS * 3, "retries": 2}
        return role(
            name,
            count,
            running=2,
            env={"NODE_CONTROL": "1"},
            healthcheck=check if checked else None,
            settings={**BY_HAND, "min": "2", "health_failures": "2"},
        )

    host = make_host(make("validator", 3, 9003), make("business", 2, 9009))
    daemon = host.start()
    host.wait_published("validator", 1, 2)
    host.wait_published("business", 1, 2)
    load = host.load(RATE, "validator", "business")

    make_sick(host, host.name("validator", 2), 9003, 9999)
    make_sick(host, host.name("business", 2), 9009, 6)

    daemon.wait_for("member.unhealthy", member=host.name("validator", 2))
    daemon.wait_for("member.unpublished", member=host.name("validator", 2))
    daemon.wait_for("member.unpublished", member=host.name("business", 2))
    host.wait_published("validator", 1, 3)
    host.wait_published("business", 1, 2)
    assert not daemon.of("member.stopped", member=host.name("business", 2))
    none_failed(load)
