"""The notification protocol on real datagram sockets."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.surface.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Listen as the service manager does; give the socket and what NOTIFY_SOCKET would hold."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        if request.param == "path":
            address = str(tmp_path / "notify")
            listener.bind(address)
        else:
            address = f"@autoscaler-test-{uuid.uuid4().hex}"
            listener.bind("\0" + address[1:])
        listener.settimeout(5)
        yield listener, address


def test_a_message_reaches_the_socket_as_one_datagram(manager: tuple[socket.socket, str]) -> None:
    """One line per variable, over a socket with a path and over an abstract one."""
    listener, address = manager
    Notifier(address).send(READY=1, STATUS="all is well")
    assert listener.recv(4096) == b"READY=1\nSTATUS=all is well"


def test_a_value_cannot_bring_in_a_variable_of_its_own(manager: tuple[socket.socket, str]) -> None:
    """An error text with a line end stays on its line; a long one is cut."""
    listener, address = manager
    Notifier(address).send(STATUS="it said:\nSTOPPING=1 " + 1000 * "x")
    told = listener.recv(4096).decode()
    assert told.startswith("STATUS=it said: STOPPING=1 xxx")
    assert len(told) == len("STATUS=") + 400


def test_nothing_is_sent_and_nothing_fails_without_a_listener(tmp_path: Path) -> None:
    """No service manager, and one whose socket is gone, do not disturb the daemon."""
    assert Notifier().send(READY=1)
    assert not Notifier(str(tmp_path / "gone")).send(READY=1)


def test_a_full_socket_does_not_make_the_daemon_wait(manager: tuple[socket.socket, str]) -> None:
    """A message that the manager does not take is reported as such, at once."""
    listener, address = manager
    notifier = Notifier(address)
    taken = [notifier.send(WATCHDOG=1) for _ in range(2000)]
    assert taken[0]
    assert not taken[-1]
    assert listener.recv(4096) == b"WATCHDOG=1"


def test_what_children_must_not_have_is_taken_out_of_the_environment() -> None:
    """The socket and the watchdog's variables go; everything else stays."""
    environ = {
        "NOTIFY_SOCKET": "/run/notify",
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": str(os.getpid()),
        "PATH": "/bin",
    }
    assert Notifier.take(environ).watchdog_seconds == 30.0
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"NOTIFY_SOCKET": "/run/notify"},
        {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "30000000"},
    ],
)
def test_no_sign_of_life_is_owed_unless_it_was_asked_of_this_process(given: dict[str, str]) -> None:
    """Without a time, without a socket, or meant for another process, there is no watchdog."""
    assert Notifier.take(dict(given)).watchdog_seconds is None


def test_a_text_that_has_no_encoding_is_told_all_the_same(
    manager: tuple[socket.socket, str],
) -> None:
    """Half a surrogate pair, as from a path or from JSON of others, must not end the daemon."""
    listener, address = manager
    assert Notifier(address).send(STATUS="half \ud800 pair")
    assert listener.recv(4096) == b"STATUS=half ? pair"
