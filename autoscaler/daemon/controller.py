"""The one thread that owns all state: it takes items from the inbox, one at a time.

Nothing in here blocks: what can is a job for a pool and comes back as an item.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoscaler.daemon.actions import Actions
from autoscaler.daemon.commands import Commands
from autoscaler.daemon.deciding import Deciding
from autoscaler.daemon.frozen import Freezing
from autoscaler.daemon.hearing import Hearing
from autoscaler.daemon.history import HistorySink
from autoscaler.daemon.inbox import Command, HistoryTrouble, Inbox, Item, Stop, Tick
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.looking import Looking
from autoscaler.daemon.observing import Observing
from autoscaler.daemon.outages import Outages
from autoscaler.daemon.overriding import Overriding
from autoscaler.daemon.ports import Parts
from autoscaler.daemon.publishing import Publishing
from autoscaler.daemon.readiness import Readiness
from autoscaler.daemon.reconcile import Reconciler
from autoscaler.daemon.reloading import Reloading
from autoscaler.daemon.report import heartbeat
from autoscaler.daemon.roles import Now, make_role
from autoscaler.daemon.schema import RoleRecord
from autoscaler.daemon.service import Service
from autoscaler.daemon.single_run import SingleRun
from autoscaler.daemon.state import State
from autoscaler.daemon.ticker import Ticker
from autoscaler.daemon.viewing import view
from autoscaler.daemon.work import Work
from autoscaler.daemon.worker import Done, Pool
from autoscaler.events import EngineEvent
from autoscaler.policy.overrides import Moment, Override
from autoscaler.settings import Loaded, Settings
from autoscaler.surface.notify import Notifier
from autoscaler.surface.view import View

LATE_INTERVALS = 1.5
"""A tick that has not come after so many intervals is done by the controller itself."""

FINISH_SECONDS = 2.0
"""How long the end of the process waits for a publish under way."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the daemon was started. `env_file` is read again at a reload."""

    env_file: Path | None
    once: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Outside:
    """What the controller is given: its parts are made anew when settings change.

    `make_pool` makes a pool from its size, where finished jobs go, and its name. `notifier` speaks
    to the service manager. `show` takes a view of the state whenever it may have changed.
    """

    assemble: Callable[[Settings, Parts | None, Settings | None], Parts]
    history: HistorySink
    journal: Journal
    boot_id: str
    stored: Mapping[str, RoleRecord]
    make_pool: Callable[[int, Callable[[Done], None], str], Pool] = Pool
    notifier: Notifier = field(default_factory=Notifier)
    overrides: Iterable[Override] = ()
    show: Callable[[View], None] | None = None


