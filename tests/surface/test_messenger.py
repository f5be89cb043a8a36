"""Messages to a real webhook on loopback that answers, refuses, hangs or is not there."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autoscaler.clock import SystemClock
from autoscaler.settings.notify import NotifySettings
from autoscaler.surface.notices.messenger import FILE, Messenger, Patience
from autoscaler.surface.notices.pending import QUEUE_LIMIT
from tests.surface.webhook import WAIT_SECONDS, Webhook, write_places

AT_ONCE = {"batch": 0, "min_interval": 0, "per_hour": 3600}
PATIENCE = Patience(send_seconds=WAIT_SECONDS, retry_seconds=(0.05, 0.05))
IMPATIENCE = Patience(send_seconds=2.0, retry_seconds=(0.05, 0.05))
"""For a place that hangs; long enough for the one beside it."""

LOOP_SECONDS = 0.1
"""What the controller may be kept from its work."""


class Told:
    """What became of messages."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.said: list[tuple[str, ...]] = []
        self._changed = threading.Condition()

    def count(self, outcome: str, number: int) -> None:
        """Count."""
        with self._changed:
            self.counts[outcome] += number
            self._changed.notify_all()

    def failed(self, place: str, reason: str) -> None:
        """Note a failure."""
        self._say("failed", place, reason)

    def recovered(self, place: str) -> None:
        """Note a recovery."""
        self._say("recovered", place)

    def _say(self, *words: str) -> None:
        with self._changed:
            self.said.append(words)
            self._changed.notify_all()

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Wait for a condition."""
        with self._changed:
            assert self._changed.wait_for(true, WAIT_SECONDS), (self.counts, self.said)


class Desk:
    """A messenger, what it tells, and two places."""

    def __init__(self, folder: Path) -> None:
        self.told = Told()
        self.hook, self.other = Webhook(), Webhook()
        self.file = write_places(folder / "urls", self.hook.url)
        self.messenger = Messenger(SystemClock(), "web1", self.told, PATIENCE)

    def start(self, **settings: Any) -> None:  # noqa: ANN401 - any setting
        """Begin with these settings."""
        self.messenger.use(NotifySettings(**AT_ONCE | {"urls_file": self.file} | settings))
        self.messenger.start()

    def event(self, event: str = "engine.unavailable") -> None:
        """Report an event, which may take no time."""
        began = time.monotonic()
        self.messenger.offer("error", event, {"reason": "gone"})
        assert time.monotonic() - began < LOOP_SECONDS

    def close(self) -> None:
        """End all of it."""
        self.messenger.close(0.0)
        self.hook.close()
        self.other.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk that sends to one place."""
    made = Desk(tmp_path)
    yield made
    made.close()


def test_an_event_arrives_with_host_and_reason(desk: Desk) -> None:
    """At the webhook, and is counted."""
    desk.start()
    desk.event()
    desk.hook.wait_for(messages=1)
    (message,) = desk.hook.messages
    assert message["title"] == "web1: autoscaler engine.unavailable"
    assert message["message"].endswith("Z engine.unavailable: gone")
    assert message["type"] == "failure"
    desk.told.wait_until(lambda: desk.told.counts == {"sent": 1})


def test_a_place_that_hangs_keeps_nobody_waiting_and_the_queue_is_bounded(desk: Desk) -> None:
    """Thousands of events while it hangs: each is taken at once, what does not fit is counted."""
    desk.hook.free.clear()
    desk.messenger._patience = IMPATIENCE
    desk.start()
    desk.event()
    desk.hook.wait_for(requests=1)
    desk.messenger.use(NotifySettings(urls_file=desk.file, batch=3600))
    began = time.monotonic()
    for _ in range(QUEUE_LIMIT + 3000):
        desk.messenger.offer("error", "engine.unavailable", {"reason": "gone"})
    assert time.monotonic() - began < 2.0
    assert desk.told.counts["dropped"] == 3000
    assert len(desk.messenger._pending) == QUEUE_LIMIT
    desk.told.wait_until(lambda: desk.told.counts["failed"] == 1)


def test_a_place_that_hangs_has_one_thread_and_the_others_are_told(desk: Desk) -> None:
    """Each message waits for it for a bounded time, and not at all while it still hangs."""
    desk.hook.free.clear()
    desk.messenger._patience = IMPATIENCE
    write_places(desk.file, desk.hook.url, desk.other.url)
    desk.start()
    for number in range(1, 4):
        desk.event()
        desk.other.wait_for(messages=number)
        desk.told.wait_until(lambda number=number: desk.told.counts["failed"] == number)  # type: ignore[misc]
    assert desk.hook.requests == 1
    assert sum(t.name == "notify-send" for t in threading.enumerate()) == 1
    assert desk.told.said == [("failed", "line 1 (json)", "no answer within 2 s")]


