"""What the controller is busy with, watched from another thread: a loop that hangs tells nothing.

The watchdog ends such a loop; this says before it, in one event, where it was and for how long.
"""

from __future__ import annotations

import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import PurePath

from autoscaler.daemon.inbox import Command, HistoryTrouble, Item, Stop, Tick
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.worker import Done
from autoscaler.events import EngineEvent

STUCK_SECONDS = 10.0
"""An item takes under 0.1 s; the watchdog of the shipped unit strikes after 30 s."""


@dataclass(frozen=True, slots=True)
class _Doing:
    """An item in hand since `began` (monotonic seconds), None for what is due by time alone."""

    item: Item | None
    began: float
    thread: int


class Work:
    """The controller's thread says what it takes up; whoever calls `check` tells if that hangs."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._doing: _Doing | None = None
        self._told: _Doing | None = None

    def begin(self, item: Item | None) -> None:
        """Note that this item is being handled from now on."""
        began = self._journal.clock.monotonic()
        self._doing = _Doing(item, began, threading.get_ident())

    def end(self) -> None:
        """Note that it has been handled."""
        self._doing = None

    def check(self) -> None:
        """Tell, once for each item, that it hangs, and that it is over. For one other thread."""
        now = self._journal.clock.monotonic()
        doing, told = self._doing, self._told
        if told is not None and doing is not told:
            self._told = None
            self._journal.info(
                "daemon.recovered",
                reason=f"the loop has gone on after {_words(told.item)}",
                seconds=round(now - told.began, 1),
            )
        if doing is None or doing is self._told or now - doing.began < STUCK_SECONDS:
            return
        self._told = doing
        self._journal.error(
            "daemon.stuck",
            reason=f"the loop is still busy with {_words(doing.item)}",
            seconds=round(now - doing.began, 1),
            place=_place(doing.thread),
            consequence="nothing is decided, started or stopped; systemd's watchdog ends the "
            "daemon if it goes on, and starts it anew without stopping a member",
            hint="this is a defect of autoscaler: report it with this line",
        )


def _words(item: Item | None) -> str:
    """Say what an item is."""
    words = "what was due by time"
    match item:
        case Tick():
            words = "a tick"
        case Stop(reason):
            words = f"the end ({reason})"
        case HistoryTrouble():
            words = "history's trouble"
        case Command(verb):
            words = f"the command {verb}"
        case Done(name):
            words = f"what came of {name!r}"
        case EngineEvent(kind, _, name):
            words = f"the engine's event {kind.value} {name}".rstrip()
    return words


def _place(thread: int) -> str:
    """Return the line where a thread is, and from which line of this program; reads no file."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - documented, for just this
    lines: list[str] = []
    for one, number in traceback.walk_stack(frame) if frame is not None else ():
        ours = str(one.f_globals.get("__name__", "")).startswith("autoscaler.")
        if ours or not lines:
            name = PurePath(one.f_code.co_filename).name
            lines.append(f"{name}:{number} in {one.f_code.co_name}")
        if ours:
            break
    return ", from ".join(lines)
