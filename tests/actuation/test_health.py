"""Probes against real servers, and what all signs of health mean together."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from autoscaler.actuation.health import ProbeResult, Standing, judge, probe
from autoscaler.actuation.http_get import get
from autoscaler.model import Health

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.actuation.conftest import Node

WELL = ProbeResult(ok=True, detail="answered 200")
ILL = ProbeResult(ok=False, detail="answered 500")


@contextmanager
def serving(talk: Callable[[socket.socket], None], bind: str = "127.0.0.1") -> Iterator[int]:
    """Serve one connection with `talk` and give the port."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((bind, 0))
        listener.listen()

        def run() -> None:
            try:
                connection, _ = listener.accept()
                with connection:
                    talk(connection)
            except OSError:
                pass

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def saying(*parts: bytes, every: float = 0.0) -> Callable[[socket.socket], None]:
    """Return a talk: read the request, then send these parts, so many seconds apart."""

    def talk(connection: socket.socket) -> None:
        connection.recv(4096)
        for part in parts:
            connection.sendall(part)
            time.sleep(every)

    return talk


@pytest.mark.parametrize("status", [200, 204, 299, 301, 399])
def test_2xx_and_3xx_are_well(status: int, make_node: Callable[..., Node]) -> None:
    """A redirect is an answer of a node that works."""
    assert probe("127.0.0.1", make_node("n").port, f"/{status}", 5.0).ok


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_other_answers_are_not_well(status: int, make_node: Callable[..., Node]) -> None:
    """The detail names the status."""
    result = probe("127.0.0.1", make_node("n").port, f"/{status}", 5.0)
    assert not result.ok
    assert result.detail.endswith(f"/{status} answered {status}")


def test_the_request_is_one_that_servers_accept() -> None:
    """Host with the port, connection closed, nothing kept."""
    seen: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        seen.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    with serving(talk) as port:
        probe("127.0.0.1", port, "/api/v11/health?deep=1", 5.0)
    lines = seen[0].decode().split("\r\n")
    assert lines[0] == "GET /api/v11/health?deep=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}" in lines
    assert "Connection: close" in lines


def test_a_server_that_drips_bytes_does_not_hold_the_probe() -> None:
    """The timeout is for all of it, not for each byte."""
    drip = [bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 200]
    with serving(saying(*drip, every=0.05)) as port:
        begun = time.monotonic()
        result = probe("127.0.0.1", port, "/", 0.5)
        assert time.monotonic() - begun < 1.5
    assert not result.ok
    assert "did not answer within 0.5 s" in result.detail


def test_a_server_that_says_nothing_times_out() -> None:
    """A node that accepts and hangs is not healthy."""
    with serving(saying(b"", every=0.6)) as port:
        assert not probe("127.0.0.1", port, "/", 0.3).ok


def test_an_endless_body_is_not_read() -> None:
    """The head is the answer."""
    talk = saying(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65536] * 100, every=0.01)
    with serving(talk) as port:
        begun = time.monotonic()
        assert probe("127.0.0.1", port, "/", 5.0).ok
        assert time.monotonic() - begun < 1.0


def test_an_endless_head_is_no_answer() -> None:
    """It is read up to a bound; the status before it counts, and memory does not grow."""
    with serving(saying(b"HTTP/1.1 500 no\r\n", *[b"X: " + b"x" * 60000] * 20)) as port:
        assert not probe("127.0.0.1", port, "/", 5.0).ok


@pytest.mark.parametrize("words", [b"", b"220 smtp ready\r\n\r\n", b"HTTP/1.1 2000 x\r\n\r\n"])
def test_what_is_not_http_is_not_well(words: bytes) -> None:
    """Something else listens on the port."""
    with serving(saying(words)) as port:
        result = probe("127.0.0.1", port, "/", 5.0)
    assert not result.ok
    assert "not HTTP" in result.detail or "reset" in result.detail


def test_a_closed_port_is_not_well(closed_port: int) -> None:
    """With a path and without one."""
    for path in ("/", ""):
        result = probe("127.0.0.1", closed_port, path, 5.0)
        assert not result.ok
        assert "refused" in result.detail


def test_without_a_path_a_connection_is_enough() -> None:
    """A node that speaks no HTTP."""
    with serving(lambda _connection: None) as port:
        assert probe("127.0.0.1", port, "", 5.0).ok


def test_an_ipv6_node_is_probed_too() -> None:
    """Its Host header has brackets."""
    seen: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        seen.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.0 200\r\n\r\n")

    with serving(talk, "::1") as port:
        assert probe("::1", port, "/", 5.0).ok
    assert f"Host: [::1]:{port}\r\n".encode() in seen[0]


@pytest.mark.parametrize("path", ["health", "/a b", "/a\r\nX: y", "/ä", "//\x00"])
def test_a_path_that_would_break_the_request_is_refused(path: str) -> None:
    """A line break would add headers."""
    with pytest.raises(ValueError, match="health path"):
        probe("127.0.0.1", 1, path, 1.0)


def test_a_body_is_read_up_to_its_limit() -> None:
    """Longer ones are cut."""
    with serving(saying(b"HTTP/1.1 200 OK\r\n\r\nabc", b"defghi")) as port:
        assert get(("127.0.0.1", port), "/", 5.0, body_limit=5).body == b"abcde"


def test_a_body_ends_where_its_length_says() -> None:
    """A server that keeps the connection open does not cost the whole timeout."""
    talk = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", every=2.0)
    with serving(talk) as port:
        begun = time.monotonic()
        assert get(("127.0.0.1", port), "/", 5.0, body_limit=64).body == b"abc"
        assert time.monotonic() - begun < 1.0


@pytest.mark.parametrize(
    ("health", "last", "path", "standing"),
    [
        (Health.UNHEALTHY, WELL, "/h", Standing.UNHEALTHY),
        (Health.UNHEALTHY, None, "", Standing.UNHEALTHY),
        (Health.HEALTHY, ILL, "/h", Standing.HEALTHY),
        (Health.HEALTHY, None, "", Standing.HEALTHY),
        (Health.STARTING, WELL, "/h", Standing.HEALTHY),
        (Health.STARTING, WELL, "", Standing.WAITING),
        (Health.STARTING, ILL, "/h", Standing.WAITING),
        (Health.STARTING, None, "/h", Standing.WAITING),
        (Health.NONE, WELL, "/h", Standing.HEALTHY),
        (Health.NONE, WELL, "", Standing.HEALTHY),
        (Health.NONE, ILL, "/h", Standing.UNHEALTHY),
        (Health.NONE, ILL, "", Standing.UNHEALTHY),
        (Health.NONE, None, "/h", Standing.WAITING),
    ],
)
def test_the_signs_of_health_together(
    health: Health, last: ProbeResult | None, path: str, standing: Standing
) -> None:
    """Unhealthy is a veto, healthy stands, starting may be overtaken by the health path only."""
    assert judge(health, last, path).standing is standing


@pytest.mark.parametrize("health", list(Health))
def test_every_judgement_has_a_reason(health: Health) -> None:
    """Also when the answer is to wait."""
    assert all(judge(health, last, "/h").reason for last in (None, WELL, ILL))


@pytest.fixture
def closed_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