class Controller:
    """Runs until told to stop."""

    def __init__(self, loaded: Loaded, options: Options, outside: Outside) -> None:
        settings = loaded.settings
        self.inbox: Inbox = queue.SimpleQueue()
        self._options = options
        self._journal = outside.journal
        self.work = Work(outside.journal)
        self._clock = outside.journal.clock
        self._history = outside.history
        now = Now.of(self._clock, outside.boot_id)
        self.state = State(settings, started_wall=self._journal.now_text())
        for name in settings.roles:
            role = make_role(name, settings, outside.stored.get(name), now)
            self.state.roles[name] = role
        core = outside.make_pool(4, self.inbox.put, "core")
        probes = outside.make_pool(8, self.inbox.put, "probe")
        slow = outside.make_pool(settings.workers, self.inbox.put, "action")
        journal, state = self._journal, self.state
        self._looking = Looking(state, journal)
        deciding = Deciding(state, journal, outside.history, dry_run=options.dry_run)
        self._observing = Observing(state, journal, core, self._looking, deciding)
        self._hearing = Hearing(state, self._looking, self._observing)
        self._readiness = Readiness(state, journal, probes)
        actions = Actions(journal, outside.history, slow, self._observing.look)
        self._publishing = Publishing(state, journal, actions, core)
        self._reconciler = Reconciler(state, journal, outside.history, actions, outside.boot_id)
        self._reloading = Reloading(options.env_file, state, journal, now.boot_id)
        self._outages = Outages(state, journal)
        self._service = Service(outside.notifier, state)
        self._overriding = Overriding(state, journal, outside.history, now.boot_id)
        self._overriding.begin(outside.overrides)
        self._freezing = Freezing(state, journal, core, self._overriding)
        self._commands = Commands(
            state, self._overriding, self._reloading, self._service, self._apply
        )
        self._assemble = outside.assemble
        self._show = outside.show
        self._parts = outside.assemble(settings, None, None)
        self._ticker = Ticker(lambda: self.inbox.put(Tick()), settings.interval)
        self._beat_at = self._ticked_at = self._clock.monotonic()
        self._single = SingleRun(state, self._ticked_at, dry=options.dry_run)
        self._stopping: str | None = None
        self._boot_id = now.boot_id

    def run(self) -> str:
        """Take items until a Stop; return its reason."""
        self._ticker.start()
        self.begin()
        while self._stopping is None:
            self.take(self._next_item())
        self._service.stopping(self._stopping)
        self._ticker.stop()
        self._finish_publish()
        return self._stopping

    def begin(self) -> None:
        """Look at the world for the first time."""
        self.work.begin(Tick())
        self._observing.use(self._parts)
        self._freezing.begin()
        self._tick()
        self._update()
        self.work.end()

    def take(self, item: Item | None) -> None:
        """Handle one item (None: something is due by time) and begin what follows from it."""
        self.work.begin(item)
        self._take(item)
        self.work.end()

    def _take(self, item: Item | None) -> None:
        if not self._handle(item):
            return
        self._overriding.expire(self._clock.monotonic())
        if self._stopping is None:
            self._reconcile()
            self._update()

    def _update(self) -> None:
        """Tell the service manager and the HTTP server how things stand."""
        self._service.update(self._clock.monotonic())
        if self._show is not None:
            self._show(view(self.state, self._moment()))

    def _finish_publish(self) -> None:
        """Let a publish under way end: half of one would be left to NGINX's next start."""
        end = self._clock.monotonic() + FINISH_SECONDS
        while self.state.publication.busy and (left := end - self._clock.monotonic()) > 0:
            try:
                item = self.inbox.get(timeout=left)
            except queue.Empty:
                return
            if isinstance(item, Done):
                item.deliver()

    def _next_item(self) -> Item | None:
        """Wait for an item until something is due by time alone."""
        now = self._clock.monotonic()
        tick_deadline = self._ticked_at + LATE_INTERVALS * self._ticker.interval
        if now >= tick_deadline:
            self._journal.debug("tick.late", reason="the schedule was late; it is made anew")
            self._ticker.renew()
            return Tick()
        due = [tick_deadline, self._service.next_at(), *self._due(now)]
        try:
            return self.inbox.get(timeout=max(0.0, min(due) - now))
        except queue.Empty:
            return None

    def _due(self, now: float) -> list[float]:
        times = [self._overriding.next_at(), self._outages.next_at(now)]
        if self.state.engine_up:
            times.append(self._readiness.next_at())
            if not self._options.dry_run:
                times += [self._publishing.next_at(), self._reconciler.next_at(now)]
        return [t for t in times if t is not None]

    def _handle(self, item: Item | None) -> bool:
        if isinstance(item, Done):
            return item.deliver()
        if isinstance(item, Tick):
            self._tick()
        elif isinstance(item, EngineEvent):
            self._hearing.event(item, self._parts, self._clock.monotonic())
        elif isinstance(item, Command):
            self._command(item)
        elif isinstance(item, HistoryTrouble):
            self._history_trouble(item)
        elif isinstance(item, Stop):
            self._stopping = item.reason
        return True

    def _tick(self) -> None:
        now = self._clock.monotonic()
        self._ticked_at = self.state.ticked_at = now
        self._freezing.look()
        self._observing.look(sample=True)
        if now - self._beat_at >= self.state.settings.heartbeat:
            self._beat_at = now
            self._journal.info("daemon.heartbeat", **heartbeat(self.state))
        if self._options.once:
            self._stopping = self._single.ended(self._observing.rounds, now)

    def _command(self, command: Command) -> None:
        if self._commands.answer(command, self._moment()):
            self._observing.look(sample=True)

    def _moment(self) -> Moment:
        clock = self._clock
        return Moment(clock.monotonic(), clock.wall().timestamp(), self._boot_id)

    def _apply(self, old: Settings) -> None:
        """Use the settings that a reload has put into the state instead of `old`."""
        settings = self.state.settings
        self._parts = self._assemble(settings, self._parts, old)
        self._observing.use(self._parts)
        self._overriding.apply()
        if settings.interval != old.interval:
            self._ticker.renew(settings.interval)
        self._observing.look()

    def _history_trouble(self, trouble: HistoryTrouble) -> None:
        self.state.history_trouble = trouble.text
        if trouble.text is None:
            for role in self.state.roles.values():
                role.stored = None  # what was said meanwhile is not on disk
            self._overriding.store()
            self._journal.info("history.recovered", reason="history is stored again")
        else:
            self._journal.error(
                "history.failed",
                reason=trouble.text,
                consequence="scaling goes on; what happens now will be missing from history",
            )

    def _reconcile(self) -> None:
        now = self._clock.monotonic()
        if self.state.engine_up:
            self._looking.settle(now)
            self._readiness.update(self._parts, now)
        if self._options.dry_run:
            self._reconciler.plan_only(self._publishing, now)
        else:
            self._reconciler.update(self._parts, self._publishing, self._looking, now)
        self._outages.update(now)
