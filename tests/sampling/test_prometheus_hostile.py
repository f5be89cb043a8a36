"""A server in Prometheus' place that misbehaves in ways only a connection can show."""

from __future__ import annotations

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

import pytest

from autoscaler.model import NoReading
from autoscaler.sampling.prometheus import PrometheusSetup, PrometheusSource
from tests.sampling.test_prometheus_answers import body, member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TIMEOUT = 0.5


@contextlib.contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Serve `answer` on loopback; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            with contextlib.suppress(OSError):
                answer(self)

        def do_GET(self) -> None:
            with contextlib.suppress(OSError):
                answer(self)

        def log_message(self, *_: object) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


def head(handler: BaseHTTPRequestHandler, status: int = 200, **headers: str) -> None:
    """Send the head of an answer."""
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def ask(url: str, **more: object) -> tuple[NoReading | None, str]:
    """Ask once; return why there is no reading, in a word and in words."""
    source = PrometheusSource(PrometheusSetup(url=url, timeout=TIMEOUT, **more))  # type: ignore[arg-type]
    found = source.sample([member("v1")], time.monotonic)["v1"]
    assert found.cpu_percent is None
    return found.reason, found.detail


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Send a body as fast as it goes, for ever."""
    head(handler)
    while True:
        handler.wfile.write(b" " * 65536)


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte of a body now and then."""
    head(handler)
    for _ in range(100):
        handler.wfile.write(b" ")
        time.sleep(0.05)


def drip_head(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte of a head now and then."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(100):
        handler.wfile.write(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("answer", [drip, drip_head])
def test_a_slow_drip_ends_at_the_timeout(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    """Although every single byte comes in time."""
    with server(answer) as url:
        began = time.monotonic()
        reason, _ = ask(url)
        assert time.monotonic() - began < TIMEOUT + 1.5
    assert reason is NoReading.TIMED_OUT


def stalled(handler: BaseHTTPRequestHandler) -> None:
    """Send the beginning of a body and no more."""
    head(handler, Content_Length="100")
    handler.wfile.write(b"{")
    time.sleep(TIMEOUT + 1.0)


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    """Send the beginning of a body and close."""
    head(handler, Content_Length="100")
    handler.wfile.write(b"{")


def no_chunks(handler: BaseHTTPRequestHandler) -> None:
    """Announce chunks and send something else."""
    handler.protocol_version = "HTTP/1.1"
    head(handler, Transfer_Encoding="chunked")
    handler.wfile.write(b"zz\r\n{")


def no_http(handler: BaseHTTPRequestHandler) -> None:
    """Speak as another kind of server does."""
    handler.wfile.write(b"SSH-2.0-OpenSSH\r\n")


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("answer", "reason", "says"),
    [
        (stalled, NoReading.TIMED_OUT, "no whole answer"),
        (cut_off, NoReading.SOURCE_FAILED, "broke off in the middle of its answer"),
        (no_chunks, NoReading.SOURCE_FAILED, "broke off in the middle of its answer"),
        (no_http, NoReading.SOURCE_FAILED, "cannot be reached: SSH-2.0-OpenSSH:"),
    ],
)
def test_an_answer_that_breaks_off_is_a_reason_in_words(
    answer: Callable[[BaseHTTPRequestHandler], None], reason: NoReading, says: str
) -> None:
    """And no thread that asks ends by it."""
    with server(answer) as url:
        found, detail = ask(url)
    assert (found, says in detail) == (reason, True), detail


def test_a_body_without_end_is_not_read_to_its_end() -> None:
    """It ends at 4 MiB, or at the timeout where it is slower."""
    with server(endless) as url:
        reason, detail = ask(url)
    assert (reason, "MiB" in detail) in {
        (NoReading.SOURCE_FAILED, True),
        (NoReading.TIMED_OUT, False),
    }


def test_a_redirect_is_not_followed() -> None:
    """The password would go to whoever it points to."""
    asked = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        head(handler, 302, Location="/elsewhere", Content_Length="0")

    with server(answer) as url:
        reason, detail = ask(url)
    assert reason is NoReading.SOURCE_FAILED
    assert "redirect" in detail
    assert asked == ["/api/v1/query"]


def test_a_server_error_is_not_asked_again_in_the_same_look() -> None:
    """The next look is soon enough."""
    asked = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        head(handler, 503, Content_Length="0")

    with server(answer) as url:
        ask(url)
    assert len(asked) == 1


def test_nobody_listening_is_a_failure_in_words() -> None:
    """With the cause the system gives."""
    reason, detail = ask("http://127.0.0.1:1")
    assert reason is NoReading.SOURCE_FAILED
    assert "refused" in detail


@pytest.mark.parametrize("kind", ["token", "password"])
def test_secrets_come_from_files_and_go_to_prometheus_only(tmp_path: Path, kind: str) -> None:
    """In the header of the request, and in no text of ours."""
    path = tmp_path / "secret"
    path.write_text("hunter2\n")
    seen = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers["Authorization"])
        text = body()
        head(handler, Content_Length=str(len(text)))
        handler.wfile.write(text)

    given = {"token_file": path} if kind == "token" else {"username": "u", "password_file": path}
    with server(answer) as url:
        _, detail = ask(url, **given)
    assert seen == ["Bearer hunter2" if kind == "token" else "Basic dTpodW50ZXIy"]
    assert "hunter2" not in detail


def test_a_missing_secret_is_a_reason_that_names_the_file(tmp_path: Path) -> None:
    """Nothing is sent without it."""
    _, detail = ask("http://127.0.0.1:1", token_file=tmp_path / "gone")
    assert str(tmp_path / "gone") in detail


class Kept:
    """Serves one good answer a connection, which it keeps open; as a context it ends."""

    def __init__(self) -> None:
        self.connections = 0
        self.cookies: list[str | None] = []
        self.open = True
        kept = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                kept.connections += 1
                super().setup()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"] or 0))
                kept.cookies.append(self.headers["Cookie"])
                if not kept.open:
                    kept.open = self.close_connection = True
                    return
                text = custom_answer()
                head(self, Content_Length=str(len(text)), Set_Cookie="who=me; Path=/")
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        loop = {"poll_interval": 0.01}
        threading.Thread(target=self._server.serve_forever, kwargs=loop, daemon=True).start()

    def __enter__(self) -> Self:
        """Serve."""
        return self

    def __exit__(self, *error: object) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()


def custom_answer() -> bytes:
    """Return 42 % of v1, evaluated now."""
    series = [{"metric": {"name": "v1"}, "value": [time.time(), "42"]}]
    return body(data={"resultType": "vector", "result": series})


def look(source: PrometheusSource) -> float | None:
    """Look once."""
    return source.sample([member("v1")], time.monotonic)["v1"].cpu_percent


def test_looks_share_a_connection_and_no_cookies() -> None:
    """A new one, with TLS, would cost more than all the rest of a look."""
    with Kept() as kept:
        source = PrometheusSource(PrometheusSetup(kept.url, queries={"validator": "q"}))
        assert [look(source), look(source), look(source)] == [42.0] * 3
        assert (kept.connections, kept.cookies) == (1, [None] * 3)


def test_a_connection_closed_while_it_rested_costs_no_reading() -> None:
    """As by a proxy that keeps it for as long as a look takes to come again."""
    with Kept() as kept:
        source = PrometheusSource(PrometheusSetup(kept.url, queries={"validator": "q"}))
        first = look(source)
        kept.open = False
        assert [first, look(source)] == [42.0, 42.0]
        assert kept.connections == 2
