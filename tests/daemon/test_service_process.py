"""What a daemon process tells the service manager over a real socket, from its start to its end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.no_engine import write_env

DEADLINE_SECONDS = 20.0
Message = dict[str, str]


class Manager:
    """Starts a daemon whose engine is not there, and takes its messages."""

    def __init__(self, folder: Path) -> None:
        self.messages: list[Message] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._listener.bind(str(folder / "notify"))
        self._listener.settimeout(DEADLINE_SECONDS)
        env_file = write_env(folder, INTERVAL="1m", AVERAGE_OVER="1m")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "autoscaler", "run", "--env-file", str(env_file)],
            stdout=subprocess.DEVNULL,
            env=os.environ | {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "1000000"},
        )

    def wait_for(self, wanted: Callable[[Message], bool]) -> Message:
        """Return the first message from now on that is wanted."""
        end = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < end:
            text = self._listener.recv(65536).decode()
            message = dict(line.split("=", 1) for line in text.splitlines())
            if wanted(message):
                return message
        raise AssertionError("no such message came")

    def close(self) -> None:
        """End the daemon."""
        self.process.kill()
        self.process.wait(DEADLINE_SECONDS)
        self._listener.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """Start a daemon under a manager."""
    made = Manager(tmp_path)
    yield made
    made.close()


def test_a_daemon_without_docker_asks_for_time_shows_life_and_tells_its_end(
    manager: Manager,
) -> None:
    """It is never ready, says what it waits for, and gives signs between ticks a minute apart."""
    waiting = manager.wait_for(lambda m: m.get("STATUS", "").startswith("Docker does not answer"))
    assert "READY" not in waiting
    began = time.monotonic()
    for _ in range(4):
        assert "READY" not in manager.wait_for(lambda m: m.get("WATCHDOG") == "1")
    assert time.monotonic() - began < 4 * 1.0
    manager.process.terminate()
    ended = manager.wait_for(lambda m: "STOPPING" in m)
    assert ended == {"STOPPING": "1", "STATUS": "stopping: SIGTERM"}
    assert manager.process.wait(DEADLINE_SECONDS) == 0


def test_the_first_message_asks_for_more_time_to_start(manager: Manager) -> None:
    """The engine may take longer to answer than the manager waits."""
    first = manager.wait_for(lambda _: True)
    assert first["EXTEND_TIMEOUT_USEC"] == "60000000"
    assert first["STATUS"] == "looking at the Docker engine for the first time"
