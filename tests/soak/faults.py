"""Does the faults of a plan to a stack, and says of each what it may cost.

A fault that is not possible now (no such member, another one of its family under way) is put off.
"""

from __future__ import annotations

import contextlib
import math
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection
from typing import Any

from docker.errors import APIError, NotFound

from autoscaler.daemon.history import RETRY_SECONDS
from tests.e2e.harness import Host
from tests.soak import hooks
from tests.soak.hands import STOP_SECONDS, Hands
from tests.soak.invariants import Checker
from tests.soak.plan import ROLES, Fault, Kind
from tests.soak.troubles import ANYTHING, BAD_GATEWAY, NO_ANSWER, NO_MEMBER, Trouble
from tests.soak.watch import Knowledge, Watch

Heal = Callable[[], None]
ALL = frozenset(ROLES)
BROKEN_FILE = "zz-somebody-else.conf"
PATIENCE_SECONDS = 10.0
OF_NGINX = frozenset({Kind.NGINX_RESTARTED, Kind.NGINX_KILLED, Kind.NGINX_BROKEN})


class NotNowError(Exception):
    """The fault is not possible at this moment."""


class Faults:
    """Injects; `inject` returns what ends the fault, for those that last."""

    def __init__(self, host: Host, watch: Watch, checker: Checker, knowledge: Knowledge) -> None:
        self._host = host
        self._stack = host.stack
        self._watch = watch
        self._checker = checker
        self._knowledge = knowledge
        self._hands = Hands(host.stack)
        self.daemon_is_down = False
        self._ways: dict[Kind, Callable[[Fault], Heal | None]] = {
            Kind.MEMBER_KILLED: self._kill,
            Kind.MEMBER_SICK: self._sicken,
            Kind.MEMBER_PAUSED: self._pause,
            Kind.MEMBER_STOPPED: self._stop,
            Kind.MEMBER_STOPPED_AND_STARTED: self._stop_and_start,
            Kind.MEMBER_STARTED: self._start,
            Kind.MEMBER_RESTARTED: self._restart,
            Kind.MEMBER_CUT_OFF: self._cut_off,
            Kind.MEMBER_RECREATED: self._recreate,
            Kind.ROLE_STOPPED: self._stop_role,
            Kind.HOOK_FAILS: self._spoil_hook,
            Kind.HOOK_HANGS: self._spoil_hook,
            Kind.SPARE_NEVER_HEALTHY: self._dull,
            Kind.SPARE_REMOVED: self._remove,
            Kind.NGINX_RESTARTED: self._restart_nginx,
            Kind.NGINX_KILLED: self._kill_nginx,
            Kind.NGINX_BROKEN: self._break_nginx,
            Kind.DAEMON_KILLED: self._end_daemon,
            Kind.DAEMON_TERMINATED: self._end_daemon,
            Kind.RELOAD_GOOD: self._change_bounds,
            Kind.RELOAD_BAD: self._reload_nonsense,
            Kind.HISTORY_LOCKED: self._lock_history,
        }

    def inject(self, fault: Fault) -> Heal | None:
        """Do a fault; raises NotNowError if it is not possible now."""
        try:
            return self._ways[fault.kind](fault)
        except (APIError, NotFound) as error:  # the daemon did something at the same moment
            raise NotNowError(str(error)) from error

    # Members

    def _kill(self, fault: Fault) -> None:
        name = self._pick(fault, running=True)
        self._at_once(fault, name, lambda: self._stack.kill(name))

    def _stop(self, fault: Fault) -> None:
        name = self._pick(fault, running=True)
        self._at_once(fault, name, lambda: self._stack.stop(name, STOP_SECONDS))

    def _restart(self, fault: Fault) -> None:
        name = self._pick(fault, running=True)
        container = self._stack.container(name)
        self._at_once(fault, name, lambda: container.restart(timeout=STOP_SECONDS))

    def _recreate(self, fault: Fault) -> None:
        name = self._pick(fault, running=True)
        self._at_once(fault, name, lambda: self._hands.recreate(name))

    def _at_once(self, fault: Fault, name: str, act: Callable[[], object]) -> None:
        """Do something to a running member that ends its requests and is over at once."""
        trouble = self._trouble(fault, name, failures=BAD_GATEWAY, hurts=True, overfull=True)
        self._act(trouble, (name,), act)
        trouble.ended = trouble.injected

    def _stop_and_start(self, fault: Fault) -> Heal:
        name = self._pick(fault, running=True)
        trouble = self._trouble(fault, name, failures=BAD_GATEWAY, hurts=True)
        self._act(trouble, (name,), lambda: self._stack.stop(name, STOP_SECONDS))

        def heal() -> None:
            trouble.ended = time.monotonic()
            again = self._trouble(fault, name, overfull=True, hurts=trouble.closed is None)
            self._act(again, (name,), lambda: self._stack.start(name))
            again.ended = again.injected

        return heal

    def _stop_role(self, fault: Fault) -> None:
        names = self._running(fault.role)
        if not names:
            raise NotNowError("nothing runs")
        trouble = self._trouble(fault, failures=BAD_GATEWAY, hurts=True)
        self._act(trouble, names, lambda: self._stop_all(names))
        trouble.ended = trouble.injected

    def _stop_all(self, names: Sequence[str]) -> None:
        for name in names:
            self._stack.stop(name, STOP_SECONDS)

    def _start(self, fault: Fault) -> None:
        name = self._pick(fault, running=False)
        trouble = self._trouble(fault, name, overfull=True)
        self._act(trouble, (name,), lambda: self._stack.start(name))
        trouble.ended = trouble.injected

    def _pause(self, fault: Fault) -> Heal:
        name = self._pick(fault, running=True)
        container = self._stack.container(name)
        trouble = self._trouble(fault, name, failures=NO_ANSWER, hurts=True)
        kept = self._trouble(fault, keeps=True)  # nothing runs in a paused member, nor does a hook
        try:
            self._act(trouble, (name,), container.pause)
        finally:
            kept.injected, kept.ended = trouble.injected, trouble.ended

        def heal() -> None:
            with self._knowledge.by_hand(name), contextlib.suppress(APIError):
                container.unpause()
            trouble.ended = kept.ended = time.monotonic()

        return heal

    def _sicken(self, fault: Fault) -> Heal:
        name = self._pick(fault, running=True)
        trouble = self._trouble(fault, name, failures=NO_MEMBER, hurts=True)
        spec = self._stack.roles[fault.role]

        def act() -> None:
            link = HTTPConnection(self._hands.address(name), spec.port, timeout=PATIENCE_SECONDS)
            with contextlib.closing(link):
                link.request("POST", f"/api/v11/health?fail={fault.seconds:g}")
                link.getresponse().read()
            self._knowledge.sick_until[name] = time.monotonic() + fault.seconds

        try:
            self._act(trouble, (), act)
        except OSError as error:
            trouble.injected = trouble.ended = time.monotonic()
            raise NotNowError(str(error)) from error
        return lambda: setattr(trouble, "ended", time.monotonic())

    def _cut_off(self, fault: Fault) -> Heal:
        name = self._pick(fault, running=True)
        trouble = self._trouble(fault, name, failures=NO_ANSWER, hurts=True)
        self._act(trouble, (), lambda: self._hands.cut_off(name))

        def heal() -> None:
            self._hands.connect(name)
            trouble.ended = time.monotonic()

        return heal

    def _spoil_hook(self, fault: Fault) -> Heal:
        """Let the hooks before stop of all members fail, or take too long."""
        self._need_no_other({Kind.HOOK_FAILS, Kind.HOOK_HANGS})
        trouble = self._trouble(fault, keeps=True)
        how = hooks.FAILS if fault.kind is Kind.HOOK_FAILS else hooks.HANGS
        self._act(trouble, (), lambda: self._hands.leave_note(fault.role, how))

        def heal() -> None:
            self._hands.leave_note(fault.role, "no more")
            trouble.ended = time.monotonic()

        return heal

    # Spares

    def _dull(self, fault: Fault) -> Heal:
        name = self._pick(fault, running=False)
        trouble = self._trouble(fault, name)
        with self._knowledge.by_hand(name):
            self._stack.container(name).remove()
            self._knowledge.dull.add(name)
            self._hands.create(name, dull=True)
        trouble.injected = time.monotonic()

        def heal() -> None:
            with self._knowledge.by_hand(name):
                self._stack.container(name).remove(force=True)
                self._hands.create(name)
            self._knowledge.dull.discard(name)
            trouble.ended = time.monotonic()

        return heal

    def _remove(self, fault: Fault) -> Heal:
        name = self._pick(fault, running=False)
        trouble = self._trouble(fault, name)
        self._act(trouble, (name,), self._stack.container(name).remove)

        def heal() -> None:
            self._hands.create(name)
            trouble.ended = time.monotonic()

        return heal

    # NGINX

    def _restart_nginx(self, fault: Fault) -> None:
        self._need_no_other(OF_NGINX)
        trouble = self._trouble(fault, failures=ANYTHING, hurts=True, of_all=True)
        container = self._stack.container(self._stack.nginx_name)
        self._act(trouble, (), lambda: container.restart(timeout=STOP_SECONDS))
        trouble.ended = trouble.injected

    def _kill_nginx(self, fault: Fault) -> Heal:
        self._need_no_other(OF_NGINX)
        trouble = self._trouble(fault, failures=ANYTHING, hurts=True, of_all=True)
        self._act(trouble, (), lambda: self._stack.kill(self._stack.nginx_name))

        def heal() -> None:
            self._stack.start(self._stack.nginx_name)
            trouble.ended = time.monotonic()

        return heal

    def _break_nginx(self, fault: Fault) -> Heal:
        self._need_no_other(OF_NGINX)
        trouble = self._trouble(fault, of_all=True)
        path = self._stack.generated / BROKEN_FILE
        self._act(trouble, (), lambda: path.write_text("upstream {\n", encoding="utf-8"))

        def heal() -> None:
            path.unlink()
            trouble.ended = time.monotonic()

        return heal

    # The daemon

    def _end_daemon(self, fault: Fault) -> Heal:
        if self.daemon_is_down:
            raise NotNowError("the daemon is down")
        trouble = self._trouble(fault, of_all=True, unseen=True)
        self.daemon_is_down = True
        kill = fault.kind is Kind.DAEMON_KILLED
        self._act(trouble, (), self._host.daemon.kill if kill else self._host.daemon.stop)

        def heal() -> None:
            self._host.launch()
            self.daemon_is_down = False
            trouble.ended = time.monotonic()

        return heal

    def _change_bounds(self, fault: Fault) -> Heal:
        self._need_daemon()
        self._need_no_other({Kind.RELOAD_GOOD})
        role = fault.role
        least = fault.pick < 0.5  # the other half lowers the maximum
        key, bounds = ("MIN", self._checker.minimum) if least else ("MAX", self._checker.maximum)
        old = bounds[role]
        new = old + 1 if least else old - 1
        trouble = self._trouble(fault, hurts=least, overfull=not least)
        variable = f"ROLES__{role.upper()}__{key}"

        def apply(value: int) -> None:
            self._host.settings[variable] = str(value)
            self._stack.write_env(self._host.settings)
            if not self.daemon_is_down:
                self._host.daemon.signal(signal.SIGHUP)

        def act() -> None:
            apply(new)
            bounds[role] = new

        self._act(trouble, (), act)

        def heal() -> None:
            bounds[role] = old
            apply(old)
            trouble.ended = time.monotonic()

        return heal

    def _reload_nonsense(self, fault: Fault) -> None:
        self._need_daemon()
        daemon = self._host.daemon
        count = len(daemon.of("config.reload_failed")) + 1
        nonsense = {**self._host.settings, f"ROLES__{fault.role.upper()}__MIN": "many"}
        try:
            self._stack.write_env(nonsense)
            daemon.signal(signal.SIGHUP)
            daemon.wait_for("config.reload_failed", PATIENCE_SECONDS, count=count)
        finally:
            self._stack.write_env(self._host.settings)

    def _lock_history(self, fault: Fault) -> Heal:
        path = self._stack.directory / "state" / "history.db"
        database = sqlite3.connect(path, timeout=1.0, isolation_level=None)
        try:
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            database.close()
            raise NotNowError(str(error)) from error
        begun, spans = time.monotonic(), self._checker.ledger.unrecorded

        def heal() -> None:
            database.close()
            spans[spans.index((begun, math.inf))] = (begun, time.monotonic() + RETRY_SECONDS)

        spans.append((begun, math.inf))
        return heal

    # What they share

    def _trouble(self, fault: Fault, member: str = "", **traits: Any) -> Trouble:  # noqa: ANN401 fields
        """Enter a trouble before its fault is injected."""
        everywhere = traits.get("of_all")
        roles = ALL if everywhere else frozenset({fault.role})
        trouble = Trouble(
            f"{fault.kind} (fault {fault.number})", roles, time.monotonic(), member, **traits
        )
        return self._watch.open(trouble)

    def _act(self, trouble: Trouble, names: Sequence[str], act: Callable[[], object]) -> None:
        """Do it; what happens to these members meanwhile is not the daemon's doing."""
        try:
            with self._knowledge.by_hand(*names):
                act()
        except BaseException:  # also Ctrl-C: what follows is no longer this fault's doing
            trouble.ended = time.monotonic()
            raise
        finally:
            trouble.injected = time.monotonic()

    def _running(self, role: str) -> tuple[str, ...]:
        return self._stack.running(role)

    def _pick(self, fault: Fault, *, running: bool) -> str:
        """Return the member to hit: one that is not already in trouble."""
        hit = {t.member for t in self._checker.ledger.all if t.closed is None or t.ended is None}
        runs = self._running(fault.role)
        exist = [
            c.name
            for c in self._stack.client.containers.list(
                all=True, filters={"label": f"com.docker.compose.project={self._stack.project}"}
            )
        ]
        found = [
            name
            for name in self._stack.members(fault.role)
            if name not in hit and name in exist and (name in runs) == running
        ]
        if not found:
            raise NotNowError("no such member")
        return found[int(fault.pick * len(found))]

    def _need_daemon(self) -> None:
        if self.daemon_is_down or not self._host.daemon.of("daemon.started"):
            raise NotNowError("the daemon is not up")

    def _need_no_other(self, kinds: Sequence[Kind] | set[Kind] | frozenset[Kind]) -> None:
        """Put the fault off while one of these kinds is not over."""
        for trouble in self._checker.ledger.all:
            under_way = trouble.closed is None or trouble.ended is None
            if under_way and any(trouble.what.startswith(kind) for kind in kinds):
                raise NotNowError(trouble.what)
