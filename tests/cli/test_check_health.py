"""What `check` says of the members' answers, asked of a real HTTP server on loopback."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from autoscaler.cli.findings import Level
from autoscaler.cli.healthcheck import health_findings
from autoscaler.model import ContainerState, Health, Member
from autoscaler.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Node(BaseHTTPRequestHandler):
    """Answers 200 on /well and 404 on anything else."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200 if self.path == "/well" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Write nothing."""


@contextmanager
def _node() -> Iterator[int]:
    """Yield the port of a node."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Node)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _settings(path: str, timeout: str = "30s") -> Settings:
    """Return settings whose members of business are asked `path`."""
    return load(
        None,
        {
            "AUTOSCALER_PROJECT": "v11",
            "AUTOSCALER_NGINX__CONTAINER": "proxy",
            "AUTOSCALER_ROLES__BUSINESS__HEALTH_PATH": path,
            "AUTOSCALER_ROLES__BUSINESS__HEALTH_TIMEOUT": timeout,
        },
    ).settings


def _member(
    name: str,
    port: int,
    health: Health = Health.NONE,
    state: ContainerState = ContainerState.RUNNING,
) -> Member:
    """Return a member of business in the host's network."""
    return Member(
        role="business",
        name=name,
        order=1,
        container_id=name,
        state=state,
        health=health,
        started_at="now",
        port=port,
        networks=("host",),
    )


def test_a_member_that_answers_well_is_ok() -> None:
    """With the place that was asked and what it answered."""
    with _node() as port:
        (found,) = health_findings(_settings("/well"), [_member("b-1", port)])
    assert (found.level, found.item) == (Level.OK, "health b-1")
    assert found.text == f"127.0.0.1:{port}/well answered 200"


def test_a_typing_error_in_the_health_path_fails_for_every_member() -> None:
    """After a reload all of them would be out of NGINX, and all answers 503."""
    with _node() as port:
        found = health_findings(_settings("/typo"), [_member("b-1", port), _member("b-2", port)])
    assert [(one.level, one.item) for one in found] == [
        (Level.FAIL, "health b-1"),
        (Level.FAIL, "health b-2"),
    ]
    says = f"127.0.0.1:{port}/typo answered 404; the daemon would take it out of NGINX"
    assert found[0].text == says
    assert "AUTOSCALER_ROLES__BUSINESS__HEALTH_PATH" in found[0].remedy


def test_without_a_health_path_a_closed_port_fails() -> None:
    """That is what the daemon asks then; the remedy names the port."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: it refuses
        port = closed.getsockname()[1]
        (found,) = health_findings(_settings(""), [_member("b-1", port)])
    assert found.level is Level.FAIL
    assert found.text.startswith(f"127.0.0.1:{port}: Connection refused; the daemon would")
    assert "AUTOSCALER_ROLES__BUSINESS__PORT" in found.remedy


def test_a_member_that_is_late_is_said_to_stay_while_it_is_busy() -> None:
    """An overloaded member is not dead for the daemon."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (found,) = health_findings(_settings("/well", "0.05"), [_member("b-1", port)])
    assert found.level is Level.FAIL
    assert found.text == (
        f"127.0.0.1:{port}/well did not answer within 0.05 s; the daemon would take it out of "
        "NGINX unless its CPU is above CPU_HIGH"
    )


def test_a_member_whose_own_check_still_starts_is_only_warned_of() -> None:
    """The daemon waits for it as well."""
    with _node() as port:
        (found,) = health_findings(_settings("/typo"), [_member("b-1", port, Health.STARTING)])
    assert found.level is Level.WARN
    assert found.text.endswith("answered 404, and its health check says starting")


def test_whom_the_daemon_does_not_probe_the_check_does_not_either() -> None:
    """A HEALTHCHECK has the word where it has spoken; a spare cannot answer."""
    members = [
        _member("b-1", 1, Health.HEALTHY),
        _member("b-2", 1, Health.UNHEALTHY),
        _member("b-3", 1, state=ContainerState.CREATED),
    ]
    assert health_findings(_settings("/typo"), members) == []
