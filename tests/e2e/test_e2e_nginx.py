"""NGINX on the host, NGINX broken by others, NGINX killed: members are never stopped for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.demo.load import Mix
from tests.e2e.harness import BY_HAND, none_failed, path, role
from tests.e2e.own_nginx import OwnNginx
from tests.e2e.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import MakeHost

pytestmark = pytest.mark.engine

RATE = 100.0
LONG = path("validator").partition("?")[0]


@pytest.mark.parametrize("addresses", ["container", "published"])
def test_an_nginx_on_the_host_follows_a_grow_and_a_shrink(
    make_host: MakeHost, tmp_path: Path, addresses: str
) -> None:
    """With the members' own addresses, and with their ports of 127.0.0.1, no request fails."""
    prefix = tmp_path / "nginx"
    prefix.mkdir()
    host = make_host(
        role("validator", 3, published=addresses == "published", settings=BY_HAND),
        nginx=OwnNginx(prefix),
        settings={"NGINX__ADDRESSES": addresses},
    )
    host.start()
    # NGINX 1.22 makes no promise how long it keeps an idle connection: each request has its own.
    load = host.load(RATE, mix=Mix({path("validator"): 1}, fresh_share=1.0))
    host.bounds("validator", 3, 3)
    host.wait_published("validator", 1, 2, 3)
    for _ in range(6):
        load.long_request(LONG)
    load.slow_upload(LONG)
    host.bounds("validator", 1, 1)
    host.wait_published("validator", 1)
    host.daemon.wait_for("member.stopped", count=2)
    none_failed(load)
    assert set(load.report().nodes) == set(host.stack.members("validator"))


def test_a_configuration_broken_by_others_stops_nothing_and_heals_when_it_is_mended(
    make_host: MakeHost,
) -> None:
    """While NGINX refuses its configuration members stay and requests go on; it is tried again."""
    host = make_host(role("validator", 3, running=2, settings={**BY_HAND, "min": "2"}))
    daemon = host.start()
    host.wait_published("validator", 1, 2)
    load = host.load(RATE, "validator")
    others = host.stack.generated / "others.conf"
    others.write_text("upstream broken { this is no configuration; }\n", encoding="utf-8")

    host.bounds("validator", 1, 1)
    told = daemon.wait_for("nginx.test_failed")
    assert "others.conf" in told.fields["output"]
    until(
        lambda: host.role("validator")["desired"] == 1 and host.status()["nginx"]["error"],
        "the daemon says what is wrong",
    )
    requests = load.report().requests
    until(lambda: load.report().requests > requests + 2 * RATE, "requests go on")
    assert host.stack.running("validator") == host.stack.members("validator")[:2]
    assert not daemon.of("member.stopped")

    others.unlink()
    host.wait_published("validator", 1)
    none_failed(load)


def test_a_killed_nginx_is_taken_up_again_when_it_is_back(make_host: MakeHost) -> None:
    """Meanwhile no member is stopped; back, it serves the members of now, not those of before."""
    host = make_host(role("validator", 3, running=2, settings={**BY_HAND, "min": "2"}))
    daemon = host.start()
    host.wait_published("validator", 1, 2)

    host.stack.kill(host.stack.nginx_name)
    host.stack.kill(host.name("validator", 2))
    told = daemon.wait_for("nginx.unreachable").fields
    assert f"docker start {host.stack.nginx_name}" in told["reason"]
    assert "no member is stopped" in told["consequence"]
    until(lambda: len(host.stack.running("validator")) == 2, "the dead member's place is filled")
    assert not daemon.of("member.stopped")
    host.stack.start_nginx()

    host.wait_settled()
    until(lambda: len(host.published("validator")) == 2, "two members are published")
    load = host.load(RATE, "validator")
    until(lambda: len(load.report().nodes) == 2, "both answer requests")
    host.bounds("validator", 1, 1)
    host.wait_published("validator", 1)
    none_failed(load)


def test_an_nginx_that_restarts_under_the_daemon_is_proven_again(make_host: MakeHost) -> None:
    """Its restart stops no member, and the next change works as before."""
    host = make_host(role("validator", 2, running=2, settings={**BY_HAND, "min": "2"}))
    daemon = host.start()
    host.wait_published("validator", 1, 2)

    host.stack.container(host.stack.nginx_name).restart(timeout=5)

    host.wait_settled()
    host.wait_published("validator", 1, 2)
    assert not [e for e in daemon.events if e.name in {"member.stopped", "member.unpublished"}]
    load = host.load(RATE, "validator")
    host.bounds("validator", 1, 1)
    host.wait_published("validator", 1)
    none_failed(load)
