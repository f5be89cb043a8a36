"""The thread that tells people: whoever reports an event never waits for it.

What it is told waits in a bounded list. Each place is sent to in a thread of its own and given up
after a while, so that one that hangs holds up neither the others nor the end of the process.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from autoscaler.clock import Clock
from autoscaler.errors import AutoscalerError
from autoscaler.settings.notify import NotifySettings
from autoscaler.surface.notices.delivery import deliver
from autoscaler.surface.notices.pending import Notice, Pending, Selection
from autoscaler.surface.notices.places import Place, read_places
from autoscaler.surface.notices.text import Message, message

FILE = "the file of addresses"


class Teller(Protocol):
    """Tells what became of messages; called from the messenger's thread."""

    def count(self, outcome: str, number: int) -> None:
        """Count messages `sent` or `failed`, one per place, or events `dropped`."""

    def failed(self, place: str, reason: str) -> None:
        """Say that a place cannot be told, once until it can again."""

    def recovered(self, place: str) -> None:
        """Say that a place can be told again."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one place may take, and the waits before it is tried again, in seconds."""

    send_seconds: float = 20.0
    retry_seconds: tuple[float, ...] = (5.0, 20.0)


class Messenger:
    """Collects events and sends them. `offer`, `use` and `start` never block.

    `host` is the name of this host where the settings give none; `send` sends to one place and
    raises AutoscalerError.
    """

    def __init__(
        self,
        clock: Clock,
        host: str,
        teller: Teller,
        patience: Patience | None = None,
        send: Callable[[Place, Message], None] = deliver,
    ) -> None:
        self._clock = clock
        self._host = host
        self._teller = teller
        self._patience = patience or Patience()
        self._send = send
        self._settings = NotifySettings()
        self._selection = Selection(self._settings.events)
        self._pending = Pending(self._settings)
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._failing: set[str] = set()
        self._busy: dict[str, threading.Thread] = {}
        self._thread: threading.Thread | None = None
        self._started = False

    def use(self, settings: NotifySettings) -> None:
        """Go on with these settings; what waits is forgotten when they name no file."""
        with self._changed:
            if settings.events != self._settings.events:
                self._selection = Selection(settings.events)
            self._settings = settings
            self._pending.use(settings)
            if settings.urls_file is None:
                self._pending.clear()
            if self._started:
                self._begin()
            self._changed.notify()

    def start(self) -> None:
        """Begin to send, now or with the first settings that name a file."""
        with self._changed:
            self._started = True
            self._begin()

    def _begin(self) -> None:
        wanted = self._settings.urls_file is not None and not self._stopping.is_set()
        if wanted and self._thread is None:
            self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
            self._thread.start()

    def offer(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """Take an event, which is told if it is one of those that are."""
        with self._changed:
            if self._settings.urls_file is None or self._stopping.is_set():
                return
            notice = self._selection.pick(Notice(self._clock.wall(), level, event, fields))
            if notice is None:
                return
            if not self._pending.add(notice, self._clock.monotonic()):
                self._teller.count("dropped", 1)
            self._changed.notify()

    def close(self, seconds: float) -> None:
        """Send what waits, once, taking at most `seconds`."""
        self._stopping.set()
        with self._changed:
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(seconds)

    def _work(self) -> None:
        self._places()  # tells at the start, not with the first trouble, that nobody can be told
        while (outgoing := self._next()) is not None:
            self._tell(outgoing)

    def _next(self) -> Message | None:
        """Wait until a message may go; None at the end."""
        with self._changed:
            while True:
                due, now = self._pending.due_at(), self._clock.monotonic()
                if due is not None and (now >= due or self._stopping.is_set()):
                    return message(self._pending.take(now), self._settings.host or self._host)
                if self._stopping.is_set():
                    return None
                self._changed.wait(None if due is None else due - now)

    def _places(self) -> tuple[Place, ...]:
        """Read the file anew; what is wrong with it is told like a place that fails."""
        path = self._settings.urls_file
        if path is None:
            return ()
        try:
            places = read_places(path)
        except AutoscalerError as error:
            self._fail(FILE, FILE, str(error))
            return ()
        self._succeed(FILE, FILE)
        urls = {place.url for place in places}
        self._failing &= urls
        self._busy = {url: t for url, t in self._busy.items() if url in urls or t.is_alive()}
        return places

    def _tell(self, outgoing: Message) -> None:
        """Send to every place; try one that has just begun to fail again, a few times."""
        places = self._places()
        if not places and self._settings.urls_file is not None:
            self._teller.count("failed", 1)
        first: dict[Place, str] = {}
        for wait in (*self._patience.retry_seconds, None):
            known = {place.url for place in places if place.url in self._failing}
            reasons = self._attempt(places, outgoing)
            again = tuple(p for p in reasons if wait is not None and p.url not in known)
            for place, reason in reasons.items():
                if place not in again:
                    self._teller.count("failed", 1)
                    self._fail(place.url, str(place), first.get(place, reason))
            first = reasons | first
            if not again or wait is None:
                return
            if self._stopping.wait(wait):
                self._teller.count("failed", len(again))
                return
            places = again

    def _attempt(self, places: tuple[Place, ...], outgoing: Message) -> dict[Place, str]:
        """Send to all places side by side; return the reasons of those that failed."""
        answers: queue.SimpleQueue[tuple[Place, str]] = queue.SimpleQueue()
        waiting: set[Place] = set()
        reasons: dict[Place, str] = {}
        for place in places:
            stuck = self._busy.get(place.url)
            if stuck is not None and stuck.is_alive():
                reasons[place] = "it has not answered to an earlier message yet"
                continue
            thread = threading.Thread(
                target=partial(self._one, place, outgoing, answers), name="notify-send", daemon=True
            )
            self._busy[place.url] = thread
            thread.start()
            waiting.add(place)
        end = self._clock.monotonic() + self._patience.send_seconds
        while waiting:
            try:
                place, reason = answers.get(timeout=max(0.0, end - self._clock.monotonic()))
            except queue.Empty:
                late = f"no answer within {self._patience.send_seconds:g} s"
                return reasons | dict.fromkeys(waiting, late)
            waiting.discard(place)
            del self._busy[place.url]
            if reason:
                reasons[place] = reason
            else:
                self._teller.count("sent", 1)
                self._succeed(place.url, str(place))
        return reasons

    def _one(
        self,
        place: Place,
        outgoing: Message,
        answers: queue.SimpleQueue[tuple[Place, str]],
    ) -> None:
        try:
            self._send(place, outgoing)
        except AutoscalerError as error:
            answers.put((place, str(error) or "it failed"))
        else:
            answers.put((place, ""))

    def _fail(self, key: str, shown: str, reason: str) -> None:
        if key not in self._failing:
            self._failing.add(key)
            self._teller.failed(shown, reason)

    def _succeed(self, key: str, shown: str) -> None:
        if key in self._failing:
            self._failing.discard(key)
            self._teller.recovered(shown)
