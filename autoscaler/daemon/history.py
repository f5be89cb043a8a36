"""The daemon's memory on disk, written by a thread of its own so that a slow disk delays nothing.

What goes in is queued; what must be on record before something is done returns a `Record` to wait
for. If the file cannot be opened or written, scaling goes on and the trouble is told once.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from autoscaler.daemon.database import is_damage, open_history, prune, put_aside
from autoscaler.errors import AutoscalerError
from autoscaler.files import identity

QUEUE_LIMIT = 10_000
"""Statements that may wait; beyond that new ones are dropped and counted."""

RETRY_SECONDS = 30.0
"""How long after a failure the file is tried again."""

HANG_SECONDS = 5.0
"""How long the file may take for one batch before it counts as hanging."""

PRUNE_SECONDS = 3600.0
"""How often old rows are removed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept: days and MiB of the file."""

    days: int
    max_mib: int


@dataclass(slots=True)
class Record:
    """Statements on their way to the disk; `wait` tells whether they arrived in time."""

    statements: tuple[tuple[str, tuple[object, ...]], ...]
    done: threading.Event = field(default_factory=threading.Event)
    stored: bool = False

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds`; return whether the record is on disk."""
        return self.done.wait(seconds) and self.stored


def wait_for_all(records: Iterable[Record], seconds: float) -> bool:
    """Wait at most `seconds` for all records together; return whether all are on disk."""
    end = time.monotonic() + seconds
    return all(record.wait(max(0.0, end - time.monotonic())) for record in records)


class HistorySink(Protocol):
    """Takes statements for the disk."""

    def write(self, statements: Iterable[tuple[str, tuple[object, ...]]]) -> Record:
        """Queue statements that belong together; they are stored in one transaction."""

    def close(self, seconds: float) -> None:
        """Store what is queued, waiting at most `seconds`."""


class NoHistory:
    """Keeps nothing: for a dry run, which must leave no file."""

    def write(self, statements: Iterable[tuple[str, tuple[object, ...]]]) -> Record:
        """Forget the statements."""
        record = Record(tuple(statements), stored=True)
        record.done.set()
        return record

    def close(self, seconds: float) -> None:
        """Nothing is queued."""


class History:
    """The queue and the thread before one SQLite file.

    `trouble` is called, from the history thread or from that of a writer, with a sentence when
    storing fails or hangs, once for a run of failures, and with None when it works again.
    """

    def __init__(self, path: Path, limits: Limits, trouble: Callable[[str | None], None]) -> None:
        self.path = path
        self._limits = limits
        self._trouble = trouble
        self._queue: queue.Queue[Record | None] = queue.Queue(QUEUE_LIMIT)
        self._stopping = threading.Event()
        self._telling = threading.Lock()
        self._failing = False
        self._aside = False
        self._kept: list[Record] | None = None
        self._busy_since: float | None = None
        self.dropped = 0
        self._thread = threading.Thread(target=self._work, name="history", daemon=True)

    def start(self) -> None:
        """Start the thread; the file is opened there."""
        self._thread.start()

    def use(self, limits: Limits) -> None:
        """Keep this much from now on; what is too old or too much goes within `PRUNE_SECONDS`."""
        self._limits = limits

    def write(self, statements: Iterable[tuple[str, tuple[object, ...]]]) -> Record:
        """Queue statements; when the queue is full they are dropped and counted."""
        self._tell_of_hang()
        record = Record(tuple(statements))
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1
            record.done.set()
        return record

    def close(self, seconds: float) -> None:
        """Store what is queued, waiting at most `seconds`, and end the thread."""
        self._stopping.set()
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(seconds)

    def _work(self) -> None:
        while not self._stopping.is_set() or self._kept or not self._queue.empty():
            try:
                self._busy_since = time.monotonic()
                self._serve(open_history(self.path), identity(self.path))
            except _ReplacedError:
                self._fail(
                    f"{self.path} was removed or replaced by somebody; it is begun anew, and what "
                    "is in force is stored again"
                )
            except (sqlite3.Error, OSError, AutoscalerError, ValueError, OverflowError) as error:
                # The last two are of values SQLite cannot hold, as half a surrogate pair.
                self._busy_since = None
                if self._begun_anew(error):
                    continue
                self._fail(f"cannot store history in {self.path}: {error}")
                if self._stopping.is_set():
                    return
                self._drop_for(RETRY_SECONDS)

    def _begun_anew(self, error: Exception) -> bool:
        """Put a file aside that turns out to be damaged, once in a run of failures."""
        if self._aside or not is_damage(error):
            return False
        try:
            put_aside(self.path)
        except OSError:
            return False
        self._aside = True
        self._fail(
            f"{self.path} is damaged ({error}); it is kept as {self.path.name}.damaged and a new "
            "one begun"
        )
        return True

    def _tell_of_hang(self) -> None:
        """Tell if what the thread is doing takes too long: a hanging disk raises no error."""
        since = self._busy_since
        if since is not None and time.monotonic() - since > HANG_SECONDS:
            self._fail(f"{self.path} has taken no record for {HANG_SECONDS:g} s: the disk hangs")

    def _serve(self, database: sqlite3.Connection, opened: tuple[int, int] | None) -> None:
        """Store records until the end; raises when the file fails or is not the one `opened`."""
        try:
            while True:
                limits = self._limits
                prune(database, limits.days, limits.max_mib)
                if not self._store_for(database, opened, PRUNE_SECONDS):
                    return
        finally:
            database.close()

    def _store_for(
        self, database: sqlite3.Connection, opened: tuple[int, int] | None, seconds: float
    ) -> bool:
        """Store records for about `seconds` or until told to end; return whether to go on.

        SQLite writes on into a file that was removed, where nobody will ever read.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            batch, self._kept = self._kept or self._batch(), None
            if batch is None:
                return False
            if batch and identity(self.path) != opened:
                self._kept = batch
                raise _ReplacedError
            self._store(database, batch)
        return True

    def _batch(self) -> list[Record] | None:
        """Wait for a record and take all that wait with it; None at the end."""
        self._busy_since = None
        try:
            first = self._queue.get(timeout=0.0 if self._stopping.is_set() else 60.0)
        except queue.Empty:
            return None if self._stopping.is_set() else []
        self._busy_since = time.monotonic()
        batch = [first]
        while len(batch) < 500:  # noqa: PLR2004 - bounds one transaction
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return [r for r in batch if r is not None]

    def _store(self, database: sqlite3.Connection, batch: list[Record]) -> None:
        try:
            with database:
                for record in batch:
                    for statement, values in record.statements:
                        database.execute(statement, values)
        except BaseException:  # whatever ends this thread, nobody may wait for it for ever
            for record in batch:
                record.done.set()
            raise
        for record in batch:
            record.stored = True
            record.done.set()
        self._busy_since = None
        self._aside = False
        with self._telling:
            if self._failing:
                self._failing = False
                self._trouble(None)

    def _fail(self, text: str) -> None:
        with self._telling:
            if not self._failing:
                self._failing = True
                self._trouble(text)

    def _drop_for(self, seconds: float) -> None:
        """Let go of what comes in while the file cannot be used, so that nobody waits for it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._stopping.is_set():
            try:
                record = self._queue.get(timeout=0.5)
            except queue.Empty:
                continue
            if record is not None:
                self.dropped += 1
                record.done.set()


class _ReplacedError(Exception):
    """The file is not the one that was opened any more."""
