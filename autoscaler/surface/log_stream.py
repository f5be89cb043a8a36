"""Where log lines go: to a file descriptor, by a thread of its own.

Whoever logs never waits: a reader of the log that has stopped, a full disk or a closed pipe must
neither hold nor end the daemon. What is lost here stands in history, too.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LINES = 5_000
"""How many lines may wait; later ones are lost and counted."""

CLOSE_SECONDS = 1.0
"""How long the end of the process waits for lines that are still on their way."""


class LogStream:
    """A stream for lines, as far as a logger needs one.

    `lost` is called from the thread with the number of lines that were lost, as soon as lines are
    taken again. It may log.
    """

    def __init__(self, descriptor: int, encoding: str, lost: Callable[[int], None]) -> None:
        self.descriptor = descriptor
        self._encoding = encoding
        self._lost = lost
        self._dropped = 0  # counted by those who log, one at a time
        self._untaken = 0  # counted by the thread
        self._queue: queue.Queue[bytes | threading.Event] = queue.Queue(LINES)
        threading.Thread(target=self._work, name="log", daemon=True).start()
        atexit.register(self.close, CLOSE_SECONDS)

    def write(self, text: str) -> int:
        """Take text on its way."""
        try:
            self._queue.put_nowait(text.encode(self._encoding, errors="backslashreplace"))
        except queue.Full:
            self._dropped += 1
        return len(text)

    def flush(self) -> None:
        """Nothing to do: the thread writes without a delay."""

    def close(self, seconds: float) -> None:
        """Wait at most `seconds` until what was taken is written."""
        written = threading.Event()
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(written)
            written.wait(seconds)

    def _work(self) -> None:
        told = 0
        while True:
            item = self._queue.get()
            if isinstance(item, threading.Event):
                item.set()
            elif not self._take(item):
                self._untaken += 1
            elif (lost := self._dropped + self._untaken) > told:
                self._lost(lost - told)
                told = lost

    def _take(self, data: bytes) -> bool:
        """Write all of it; return whether that could be done."""
        try:
            while data:
                data = data[os.write(self.descriptor, data) :]
        except OSError:
            return False
        return True
