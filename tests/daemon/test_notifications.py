"""A whole daemon without an engine tells a real webhook, and goes on whatever that does."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.no_engine import write_env
from tests.surface.webhook import Webhook, write_places

DEADLINE_SECONDS = 20.0


class Daemon:
    """A process whose engine is not there, with what it logs and its metrics."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.urls = folder / "urls"
        self._log = folder / "log"
        self._env = write_env(
            folder,
            INTERVAL="250ms",
            LOG_FORMAT="json",
            HTTP__LISTEN=f"127.0.0.1:{self._port}",
            NOTIFY__URLS_FILE=self.urls,
            NOTIFY__BATCH="0s",
            NOTIFY__MIN_INTERVAL="0s",
            NOTIFY__HOST="web1",
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "autoscaler", "run", "--env-file", str(self._env)],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def spoil_settings(self) -> None:
        """Put a mistake into the env file and have it read again."""
        assert self.process is not None
        with self._env.open("a", encoding="utf-8") as file:
            file.write("AUTOSCALER_WORKERS=many\n")
        self.process.send_signal(signal.SIGHUP)

    def said(self) -> str:
        """Return the log so far."""
        return self._log.read_text(encoding="utf-8")

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the events of a name that were logged."""
        lines = self.said().rpartition("\n")[0].splitlines()
        return [one for one in map(json.loads, lines) if one["event"] == name]

    def metric(self, name: str) -> float:
        """Return a metric as it is now, 0 while the server does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=5) as got:
                text = got.read().decode()
        except OSError:
            return 0.0
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def wait_until(self, true: Callable[[], object]) -> None:
        """Wait for a condition."""
        end = time.monotonic() + DEADLINE_SECONDS
        while not true():
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """Listen."""
    made = Webhook()
    yield made
    made.close()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Give a daemon that is not started yet."""
    made = Daemon(tmp_path)
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait(DEADLINE_SECONDS)


def test_the_loop_ticks_on_while_the_place_hangs(daemon: Daemon, hook: Webhook) -> None:
    """And the message is counted as sent when the place answers at last."""
    hook.free.clear()
    write_places(daemon.urls, hook.url)
    daemon.start()
    hook.wait_for(requests=1)
    tick = "autoscaler_last_tick_timestamp_seconds"
    sent = 'autoscaler_notifications_total{outcome="sent"}'
    seen: set[float] = set()

    def ticked_on() -> bool:
        seen.add(daemon.metric(tick))
        return len(seen - {0.0}) >= 5

    daemon.wait_until(ticked_on)
    assert (hook.messages, daemon.metric(sent)) == ([], 0.0)
    hook.free.set()
    hook.wait_for(messages=1)
    assert hook.messages[0]["title"] == "web1: autoscaler engine.unavailable"
    daemon.wait_until(lambda: daemon.metric(sent) == 1.0)


def test_nobody_to_be_told_is_told_once_and_so_is_the_recovery(
    daemon: Daemon, hook: Webhook
) -> None:
    """In the log, which shows no address; the next event arrives without a restart."""
    daemon.start()
    daemon.wait_until(lambda: daemon.events("engine.unavailable"))
    daemon.wait_until(lambda: daemon.metric('autoscaler_notifications_total{outcome="failed"}'))
    write_places(daemon.urls, hook.url)
    daemon.spoil_settings()
    hook.wait_for(messages=1)
    assert hook.messages[0]["title"] == "web1: autoscaler config.reload_failed"
    daemon.wait_until(lambda: daemon.events("notify.recovered"))
    (failed,) = daemon.events("notify.failed")
    assert "No such file" in failed["reason"]
    assert "geheim" not in daemon.said()


def test_a_daemon_that_is_told_to_end_sends_what_waits(daemon: Daemon, hook: Webhook) -> None:
    """Within the time it has for its end."""
    write_places(daemon.urls, hook.url)
    with daemon._env.open("a", encoding="utf-8") as file:
        file.write("AUTOSCALER_NOTIFY__EVENTS=daemon.stopped\n")
    daemon.start()
    daemon.wait_until(lambda: daemon.events("engine.unavailable"))
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGTERM)
    hook.wait_for(messages=1)
    assert hook.messages[0]["title"] == "web1: autoscaler daemon.stopped"
    assert daemon.process.wait(DEADLINE_SECONDS) == 0
