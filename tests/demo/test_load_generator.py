"""The load generator against real nodes and against servers that misbehave."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from autoscaler.demo.load import Load, Mix
from autoscaler.demo.pool import Limits
from autoscaler.demo.tally import Report
from tests.demo.loopback import StartNode, server, wait_until

PATH = "/api/v11/query"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def drive(
    address: tuple[str, int], requests: int, limits: Limits | None = None, mix: Mix | None = None
) -> Report:
    """Make at least that many requests and return the final report."""
    with Load(address, mix or Mix({PATH: 1}), limits) as load:
        load.rate = 400
        wait_until(lambda: load.report().requests + load.report().in_flight >= requests, "requests")
    return load.report()


def reading(then: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    """Return a handler that reads a request before it does something."""

    def handle(connection: socket.socket) -> None:
        if connection.recv(65536):
            then(connection)

    return handle


def wait_for_close(connection: socket.socket) -> None:
    """Say nothing until the client has gone."""
    while connection.recv(65536):
        pass


def test_every_answered_request_is_counted_once(start_node: StartNode) -> None:
    """The generator's count of good requests is the node's own count."""
    node = start_node()
    report = drive(node.address, 300)
    text = node.ask(b"GET /metrics HTTP/1.0\r\n\r\n").decode()
    assert report.failed == 0
    assert report.in_flight == 0
    assert report.nodes == {"n1": report.requests}
    ratio = (report.requests - 1) / report.requests
    assert f"aurigraph_cache_hit_ratio {ratio}" in text


def test_the_rate_is_kept_whatever_the_answers_take(start_node: StartNode) -> None:
    """Answers that take 0.3 s do not slow down an open loop of 100 requests per second."""
    with Load(start_node().address, Mix({f"{PATH}?delay_ms=300": 1})) as load:
        begin = time.monotonic()
        load.rate = 100
        wait_until(lambda: load.report().requests >= 150, "150 answers")
        seconds = time.monotonic() - begin
    assert 1.4 < seconds < 15  # one after another they would take 45 s


def test_shared_connections_are_reused_and_fresh_ones_are_not(start_node: StartNode) -> None:
    """Without fresh connections few are opened; with only fresh ones, one per request."""
    address = start_node().address
    shared = drive(address, 200, mix=Mix({PATH: 1}, fresh_share=0))
    fresh = drive(address, 200, mix=Mix({PATH: 1}, fresh_share=1))
    assert shared.connections < shared.requests / 4
    assert fresh.connections == fresh.requests


def test_a_status_other_than_2xx_is_a_failure(start_node: StartNode) -> None:
    """503 counts as failed under its own kind, with an example that names the request."""
    report = drive(start_node(NODE_READY_AFTER="60").address, 20)
    assert report.failed == report.requests
    assert report.failures == {"status 503": report.requests}
    assert PATH in report.examples[0]


def test_an_answer_cut_short_is_a_failure() -> None:
    """A server that closes in the middle of its answer makes every request `truncated`."""
    with server(reading(lambda c: c.sendall(ANSWER[:-1]))) as address:
        report = drive(address, 20)
    assert report.failures == {"truncated": report.requests}


def test_a_connection_closed_before_the_answer_is_a_failure() -> None:
    """A server that reads the request and closes makes every request `closed`."""
    with server(reading(lambda _: None)) as address:
        report = drive(address, 20)
    assert report.failures == {"closed": report.requests}


def test_no_answer_in_time_is_a_failure() -> None:
    """A server that never answers makes every request `timeout`, and none is left in flight."""
    with server(reading(wait_for_close)) as address:
        report = drive(address, 20, Limits(timeout_seconds=0.3))
    assert report.failures == {"timeout": report.requests}
    assert report.in_flight == 0


def test_a_refused_connection_is_a_failure() -> None:
    """With nobody listening every request fails as `connect`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    report = drive(address, 20)
    assert report.failures == {"connect": report.requests}


def test_nothing_is_tried_twice() -> None:
    """Requests that fail reach the server once each."""
    seen: list[int] = []

    def count(connection: socket.socket) -> None:
        seen.append(len(connection.recv(65536)))

    with server(count) as address:
        report = drive(address, 50)
    assert len(seen) == report.requests


def test_a_connection_closed_while_idle_is_not_a_failure() -> None:
    """A server that closes after each answer, without saying so, costs no request.

    The generator finds the closed connection before it writes, and opens another.
    """
    with server(reading(lambda c: c.sendall(ANSWER))) as address:
        with Load(address, Mix({PATH: 1}, fresh_share=0)) as load:
            load.rate = 20
            wait_until(lambda: load.report().requests >= 20, "20 requests")
        report = load.report()
    assert report.failed == 0
    assert report.connections == report.requests


def test_a_slow_upload_and_a_long_request_count_like_others(start_node: StartNode) -> None:
    """Both special requests come back good, take their time, and are in the counts."""
    with Load(start_node().address, Mix({PATH: 1})) as load:
        begin = time.monotonic()
        upload, long = load.slow_upload(PATH, 1.0), load.long_request(PATH, 1000)
        assert upload.result(20).ok
        assert long.result(20).ok
        assert time.monotonic() - begin >= 1.0
    assert load.report().requests == 2


def test_a_slow_upload_that_is_cut_is_a_failure() -> None:
    """A server that closes during an upload makes it fail."""
    with (
        server(reading(lambda _: None)) as address,
        Load(address, Mix({PATH: 1})) as load,
    ):
        assert not load.slow_upload(PATH, 2.0).result(20).ok


def test_specials_go_on_for_ever(start_node: StartNode) -> None:
    """Kept specials follow one another: short ones come back several times."""
    with Load(start_node().address, Mix({PATH: 1})) as load:
        load.keep_specials([PATH], 0.2)
        wait_until(lambda: load.report().requests >= 8, "8 special requests")
    assert load.report().failed == 0


def test_rate_and_mix_can_change_while_it_runs(start_node: StartNode) -> None:
    """After a change of mix only the new path is asked for."""
    with Load(start_node().address, Mix({PATH: 1})) as load:
        load.rate = 200
        wait_until(lambda: load.report().requests > 20, "requests of the first mix")
        load.mix = Mix({"/nowhere": 1})
        wait_until(lambda: load.report().failed > 20, "requests of the second mix")
    assert set(load.report().failures) == {"status 404"}


@pytest.mark.parametrize("wait", [True, False])
def test_stopping_waits_for_requests_only_if_asked(start_node: StartNode, *, wait: bool) -> None:
    """`stop` waits for a request under way; without waiting it abandons it, uncounted."""
    load = Load(start_node().address, Mix({PATH: 1}))
    load.start()
    load.long_request(PATH, 500)
    report = load.stop(wait=wait)
    assert (report.requests, report.in_flight) == ((1, 0) if wait else (0, 1))


def test_a_long_request_has_its_own_time_on_top_of_the_deadline(start_node: StartNode) -> None:
    """With a deadline of 0.5 s a request that asks for a delay of 0.6 s is in time."""
    with Load(start_node().address, Mix({PATH: 1}), Limits(timeout_seconds=0.5)) as load:
        assert load.long_request(PATH, 600).result(10).ok
