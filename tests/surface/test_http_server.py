"""The HTTP server answers known hosts in bounded time and changes nothing."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.surface import http_server
from autoscaler.surface.site import Answer
from tests.surface.web import VIEW, Web


@pytest.fixture(scope="module")
def shared() -> Iterator[Web]:
    """Return one server for requests that leave no trace."""
    web = Web("scaler.example")
    web.show()
    yield web
    web.server.stop()


@pytest.fixture
def web() -> Iterator[Web]:
    """Return a server of one's own."""
    one = Web()
    yield one
    one.server.stop()


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:9177", "127.0.0.1", "127.0.0.1:80", "localhost.", "scaler.example:1"],
)
def test_a_known_host_is_answered(shared: Web, host: str) -> None:
    """Localhost, the address that was reached, and the names that the settings add."""
    assert shared.code("/livez", Host=host) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.2", "", "localhost:x", "[::1]"]
)
def test_an_unknown_host_is_refused(shared: Web, host: str) -> None:
    """A name that somebody points at this address must not let a browser read it."""
    assert shared.code("/api/v1/status", Host=host) == 421


def test_a_request_needs_exactly_one_host(shared: Web) -> None:
    """None and two are refused alike."""
    assert b" 400 " in shared.raw(b"GET /livez HTTP/1.1\r\n\r\n")
    two = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
    assert b" 400 " in shared.raw(two)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X"])
def test_only_reading_methods_are_allowed(shared: Web, method: str) -> None:
    """All others are 405 and name the two that are allowed."""
    response, _ = shared.get("/api/v1/status", method)
    assert (response.status, response.getheader("Allow")) == (405, "GET, HEAD")


def test_head_gives_the_headers_alone(shared: Web) -> None:
    """With the length the body would have."""
    response, body = shared.get("/livez", "HEAD")
    assert (response.status, body) == (200, b"")
    assert response.getheader("Content-Length") == "14"


@pytest.mark.parametrize("path", ["/", "/page.js", "/livez", "/nothing", "/metrics"])
def test_every_answer_carries_the_security_headers(shared: Web, path: str) -> None:
    """No other host, no inline script, no frame, no guessing of types, no cache."""
    response, _ = shared.get(path)
    policy = response.getheader("Content-Security-Policy") or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.getheader("X-Content-Type-Options") == "nosniff"
    assert response.getheader("Cache-Control") == "no-store"


def test_a_late_loop_is_not_live(web: Web) -> None:
    """Three intervals and five seconds after the last tick, without asking the loop."""
    web.show()
    web.clock.now = 120.0
    assert web.code("/livez") == 200
    web.clock.now = 120.1
    assert web.code("/livez") == 503
    assert web.json("/api/v1/status")["late_seconds"] == pytest.approx(20.1)


def test_ready_means_engine_and_nginx_were_seen_well(web: Web) -> None:
    """Before the first view and while the view says no, the answer is 503 with the reason."""
    assert web.code("/readyz") == 503
    web.show(ready=False, status={**VIEW.status, "engine": {"up": False, "error": "no Docker"}})
    assert web.json("/readyz") == {"ready": False, "reason": "no Docker"}
    web.show(ready=False, status={**VIEW.status, "late": "no look came back"})
    assert web.json("/readyz") == {"ready": False, "reason": "no look came back"}
    web.show()
    assert web.code("/readyz") == 200


def test_not_ready_says_which_of_docker_and_nginx_is_missing(web: Web) -> None:
    """Whoever waits for the daemon is to know where to look."""
    assert web.json("/readyz")["reason"] == "the daemon is starting"
    up, proven = {"up": True, "error": ""}, {"generation": None, "settled": False, "error": None}
    web.show(ready=False, status={**VIEW.status, "engine": {"up": None, "error": ""}})
    assert web.json("/readyz")["reason"] == "Docker was not looked at yet"
    web.show(ready=False, status={**VIEW.status, "engine": up, "nginx": proven})
    assert web.json("/readyz")["reason"] == "NGINX was not proven up to date yet"
    failed = {**proven, "error": "its container is gone"}
    web.show(ready=False, status={**VIEW.status, "engine": up, "nginx": failed})
    says = "NGINX was not proven up to date: its container is gone"
    assert web.json("/readyz")["reason"] == says