def test_a_place_that_refuses_is_tried_a_few_times_and_told_once(desk: Desk) -> None:
    """The first time; while it goes on failing each message is tried once. Then it recovers."""
    desk.hook.answer = 500
    desk.start()
    for number in (1, 2):
        desk.event()
        desk.told.wait_until(lambda number=number: desk.told.counts["failed"] == number)  # type: ignore[misc]
    assert desk.hook.requests == 1 + len(PATIENCE.retry_seconds) + 1
    desk.hook.answer = 200
    desk.event()
    desk.told.wait_until(lambda: desk.told.counts["sent"] == 1)
    desk.told.wait_until(lambda: len(desk.told.said) == 2)
    failed, recovered = desk.told.said
    assert failed[:2] == ("failed", "line 1 (json)")
    assert "500" in failed[2]
    assert recovered == ("recovered", "line 1 (json)")
    assert len(desk.hook.messages) == 1


def test_a_place_that_is_not_there_is_told_without_its_address(desk: Desk) -> None:
    """By its line and kind."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        write_places(desk.file, f"json://someone:geheim@127.0.0.1:{port}/geheim")
        desk.start()
        desk.event()
        desk.told.wait_until(lambda: desk.told.counts["failed"] == 1)
    ((_, place, reason),) = desk.told.said
    assert place == "line 1 (json)"
    assert "onnection error" in reason
    assert not any(part in reason for part in ("geheim", "someone", str(port)))


def test_a_place_that_fails_for_a_moment_gets_its_message(desk: Desk) -> None:
    """By being tried again; nothing is told of it."""
    desk.messenger._patience = Patience(send_seconds=5.0, retry_seconds=(0.3,))
    desk.hook.answer = 503
    desk.start()
    desk.event()
    desk.hook.wait_for(requests=1)
    desk.hook.answer = 200
    desk.told.wait_until(lambda: desk.told.counts == {"sent": 1})
    assert desk.told.said == []


def test_a_missing_file_is_told_at_the_start_and_works_once_it_is_there(desk: Desk) -> None:
    """Not only with the first trouble; no restart is needed."""
    content = desk.file.read_text(encoding="utf-8")
    desk.file.unlink()
    desk.start()
    desk.told.wait_until(lambda: len(desk.told.said) == 1)
    assert desk.told.said[0][:2] == ("failed", FILE)
    desk.file.write_text(content, encoding="utf-8")
    desk.event()
    desk.hook.wait_for(messages=1)
    assert desk.told.said[1:] == [("recovered", FILE)]


def test_what_waits_is_sent_at_the_end(desk: Desk) -> None:
    """A daemon that crashes says so, whatever its limits."""
    desk.start(batch=3600)
    desk.event("daemon.crashed")
    desk.messenger.close(WAIT_SECONDS)
    assert [m["title"] for m in desk.hook.messages] == ["web1: autoscaler daemon.crashed"]


def test_a_place_that_hangs_does_not_hold_up_the_end(desk: Desk) -> None:
    """It is waited for as long as told."""
    desk.hook.free.clear()
    desk.messenger._patience = Patience(send_seconds=60.0)
    desk.start()
    desk.event()
    desk.hook.wait_for(requests=1)
    began = time.monotonic()
    desk.messenger.close(0.2)
    assert time.monotonic() - began < 2.0


def test_settings_may_come_and_go(desk: Desk) -> None:
    """A reload that names a file begins it, one without ends it."""
    desk.messenger.use(NotifySettings())
    desk.messenger.start()
    desk.event()
    desk.messenger.use(NotifySettings(urls_file=desk.file, **AT_ONCE))  # type: ignore[arg-type]
    desk.event("history.failed")
    desk.hook.wait_for(messages=1)
    desk.messenger.use(NotifySettings())
    desk.event()
    assert len(desk.messenger._pending) == 0
    assert [m["title"] for m in desk.hook.messages] == ["web1: autoscaler history.failed"]


def test_a_daemon_that_tells_nobody_does_not_carry_the_library() -> None:
    """It is imported with the first message."""
    code = "import autoscaler.daemon.app, sys; sys.exit('apprise' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
