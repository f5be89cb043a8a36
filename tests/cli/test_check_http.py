"""What `check` says of the addresses of the HTTP server, with real sockets."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from autoscaler.cli.findings import Finding, Level
from autoscaler.cli.httpcheck import http_findings
from autoscaler.settings import load
from tests.surface.web import VIEW, Web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Yield a socket that listens on a port of its own and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield one


def _found(folder: Path, address: str, pid: int | None = None) -> Finding:
    file = folder / "autoscaler.env"
    file.write_text(
        f"AUTOSCALER_PROJECT=shop\nAUTOSCALER_NGINX__CONTAINER=proxy\n"
        f"AUTOSCALER_HTTP__LISTEN={address}\n"
    )
    status = None if pid is None else {"pid": pid}
    (found,) = http_findings(load(file, {}).settings, status)
    return found


def _name(one: socket.socket) -> str:
    return "{}:{}".format(*one.getsockname())


def test_a_free_address_is_fine(tmp_path: Path, listener: socket.socket) -> None:
    """No daemon runs, and nobody else listens."""
    address = _name(listener)
    listener.close()
    found = _found(tmp_path, address)
    assert (found.level, found.text) == (Level.OK, "free for the daemon")


def test_an_address_that_others_reach_is_said_to_have_no_password(
    tmp_path: Path, listener: socket.socket
) -> None:
    """It is allowed, but must not happen unnoticed."""
    address = f"0.0.0.0:{listener.getsockname()[1]}"
    listener.close()
    assert "there is no password" in _found(tmp_path, address).text


def test_a_port_somebody_else_has_is_a_warning(
    tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With how to find out who that is."""
    monkeypatch.setattr("autoscaler.cli.httpcheck.ASK_SECONDS", 0.1)
    found = _found(tmp_path, _name(listener))
    assert found.level is Level.WARN
    assert found.text.startswith("another program listens there; the daemon would go on without")
    assert f"ss -ltnp sport = :{listener.getsockname()[1]}" in found.remedy


@pytest.mark.parametrize(
    ("pid", "level", "words"),
    [
        (os.getpid(), Level.OK, f"the running daemon (process {os.getpid()}) answers there"),
        (None, Level.WARN, f"another autoscaler (process {os.getpid()}) listens there"),
        (1, Level.WARN, f"another autoscaler (process {os.getpid()}) listens there"),
    ],
    ids=["its own daemon", "no daemon of its own", "another one"],
)
def test_a_daemon_that_listens_there_is_told_from_another(
    tmp_path: Path, pid: int | None, level: Level, words: str
) -> None:
    """By its process, which control socket and HTTP both tell."""
    web = Web()
    web.show(status={**VIEW.status, "pid": os.getpid()})
    try:
        found = _found(tmp_path, f"127.0.0.1:{web.port}", pid)
    finally:
        web.server.stop()
    assert (found.level, found.text[: len(words)]) == (level, words)


def test_a_running_daemon_that_does_not_listen_is_a_warning(
    tmp_path: Path, listener: socket.socket
) -> None:
    """The port was taken when it started, and is free now."""
    address = _name(listener)
    listener.close()
    found = _found(tmp_path, address, 7)
    assert (found.level, "does not listen there" in found.text) == (Level.WARN, True)


def test_an_address_of_another_host_is_a_warning(tmp_path: Path) -> None:
    """It says what is wrong with it, not only that it fails."""
    found = _found(tmp_path, "192.0.2.1:9177")
    assert (found.level, found.text[:37]) == (Level.WARN, "no network interface has this address")
