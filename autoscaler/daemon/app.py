"""Puts a daemon together and runs it: lock, history, events, control socket, signals."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import socket

from autoscaler.clock import SystemClock, boot_id
from autoscaler.daemon import single_run
from autoscaler.daemon.archive import HistoryArchive
from autoscaler.daemon.assembly import Assembly
from autoscaler.daemon.commands import UNSTORED
from autoscaler.daemon.controller import Controller, Options, Outside
from autoscaler.daemon.history import History, HistorySink, Limits, NoHistory
from autoscaler.daemon.inbox import Command, HistoryTrouble, Item, Stop
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.lock import InstanceLock
from autoscaler.daemon.ports import Parts
from autoscaler.daemon.stored import Stored, load_in_time, tell
from autoscaler.daemon.telling import Door, Told, Troubled
from autoscaler.engine.events import Watcher
from autoscaler.policy.overrides import Moment
from autoscaler.settings import Loaded, Settings
from autoscaler.settings.http import split_address
from autoscaler.settings.names import variable
from autoscaler.surface.control import ANSWER_SECONDS
from autoscaler.surface.control_socket import ControlSocket
from autoscaler.surface.defects import Defects
from autoscaler.surface.http_server import HttpServer
from autoscaler.surface.notices.apart import deliver_apart
from autoscaler.surface.notices.messenger import Messenger
from autoscaler.surface.notify import Notifier
from autoscaler.surface.requests import Reply, Request
from autoscaler.surface.site import Site
from autoscaler.surface.view import Board

STORE_SECONDS = 1.0
"""How long the answer to a command waits until what it set is on disk."""

CLOSE_SECONDS = 2.0
"""How long the end of the process waits for history, for the event stream, for messages."""


def run_daemon(loaded: Loaded, options: Options, version: str) -> int:
    """Run until a signal, or until things are settled with `once`; return the exit code.

    Raises LockedError if another daemon runs, AutoscalerError if the run directory cannot be used.
    A dry run takes no lock, socket or file and changes nothing.
    """
    notifier = Notifier.take(os.environ)  # before anything could start a child
    faulthandler.enable()  # the watchdog's SIGABRT leaves in the log where each thread was
    settings = loaded.settings
    lock = InstanceLock(
        settings.run_dir,
        {
            variable(("state_dir",)): settings.state_dir,
            variable(("nginx", "directory")): settings.nginx.directory,
        },
    )
    if not options.dry_run:
        with contextlib.suppress(OSError):  # history tells what is wrong with it
            settings.state_dir.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        return _Daemon(loaded, options, notifier, version).run()
    finally:
        lock.release()


class _Daemon:
    """The parts of one process around its controller."""

    def __init__(self, loaded: Loaded, options: Options, notifier: Notifier, version: str) -> None:
        settings = loaded.settings
        self._version = version
        self._settings = settings
        self._options = options
        self._history = self._open_history(settings)
        clock = SystemClock()
        self._journal = Journal(self._history, clock)
        told = Told(self._journal, self._put)
        self._messenger = Messenger(clock, socket.gethostname(), told, send=deliver_apart)
        if not options.dry_run:
            self._messenger.use(settings.notify)
            self._journal.listener = self._messenger
        assembly = Assembly(settings, clock)
        self._stored = self._load(settings)
        board = Board()
        self._listens = () if options.dry_run or options.once else settings.http.listen

        def assemble(new: Settings, before: Parts | None, old: Settings | None) -> Parts:
            self._messenger.use(new.notify)
            if isinstance(self._history, History):
                self._history.use(_limits(new))
            return assembly.parts(new, before, old)

        outside = Outside(
            assemble,
            self._history,
            self._journal,
            boot_id(),
            self._stored.roles,
            notifier=notifier,
            overrides=self._stored.overrides,
            show=board.put if self._listens else None,
        )
        self._controller = Controller(loaded, options, outside)
        self._watcher = Watcher(lambda: assembly.client(settings), self._controller.inbox.put)
        defects = Defects(Troubled(self._journal, self._put).tell)
        door = Door(self._journal, self._put)
        self._control = ControlSocket(
            settings.run_dir, self._ask, defects, door.told, self._controller.work.check
        )
        archive = HistoryArchive(settings.state_dir / "history.db")
        site = Site(board, archive, self._journal.counts, clock, version)
        self._http = HttpServer(site, settings.http.hosts, self._http_failed, defects)

    def _open_history(self, settings: Settings) -> HistorySink:
        if self._options.dry_run:
            return NoHistory()
        path = settings.state_dir / "history.db"
        return History(path, _limits(settings), self._history_trouble)

    def _put(self, item: Item) -> None:
        self._controller.inbox.put(item)

    def _history_trouble(self, text: str | None) -> None:
        self._controller.inbox.put(HistoryTrouble(text))

    def _http_failed(self, address: str, words: str) -> None:
        self._journal.error(
            "http.failed",
            address=address,
            reason=words,
            consequence="scaling goes on; there are no metrics and no page at this address",
            hint=f"free the port, or change {variable(('http', 'listen'))}, then restart",
        )

    def _load(self, settings: Settings) -> Stored:
        """Read what a daemon before this one has left."""
        if self._options.dry_run:
            return Stored()
        clock = self._journal.clock
        now = Moment(clock.monotonic(), clock.wall().timestamp(), boot_id())
        stored = load_in_time(settings.state_dir / "history.db", now)
        for problem in stored.problems:
            self._journal.error(
                "history.unreadable", reason=problem.reason, consequence=problem.consequence
            )
        return stored

    def _ask(self, request: Request) -> Reply:
        """Give a command to the controller; wait for its answer, and for what must be on disk."""
        command = Command(request.verb, request.body, request.by)
        self._controller.inbox.put(command)
        answer = command.reply.get(timeout=ANSWER_SECONDS)
        if answer.record is not None and not answer.record.wait(STORE_SECONDS):
            late = f"it is not on disk after {STORE_SECONDS:g} s; {UNSTORED} until it is"
            return Reply({**answer.reply.body, "warning": late}, answer.reply.code)
        return answer.reply

    def _on_signal(self, number: int, _frame: object) -> None:
        """Only put the wish into the inbox; the controller does the work."""
        if number == signal.SIGHUP:
            self._controller.inbox.put(Command("reload"))
        else:
            self._controller.inbox.put(Stop(signal.Signals(number).name))

    def run(self) -> int:
        """Run the controller in this thread until it ends."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        if isinstance(self._history, History):
            self._history.start()
        if not self._options.dry_run:
            self._messenger.start()
        self._journal.info(
            "daemon.started",
            version=self._version,
            pid=os.getpid(),
            project=self._settings.project,
            roles=sorted(self._settings.roles),
            dry_run=self._options.dry_run,
        )
        tell(self._stored, self._journal, self._history)
        if not self._options.dry_run:
            self._control.start()
            self._http.start([split_address(text) for text in self._listens])
        self._watcher.start()
        try:
            reason = self._controller.run()
            failed = single_run.failed(reason)
            say = self._journal.error if failed else self._journal.info
            say("daemon.stopped", reason=reason)
        except Exception as error:
            # A defect: told where everything else is told, then the process ends with it.
            self._journal.error("daemon.crashed", reason=f"{type(error).__name__}: {error}")
            raise
        finally:
            self._http.stop()
            self._control.stop()
            self._watcher.stop(CLOSE_SECONDS)
            self._messenger.close(CLOSE_SECONDS)
            self._history.close(CLOSE_SECONDS)
        return 1 if failed else 0


def _limits(settings: Settings) -> Limits:
    """Return how much history is kept."""
    return Limits(settings.history_days, settings.history_max_mib)
