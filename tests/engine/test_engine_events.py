"""The event stream: what is passed on, and how it survives its engine."""

from __future__ import annotations

import re
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.engine.client import connect
from autoscaler.engine.events import Watcher, translate_event
from autoscaler.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autoscaler.events import EngineEvent
    from tests.engine.conftest import Containers, Relay, Serve, Until

URL = "unix:///var/run/docker.sock"


class Heard:
    """A watcher of an engine and what it passed on."""

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        self.events: list[EngineEvent] = []
        self.watcher = Watcher(lambda: connect(url, timeout, 1), self.events.append)

    def kinds(self, name: str | None = None) -> list[EventKind]:
        """Return the kinds heard so far, of one container if named."""
        return [e.kind for e in list(self.events) if name is None or e.name == name]

    def count(self, kind: EventKind) -> int:
        """Return how often a kind was heard."""
        return self.kinds().count(kind)


@pytest.fixture
def heard(until: Until) -> Iterator[Heard]:
    """Yield a connected watcher of the real engine."""
    one = Heard(URL)
    one.watcher.start()
    until(lambda: one.events)
    yield one
    one.watcher.stop()


@pytest.mark.engine
def test_the_first_thing_heard_is_that_the_stream_is_connected(heard: Heard) -> None:
    """So that the caller makes a full look from then on."""
    assert heard.events[0].kind is EventKind.CONNECTED


@pytest.mark.engine
def test_the_life_of_a_container_is_heard_in_order_with_its_details(
    heard: Heard, containers: Containers, until: Until
) -> None:
    """Create, start, kill, die with the exit code, stop, destroy: nothing else."""
    container_id = containers.start("a")
    containers.api.stop(container_id, timeout=5)
    containers.api.remove_container(container_id)
    name = containers.name("a")
    until(lambda: EventKind.DESTROY in heard.kinds(name))
    mine = [e for e in heard.events if e.name == name]
    assert [e.kind.value for e in mine] == ["create", "start", "kill", "die", "stop", "destroy"]
    assert [e.detail for e in mine[2:4]] == ["signal 15", "exit code 0"]
    assert {e.container_id for e in mine} == {container_id}
    assert abs(mine[0].time - time.time()) < 30


