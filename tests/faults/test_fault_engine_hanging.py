"""The Docker engine hangs, refuses, or answers nonsense, also in the middle of an action."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import BY_HAND, none_failed, role
from tests.e2e.waiting import until
from tests.faults.hanging_proxy import HangingProxy, Way
from tests.faults.responsive import Responsive, always_answered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import MakeHost
    from tests.e2e.harness import Host

pytestmark = pytest.mark.engine

RATE = 100.0
IMPATIENT = {"DOCKER__TIMEOUT": "1s", "NGINX__TIMEOUT": "1s"}
WORDS = {
    Way.HANGS: "did not answer in time",
    Way.REFUSES: "no connection to the Docker engine",
    Way.ANSWERS_HALF: "no connection to the Docker engine|cut short",
    Way.ANSWERS_500: "the engine is not well",
}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HangingProxy]:
    """Put a proxy before this machine's engine."""
    with HangingProxy(tmp_path_factory.mktemp("proxy") / "engine.sock") as made:
        yield made


@pytest.fixture
def healed(proxy: HangingProxy) -> Iterator[HangingProxy]:
    """Give the proxy, and let it behave well afterwards."""
    yield proxy
    proxy.heal()


@pytest.fixture(scope="module")
def shared(make_shared_host: MakeHost, proxy: HangingProxy) -> Host:
    """Make a host with two of three validators, whose daemon speaks through the proxy."""
    settings = {**IMPATIENT, "DOCKER__URL": proxy.url}
    host = make_shared_host(role("validator", 3, running=2, settings=BY_HAND), settings=settings)
    host.start()
    return host


def counted(host: Host) -> tuple[int, ...]:
    """Return the published members once they are as many as the role wants."""
    until(
        lambda: len(host.published("validator")) == host.role("validator")["desired"],
        "the wanted members are published",
    )
    return tuple(host.published("validator"))


@pytest.mark.parametrize("way", [pytest.param(way, id=way.name.lower()) for way in WORDS])
def test_an_engine_in_trouble_holds_everything_until_it_is_well(
    shared: Host, healed: HangingProxy, way: Way
) -> None:
    """No container is touched and NGINX goes on as it is, whatever is asked for meanwhile; the
    daemon answers all along, and does what was asked for once it can.
    """
    host, daemon = shared, shared.daemon
    before = counted(host)
    wanted = 2 if len(before) == 3 else 3
    file = host.stack.generated / "autoscaler.conf"
    text, ran = file.read_text(encoding="utf-8"), host.stack.running("validator")
    lost, found = len(daemon.of("engine.unavailable")), len(daemon.of("engine.recovered"))
    load = host.load(RATE, "validator")
    with Responsive(host.stack.run_directory) as responsive:
        healed.turn(way)
        told = daemon.wait_for("engine.unavailable", count=lost + 1)
        host.bounds("validator", wanted, wanted)
        requests = load.report().requests
        until(lambda: load.report().requests > requests + RATE, "requests go on")
        assert (file.read_text(encoding="utf-8"), host.stack.running("validator")) == (text, ran)
        assert host.status()["engine"]["up"] is False

        healed.heal()
        daemon.wait_for("engine.recovered", count=found + 1)
        until(lambda: len(counted(host)) == wanted, "what was asked for is done")
    always_answered(responsive)
    assert re.search(WORDS[way], told.fields["reason"])
    assert "NGINX stays as it is" in told.fields["consequence"]
    none_failed(load)
    assert not daemon.of("member.changed_by_hand")


def test_a_start_whose_answer_never_comes_is_found_to_have_worked(
    shared: Host, healed: HangingProxy
) -> None:
    """The container is looked at: it runs, so it is a start like every other."""
    host, daemon = shared, shared.daemon
    host.bounds("validator", 2, 2)
    host.wait_published("validator", 1, 2)
    third = host.name("validator", 3)
    done = len(daemon.of("member.started", member=third))
    load = host.load(RATE, "validator")
    healed.keep_answers(r"POST .*/containers/\w+/start$")

    host.bounds("validator", 3, 3)

    host.wait_published("validator", 1, 2, 3)
    daemon.wait_for("member.started", count=done + 1, member=third)  # it may serve before that
    assert len(healed.kept) == 1
    assert len(daemon.of("member.started", member=third)) == done + 1
    none_failed(load)


