"""One soak run: plays a plan on a real stack with the real daemon and collects what was broken."""

from __future__ import annotations

import heapq
import itertools
import json
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoscaler.demo.spec import RoleSpec
from autoscaler.demo.stack import Stack
from tests.e2e.harness import FAST, FAST_ROLE, Host, role
from tests.soak import hooks
from tests.soak.faults import Faults, Heal, NotNowError
from tests.soak.invariants import Checker, Failure
from tests.soak.plan import ROLES, Fault, Plan, Segment
from tests.soak.traffic import Traffic
from tests.soak.vitals import HISTORY_MIB, Vitals, history_mib, judge_life, read_vitals
from tests.soak.watch import Knowledge, Watch

LABELS = {"autoscaler.test": "soak"}
SETTINGS = {**FAST, "QUARANTINE": "2s", "QUARANTINE_MAX": "8s", "HISTORY_MAX_MIB": "1"}
ROLE_SETTINGS = {**FAST_ROLE, "start_timeout": "8s", "drain_timeout": "15s"}
THRESHOLDS = {"cpu_high": "28", "cpu_low": "14"}
NODE = {"NODE_CONTROL": "1", "NODE_READY_AFTER": "0.3"}
BEAT_SECONDS = 0.05
SPECIALS_SECONDS = 1.0
VITALS_SECONDS = 1.0
TELL_SECONDS = 30.0
PUT_OFF_SECONDS = 1.0
TRIES = 20
CLOSING_SECONDS = 45.0
BROKEN_AT_MOST = 20
FAULTS_TOLD = 6
LINES_TOLD = 25

Todo = list[tuple[float, int, Segment | Fault | Heal]]


class QuietHost(Host):
    """A host that shows nothing at its end: the run tells what there is to tell."""

    def __exit__(self, *error: object) -> None:
        """Remove everything."""
        try:
            for load in self.loads:
                load.stop(wait=False)
            for daemon in self.daemons:
                if daemon.alive:
                    daemon.kill()
        finally:
            self.stack.remove()


@dataclass
class Result:
    """What came of a run."""

    seed: int
    seconds: float
    broken: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    not_possible: Counter[str] = field(default_factory=Counter)
    figures: dict[str, Any] = field(default_factory=dict)


def specs() -> tuple[RoleSpec, ...]:
    """Return the roles of the stack."""
    return tuple(
        role(
            name,
            most,
            cpus=0.25,
            env=NODE,
            settings={
                **ROLE_SETTINGS,
                **(THRESHOLDS if most > 1 else {}),
                **(hooks.SETTINGS if name in hooks.HOOKED else {}),
            },
        )
        for name, most in ROLES.items()
    )