@pytest.mark.engine
def test_commands_run_in_a_container_are_not_heard(
    heard: Heard, containers: Containers, until: Until
) -> None:
    """Health checks would flood the stream; a change of health is heard."""
    check = {"test": ["CMD", "true"], "interval": 10**9 // 2}
    containers.start("a", healthcheck=check)
    name = containers.name("a")
    until(lambda: EventKind.HEALTHY in heard.kinds(name))
    assert heard.kinds(name) == [EventKind.CREATE, EventKind.START, EventKind.HEALTHY]


@pytest.mark.engine
def test_a_network_event_tells_its_container(
    heard: Heard, containers: Containers, until: Until
) -> None:
    """A member that loses its network has another address, or none."""
    container_id = containers.start("a")
    containers.api.disconnect_container_from_network(container_id, "bridge")
    until(lambda: any(e.detail == "disconnect bridge" for e in heard.events))
    event = next(e for e in heard.events if e.detail == "disconnect bridge")
    assert (event.kind, event.container_id) == (EventKind.NETWORK, container_id)


@pytest.mark.engine
def test_a_silent_stream_is_ended_at_once_by_stop(heard: Heard) -> None:
    """Its reader waits in the kernel; shutting its socket wakes it."""
    began = time.monotonic()
    heard.watcher.stop()
    assert not heard.watcher.is_alive()
    assert time.monotonic() - began < 0.5
    assert heard.count(EventKind.DISCONNECTED) == 0


@pytest.mark.engine
def test_a_stream_that_is_cut_is_told_and_made_anew(
    relay: Relay, containers: Containers, until: Until
) -> None:
    """Disconnected with a reason, connected again, and events flow."""
    relay.up()
    one = Heard(relay.url)
    one.watcher.start()
    until(lambda: one.count(EventKind.CONNECTED) == 1)
    relay.cut()
    until(lambda: one.count(EventKind.CONNECTED) == 2)
    assert one.kinds()[:3] == [EventKind.CONNECTED, EventKind.DISCONNECTED, EventKind.CONNECTED]
    assert one.events[1].detail
    containers.create("a")
    until(lambda: EventKind.CREATE in one.kinds(containers.name("a")))
    one.watcher.stop()


@pytest.mark.engine
def test_an_outage_is_told_once_however_many_attempts_it_takes(relay: Relay, until: Until) -> None:
    """No flood while the engine is away; the wait between attempts can be interrupted."""
    attempts: list[float] = []

    def attempt() -> Any:  # noqa: ANN401  # the client's type would need another import
        attempts.append(time.monotonic())
        return connect(relay.url, 5, 1)

    events: list[EngineEvent] = []
    watcher = Watcher(attempt, events.append)
    watcher.start()
    until(lambda: len(attempts) >= 4)
    assert [e.kind for e in events] == [EventKind.DISCONNECTED]
    gaps = [later - earlier for earlier, later in pairwise(attempts)]
    assert gaps[0] >= 0.2
    assert gaps[1] >= 0.4
    assert gaps[2] >= 0.8
    relay.up()
    until(lambda: EventKind.CONNECTED in [e.kind for e in events])
    assert [e.kind for e in events] == [EventKind.DISCONNECTED, EventKind.CONNECTED]
    watcher.stop()
    assert not watcher.is_alive()


def test_waiting_to_connect_again_is_ended_at_once_by_stop(until: Until) -> None:
    """An engine that is away does not delay the end of the daemon."""
    one = Heard("unix:///nonexistent/docker.sock")
    one.watcher.start()
    until(lambda: one.events)
    began = time.monotonic()
    one.watcher.stop()
    assert not one.watcher.is_alive()
    assert time.monotonic() - began < 0.5


def test_an_engine_that_accepts_and_says_nothing_is_given_up_after_the_timeout(
    serve: Serve, until: Until
) -> None:
    """docker-py itself would wait for ever."""
    release = threading.Event()

    def answer(path: str) -> tuple[int, bytes]:
        if not path.endswith("/version"):
            release.wait(10)
        return 200, b'{"ApiVersion": "1.41"}'

    one = Heard(serve(answer).url, timeout=0.2)
    one.watcher.start()
    until(lambda: one.count(EventKind.DISCONNECTED))
    release.set()
    one.watcher.stop()
    assert "in time" in one.events[0].detail


def test_a_refused_stream_tells_the_engines_words(serve: Serve, until: Until) -> None:
    """A socket proxy that does not allow /events is named as the cause."""

    def answer(path: str) -> tuple[int, bytes]:
        if path.endswith("/version"):
            return 200, b'{"ApiVersion": "1.41"}'
        return 403, b'{"message": "not allowed here"}'

    one = Heard(serve(answer).url)
    one.watcher.start()
    until(lambda: one.events)
    one.watcher.stop()
    assert "not allowed here" in one.events[0].detail
    assert "proxy" in one.events[0].detail


@pytest.mark.parametrize(
    "line", [b"[]", b"7", b'"no"', b"null", b'{"half": ', b'{"timeNano": [1]}']
)
def test_a_stream_of_something_else_is_told_and_tried_again(
    serve: Serve, until: Until, line: bytes
) -> None:
    """A proxy's own JSON does not end the thread that listens."""

    def answer(path: str) -> tuple[int, bytes]:
        return 200, b'{"ApiVersion": "1.41"}' if path.endswith("/version") else line + b"\n"

    one = Heard(serve(answer).url)
    one.watcher.start()
    until(lambda: one.count(EventKind.CONNECTED) > 1)
    one.watcher.stop()
    assert one.events[1].kind is EventKind.DISCONNECTED
    assert re.search("listen to the engine's events|could not be taken in", one.events[1].detail)


def test_a_health_event_as_recorded_is_understood() -> None:
    """The new state stands in the action itself."""
    raw = {
        "status": "health_status: unhealthy",
        "Type": "container",
        "Action": "health_status: unhealthy",
        "Actor": {"ID": "06d0", "Attributes": {"name": "node-1"}},
        "time": 1795477124,
        "timeNano": 1795477124171441042,
    }
    event = translate_event(raw)
    assert event is not None
    assert (event.kind, event.name) == (EventKind.UNHEALTHY, "node-1")
    assert event.time == pytest.approx(1795477124.171441)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"Type": "container", "Action": "exec_start: sh"},
        {"Type": "container", "Action": "connected"},
        {"Type": "container", "Action": "network"},
        {"Type": "network", "Action": "prune"},
        {"Type": "image", "Action": "create"},
        {"Type": "volume", "Action": "destroy", "Actor": None},
        {"Type": "image", "Action": "create", "Actor": ["x"]},
    ],
)
def test_other_events_mean_nothing(raw: dict[str, object]) -> None:
    """Also those whose action is spelled like a kind of this program."""
    assert translate_event(raw) is None


def test_a_rename_tells_the_former_name() -> None:
    """Members are known by name."""
    attributes = {"name": "node-2", "oldName": "/node-1"}
    raw = {"Type": "container", "Action": "rename", "Actor": {"ID": "1", "Attributes": attributes}}
    event = translate_event(raw)
    assert event is not None
    assert (event.name, event.detail) == ("node-2", "formerly node-1")