def test_an_engine_that_hangs_while_a_member_starts_leaves_it_to_the_next_look(
    shared: Host, healed: HangingProxy
) -> None:
    """The start took effect though nobody could tell: it is published when the engine is back,
    neither set aside nor taken for somebody's wish.
    """
    host, daemon = shared, shared.daemon
    host.bounds("validator", 2, 2)
    host.wait_published("validator", 1, 2)
    third = host.name("validator", 3)
    lost, failed = len(daemon.of("engine.unavailable")), len(daemon.of("member.start_failed"))
    load = host.load(RATE, "validator")
    healed.keep_answers(r"POST .*/containers/\w+/start$", then=Way.HANGS)

    host.bounds("validator", 3, 3)
    daemon.wait_for("engine.unavailable", count=lost + 1)
    told = daemon.wait_for("member.start_failed", count=failed + 1, member=third)
    until(lambda: third in host.stack.running("validator"), "the start takes effect")
    healed.heal()

    host.wait_published("validator", 1, 2, 3)
    assert "it may have happened" in told.fields["reason"]
    assert host.member("validator", 3)["phase"] == "serving"
    assert not daemon.of("member.changed_by_hand")
    none_failed(load)


def test_an_engine_that_hangs_while_a_member_stops_finishes_that_when_it_is_back(
    shared: Host, healed: HangingProxy
) -> None:
    """The stop took effect unseen: it stays ours, and the count what it was meant to be."""
    host, daemon = shared, shared.daemon
    host.bounds("validator", 3, 3)
    host.wait_published("validator", 1, 2, 3)
    lost = len(daemon.of("engine.unavailable"))
    load = host.load(RATE, "validator")
    healed.keep_answers(r"POST .*/stop", then=Way.HANGS)

    host.bounds("validator", 2, 2)
    daemon.wait_for("engine.unavailable", count=lost + 1)
    until(lambda: len(host.stack.running("validator")) == 2, "the stop takes effect")
    healed.heal()
    recovered = daemon.wait_for("engine.recovered", count=lost + 1)

    host.wait_published("validator", 1, 2)
    assert host.role("validator")["desired"] == 2
    late = [e for e in daemon.events if e.time >= recovered.time]
    assert not {"member.changed_by_hand", "member.died", "member.started"} & {e.name for e in late}
    none_failed(load)


def test_an_engine_that_hangs_while_nginx_is_tested_stops_no_member(
    shared: Host, healed: HangingProxy
) -> None:
    """The file of before is back until the engine is; then the change is made after all."""
    host, daemon = shared, shared.daemon
    host.bounds("validator", 3, 3)
    host.wait_published("validator", 1, 2, 3)
    file = host.stack.generated / "autoscaler.conf"
    text, stops = file.read_text(encoding="utf-8"), len(daemon.of("member.stopped"))
    failures = len(daemon.of("nginx.reload_failed"))
    load = host.load(RATE, "validator")
    healed.keep_answers(r"POST .*/exec/\w+/start$", then=Way.HANGS)

    host.bounds("validator", 2, 2)
    told = daemon.wait_for("nginx.reload_failed", count=failures + 1)
    assert len(healed.kept) == 1
    assert file.read_text(encoding="utf-8") == text
    assert len(host.stack.running("validator")) == 3
    assert len(daemon.of("member.stopped")) == stops
    healed.heal()

    host.wait_published("validator", 1, 2)
    assert "no member is stopped" in told.fields["consequence"]
    none_failed(load)


def test_an_engine_that_keeps_its_figures_to_itself_leaves_the_count_as_it_is(
    make_host: MakeHost, healed: HangingProxy
) -> None:
    """Without readings nothing is a zero: the count is held, though the rules would shrink."""
    idle = {**BY_HAND, "cpu_low": "40", "cpu_high": "70", "scale_down_window": "0s"}
    settings = {**IMPATIENT, "DOCKER__URL": healed.url, "CPU_SOURCE": "docker"}
    healed.keep_answers(r"GET .*/stats")
    host = make_host(role("validator", 3, running=2, settings=idle), settings=settings)
    daemon = host.start()
    load = host.load(RATE, "validator")
    with Responsive(host.stack.run_directory) as responsive:
        failed = daemon.wait_for("source.failed", role="validator")
        daemon.wait_for("scale.decided", reason="no_data")
    always_answered(responsive)
    assert (host.role("validator")["desired"], host.published("validator")) == (2, [1, 2])
    assert "did not answer in time" in failed.fields["reason"]

    healed.heal()
    daemon.wait_for("source.recovered", role="validator")
    daemon.wait_for("scale.decided", reason="scale_down")
    host.wait_published("validator", 1)
    none_failed(load)