def test_a_query_is_checked_and_passed_on(web: Web) -> None:
    """History is asked only what is allowed."""
    web.show()
    assert web.code("/api/v1/events?since=5&role=validator&limit=3") == 200
    assert web.shelf.asked == [(5.0, "validator", 3)]
    wrong = [
        "limit=0",
        "limit=1001",
        "since=nan",
        "since=-1",
        "role=A",
        "x=1",
        "limit",
        "role=a&role=b",
    ]
    assert {web.code(f"/api/v1/events?{query}") for query in wrong} == {400}
    assert web.code("/api/v1/series?role=validator&seconds=59") == 400
    assert web.code("/api/v1/series?role=nobody") == 404
    assert len(web.shelf.asked) == 1


def test_every_path_of_the_description_is_there(shared: Web) -> None:
    """What OpenAPI lists is answered, if only with what is missing in the query."""
    paths = shared.json("/api/v1/openapi.json")["paths"]
    assert {shared.code(path) for path in paths} <= {200, 400}
    assert len(paths) == 7


def test_connections_beyond_the_limit_are_told_to_come_back(web: Web) -> None:
    """Clients that say nothing hold a thread each, and never more than the limit."""
    web.show()
    with contextlib.ExitStack() as stack:
        for _ in range(http_server.MOST_THREADS):
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", web.port)))
            wire.sendall(b"GET")
        assert web.code("/livez") == 503


def test_a_client_that_dawdles_is_cut_off(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole head has a deadline, however often a byte of it comes."""
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\n")
        assert wire.recv(100) == b""


def test_a_head_that_does_not_end_is_refused(web: Web) -> None:
    """Whether it is one long line or many."""
    answers = [
        web.raw(b"GET /" + b"a" * 20_000),
        web.raw(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5_000),
    ]
    assert not any(b" 200 " in answer for answer in answers)


def test_a_taken_port_is_told_and_the_others_are_served() -> None:
    """The daemon goes on without it."""
    web = Web()
    try:
        web.server.start([("127.0.0.1", web.port), ("127.0.0.1", 0)])
        assert [address for address, _ in web.failures] == [f"127.0.0.1:{web.port}"]
        assert len(web.server.ports) == 2
    finally:
        web.server.stop()


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.builds(
            lambda path, query: (
                f"GET /api/v1/{path}?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(
                    "utf-8", "replace"
                )
            ),
            st.sampled_from(["events", "series", "status", "openapi.json", ""]),
            st.text(max_size=60)
            | st.builds(
                "{}={}".format,
                st.sampled_from(["since", "role", "limit", "seconds"]),
                st.text(max_size=30) | st.integers().map(str) | st.floats().map(str),
            ),
        ),
        st.builds(
            lambda head, rest: head + rest + b"\r\n\r\n",
            st.sampled_from([b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: localhost\r\n"]),
            st.binary(max_size=100),
        ),
    )
)
def test_no_request_is_answered_with_a_defect(shared: Web, data: bytes) -> None:
    """Whatever is sent, the answer is none or no 500, and the server goes on."""
    answer = shared.raw(data)
    assert not answer.startswith(b"HTTP/1.1 5"), answer
    assert shared.board.latest == VIEW
    assert shared.told == []


def test_a_defect_is_a_500_and_told_once_a_minute(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the request and the line of code; a page that asks every two seconds is no flood."""

    def broken(_self: object, _target: str, _accept: str) -> Answer:
        raise RuntimeError("no such thing")

    monkeypatch.setattr("autoscaler.surface.site.Site.answer", broken)
    for _ in range(3):
        assert web.code("/livez") == 500
    (first,) = web.told
    assert (first.surface, first.request, first.more) == ("http", "GET /livez", 0)
    assert first.reason == "RuntimeError: no such thing"
    assert re.fullmatch(r"test_http_server\.py:\d+ in broken", first.place)
    web.clock.now += 60.0
    assert web.code("/livez") == 500
    assert web.told[1].more == 2
