"""The hooks of a soak's members, and the rules about them. Pure.

What a hook did is known by the engine's own word: how the command in the container ended. Times
are monotonic seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from tests.faults.hook_marks import FILE, JOINED, LEFT, leaves
from tests.soak.looks import Look
from tests.soak.plan import ROLES
from tests.soak.troubles import LISTED_SECONDS, Ledger

FAULT_FILE = "/tmp/hook-fault"  # noqa: S108 in a container of the run's own
FAILS, HANGS = "fails", "hangs"
TIMEOUT_SECONDS = 3.0
HANG_SECONDS = 6.0
DOUBT_SECONDS = 1.0

HOOKED = frozenset(name for name, most in ROLES.items() if most > 1)
"""Roles whose members have hooks; the others show that nothing changes without."""

_FAULTY = (
    f"read fault < {FAULT_FILE}; case $fault in {FAILS}) exit 3;; "
    f"{HANGS}) sleep {HANG_SECONDS:g}; exit 4;; esac; echo {LEFT} >> {FILE}"
)
SETTINGS = {
    "after_healthy": leaves(JOINED),
    "before_stop": f"exec: sh -c '{_FAULTY}'",
    "hook_timeout": f"{TIMEOUT_SECONDS:g}s",
}


@dataclass(slots=True)
class _Run:
    """One run of a member; `by_hand`: not the daemon began it, `known`: its beginning was seen.

    `joined` and `left` are when the hooks last succeeded; `served`: it got requests since it began.
    """

    began: float
    by_hand: bool = False
    known: bool = True
    joined: float | None = None
    left: float | None = None
    served: bool = False

    def may_serve(self, at: float, ledger: Ledger) -> bool:
        """Whether it was prepared to get requests at a moment.

        A run that no daemon has seen begin is in service when one begins to look, and so is one
        that a daemon does not know to have left.
        """
        if self.left is not None and self.left <= at and not ledger.forgotten(self.left):
            return self.joined is not None and self.left < self.joined <= at
        if not self.known or (self.by_hand and ledger.unseen(self.began)):
            return True
        return self.joined is not None and self.joined <= at


@dataclass(slots=True)
class HookRules:
    """Judges when members serve and are stopped; `roles` are those with hooks.

    `done` counts hooks by what came of them; `marks` those that succeeded, by container id.
    """

    roles: Collection[str] = HOOKED
    done: Counter[str] = field(default_factory=Counter)
    marks: Counter[tuple[str, str]] = field(default_factory=Counter)
    _runs: dict[str, _Run] = field(default_factory=dict)
    _under_way: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    _listed: frozenset[str] = frozenset()
    _suspects: dict[str, float] = field(default_factory=dict)
    _unprepared_since: dict[str, float] = field(default_factory=dict)

    def began(self, name: str, at: float, *, by_hand: bool) -> None:
        """Note that a run began."""
        self._runs[name] = _Run(at, by_hand)

    def command(self, name: str, action: str, at: float, told: Mapping[str, str]) -> None:
        """Take in an event of the engine about a command in a member.

        What took about as long as the daemon waits may be a success to it or not: then the stop is
        not judged.
        """
        key = told.get("execID", "")
        if action.startswith("exec_create: "):
            hook = next((h for h in (JOINED, LEFT) if f"echo {h} " in action), None)
            if hook is not None:
                self._under_way[key] = (name, hook, at)
        elif action == "exec_die" and key in self._under_way:
            name, hook, begun = self._under_way.pop(key)
            succeeded = told.get("exitCode") == "0"
            self.done[hook if succeeded else f"not {hook}"] += 1
            if succeeded:
                self.marks[told.get("id", ""), hook] += 1
                self._succeeded(self._run(name), hook, begun, at)

    @staticmethod
    def _succeeded(run: _Run, hook: str, begun: float, at: float) -> None:
        """Note a success in a run."""
        if hook == JOINED:
            run.joined = at
        elif at - begun < TIMEOUT_SECONDS - DOUBT_SECONDS:
            run.left = at
        else:
            run.served = False

    def _run(self, name: str) -> _Run:
        """Return the run of a member; one that began before the watch did is unknown."""
        return self._runs.setdefault(name, _Run(0.0, known=False))

    def look(self, look: Look, ledger: Ledger) -> list[str]:
        """Judge who is listed in a look. Events of what was done before it may still be coming, so
        a suspicion is only told if the next look confirms it.
        """
        found = [
            f"{name} got requests before its hook after healthy had succeeded"
            for name, at in self._suspects.items()
            if name in self._runs and self._runs[name].began < at
            if not self._runs[name].may_serve(at, ledger)
        ]
        self._suspects.clear()
        listed = {role: frozenset(look.listed.get(role, {})) for role in self.roles}
        for role, names in listed.items():
            for name in names:
                found += self._judge(name, role, look, ledger)
        self._listed = frozenset().union(*listed.values())
        for name in self._unprepared_since.keys() - self._listed:
            del self._unprepared_since[name]
        return found

    def _judge(self, name: str, role: str, look: Look, ledger: Ledger) -> list[str]:
        """Judge a listed member."""
        run = self._run(name)
        if run.began >= look.began:
            return []  # listed is perhaps the run before
        if run.may_serve(look.ended, ledger):
            run.served = True
            self._unprepared_since.pop(name, None)
            return []
        if name not in self._listed and not ledger.nobody_mends():
            self._suspects[name] = look.ended
        since = self._unprepared_since.setdefault(name, look.began)
        if ledger.open_of(role):
            self._unprepared_since[name] = look.began
        elif look.began - since > LISTED_SECONDS:
            self._unprepared_since[name] = look.began
            return [f"{name} gets requests although its hook after healthy has not succeeded"]
        return []

    def stop(self, name: str, role: str) -> list[str]:
        """Judge a stop by the daemon: what has served must have been let go since."""
        run = self._runs.get(name)
        if role not in self.roles or run is None or not run.served:
            return []
        let_go = run.left is not None and not (run.joined is not None and run.left < run.joined)
        return [] if let_go else [f"{name} was stopped before its hook before stop had succeeded"]