class Run:
    """Plays a plan in a directory; `say` gets lines for people."""

    def __init__(self, plan: Plan, directory: Path, say: Callable[[str], object]) -> None:
        self.plan = plan
        self.result = Result(plan.seed, plan.seconds)
        self.host = QuietHost(
            Stack(f"soak-{plan.seed}-{directory.name[-6:].lower()}", specs(), directory,
                  labels=LABELS),
            SETTINGS,
        )  # fmt: skip
        self._say = say
        self._checker = Checker(dict.fromkeys(ROLES, 1), dict(ROLES))
        self._knowledge = Knowledge()
        self._failures: queue.SimpleQueue[Failure] = queue.SimpleQueue()
        self._broken: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._done: list[str] = []
        self._lives: list[list[Vitals]] = []
        self._began = 0.0
        self._history_peak = 0.0

    def play(self) -> Result:
        """Play it to the end, or until too much is broken; everything is removed by then."""
        with self.host:
            self.host.start()
            traffic = Traffic(self.host.stack.nginx_port, self._failures.put, self.plan.seed)
            watch = Watch(self.host.stack, self._checker, self._knowledge, self._broken.put)
            faults = Faults(self.host, watch, self._checker, self._knowledge)
            traffic.start()
            self.host.loads.append(traffic)
            with watch:
                self._began = time.monotonic()
                try:
                    self._go(traffic, faults)
                finally:
                    self._figures(traffic, watch)
        return self.result

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    def _go(self, traffic: Traffic, faults: Faults) -> None:
        """Play load, faults and their ends, then wait until all is well again."""
        todo: Todo = []
        count = itertools.count()
        for segment in self.plan.segments:
            heapq.heappush(todo, (segment.at, next(count), segment))
        for fault in self.plan.faults:
            heapq.heappush(todo, (fault.at, next(count), fault))
        tries: Counter[int] = Counter()
        regular = self._regular(traffic, faults)
        while (todo or self.now < self.plan.seconds) and not self._enough():
            while todo and todo[0][0] <= self.now:
                at, _, thing = heapq.heappop(todo)
                if isinstance(thing, Segment):
                    traffic.follow(thing)
                elif isinstance(thing, Fault):
                    for when, what in self._fault(thing, faults, tries):
                        heapq.heappush(todo, (when, next(count), what))
                else:
                    thing()
                    self._note(f"the end of what began before ({at:.1f} s)")
            next(regular)
            time.sleep(BEAT_SECONDS)
        self._close(traffic, todo, regular)

    def _close(self, traffic: Traffic, todo: Todo, regular: Iterator[None]) -> None:
        """End every fault and wait, under load, until all troubles are over."""
        for _, _, thing in todo:
            if not isinstance(thing, Segment | Fault):
                thing()
        end = time.monotonic() + CLOSING_SECONDS
        while self._checker.ledger.open and time.monotonic() < end and not self._enough():
            next(regular)
            time.sleep(BEAT_SECONDS)
        traffic.rate = 0.0
        traffic.stop()
        next(regular)

    def _fault(
        self, fault: Fault, faults: Faults, tries: Counter[int]
    ) -> list[tuple[float, Fault | Heal]]:
        """Inject a fault; return what is to be done later: its end, or another try."""
        try:
            heal = faults.inject(fault)
        except NotNowError as error:
            tries[fault.number] += 1
            if tries[fault.number] < TRIES:
                return [(self.now + PUT_OFF_SECONDS, fault)]
            self.result.not_possible[fault.kind] += 1
            self._note(f"not possible: {fault.kind} of {fault.role}: {error}")
            return []
        self.result.faults[fault.kind] += 1
        self._note(f"fault {fault.number}: {fault.kind}, {fault.role}, for {fault.seconds:g} s")
        return [] if heal is None else [(self.now + fault.seconds, heal)]

    def _regular(self, traffic: Traffic, faults: Faults) -> Iterator[None]:
        """Do what is done all the time, a beat at each step."""
        specials = vitals = told = 0.0
        while True:
            now = self.now
            if now >= specials and traffic.rate:
                specials = now + SPECIALS_SECONDS
                for name in ROLES:
                    traffic.specials(name)
            if now >= vitals:
                vitals = now + VITALS_SECONDS
                self._sample(faults)
            if now >= told:
                told = now + TELL_SECONDS
                report = traffic.report()
                self._say(
                    f"{now:6.1f} s  {report.requests} requests, {report.failed} failed, "
                    f"{self.result.faults.total()} faults, {len(self.result.broken)} rules broken"
                )
            self._judge()
            yield

    def _sample(self, faults: Faults) -> None:
        """Take the daemon's figures; a daemon that ended by itself is a broken rule."""
        daemon = self.host.daemon
        if faults.daemon_is_down:
            return
        if len(self._lives) < len(self.host.daemons):
            self._lives.append([])
        found = read_vitals(daemon.process.pid, time.monotonic())
        if found is not None and daemon.alive:
            self._lives[-1].append(found)
        elif not daemon.alive and "the daemon ended" not in str(self.result.broken[-1:]):
            self._broken.put(f"the daemon ended by itself with {daemon.process.returncode}")
        size = history_mib(self.host.stack.directory / "state")
        if size > HISTORY_MIB >= self._history_peak:
            self._broken.put(f"history takes {size:.1f} MiB, more than {HISTORY_MIB}")
        self._history_peak = max(self._history_peak, size)

    def _judge(self) -> None:
        """Judge the requests that failed and tell the rules that were broken."""
        while not self._failures.empty():
            failure = self._failures.get()
            for words in self._checker.failure(failure):
                self._tell(f"{words} (due at {failure.due - self._began:.2f} s)")
        while not self._broken.empty():
            self._tell(self._broken.get())

    def _tell(self, words: str) -> None:
        """Tell a broken rule with what went before."""
        self.result.broken.append(f"{self.now:.1f} s: {words}")
        if len(self.result.broken) > BROKEN_AT_MOST:
            return
        self._say(f"\nBROKEN at {self.now:.1f} s: {words}")
        for line in self._done[-FAULTS_TOLD:]:
            self._say(f"    {line}")
        for line in self.host.daemon.lines[-LINES_TOLD:]:
            self._say(f"    | {line.rstrip()}")

    def _enough(self) -> bool:
        return len(self.result.broken) > BROKEN_AT_MOST

    def _note(self, words: str) -> None:
        self._done.append(f"{self.now:6.1f} s  {words}")

    def _figures(self, traffic: Traffic, watch: Watch) -> None:
        """Judge the daemon's lives and put all figures together."""
        self._judge()
        for number, life in enumerate(self._lives, 1):
            for words in judge_life(life):
                self._tell(f"life {number} of the daemon: {words}")
        for words in watch.unmarked():
            self._tell(words)
        report = traffic.report()
        longest = max(self._lives, key=len, default=[])
        self.result.figures = {
            "requests": report.requests,
            "failed": report.failed,
            "latency_ms": report.latency_ms,
            "looks": watch.looks,
            "daemon_lives": len(self.host.daemons),
            "starts_by_daemon": watch.changes["up by the daemon"],
            "stops_by_daemon": watch.changes["down by the daemon"],
            "hooks": dict(self._checker.hooks.done),
            "longest_life_seconds": round(longest[-1].at - longest[0].at) if longest else 0,
            "rss_mib": [round(v.rss_mib, 1) for v in longest[:: max(1, len(longest) // 20)]],
            "descriptors": [v.descriptors for v in longest[:: max(1, len(longest) // 20)]],
            "threads": [v.threads for v in longest[:: max(1, len(longest) // 20)]],
            "history_mib": round(self._history_peak, 2),
            "what_happened": self._done,
        }

    def log(self) -> str:
        """Return everything the daemons said, one life after another."""
        return "".join(
            f"--- life {number}, pid {daemon.process.pid}\n" + "".join(daemon.lines)
            for number, daemon in enumerate(self.host.daemons, 1)
        )

    def summary(self) -> str:
        """Return the result as JSON."""
        result = self.result
        fields = {
            "seed": result.seed,
            "seconds": result.seconds,
            "broken": result.broken,
            "faults": dict(result.faults),
            "not_possible": dict(result.not_possible),
            "failed_by": dict(self._checker.explained),
            **result.figures,
        }
        return json.dumps(fields, indent=1)
