"""What must hold all along, judged from looks, stops and failed requests. Pure.

Each check returns sentences, one for each rule that is broken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.soak.hooks import HookRules
from tests.soak.looks import Look
from tests.soak.troubles import (
    LISTED_SECONDS,
    REPAIR_SECONDS,
    SETTLED_SECONDS,
    Ledger,
    Trouble,
)

LOOKS_IN_A_ROW = 2
"""A look is not one moment: what a single one shows may be torn."""

UNPROVEN_SECONDS = 2.0
"""How long NGINX may serve another file than the ones seen: reloads come close together."""

UNLISTED_SECONDS = 25.0
"""How long a member that can answer may stay out of the list: a start or a whole drain."""

OFF_LIST_SECONDS = 0.9
"""How long a member must have been off the list before it is stopped: the drain takes 1 s."""

STALE_SECONDS = 0.25
"""How old a look may be to say what was in a member at its stop: two looks of a drain are that
far apart, and both see nothing."""


class Failure(NamedTuple):
    """A failed request: times are monotonic seconds."""

    role: str
    kind: str
    due: float
    ended: float
    detail: str = ""


class Stop(NamedTuple):
    """A stop of a member by the daemon."""

    name: str
    role: str
    at: float


@dataclass(slots=True)
class Checker:
    """Judges a run. `minimum` and `maximum` by role may be changed with the settings."""

    minimum: dict[str, int]
    maximum: dict[str, int]
    ledger: Ledger = field(default_factory=Ledger)
    explained: Counter[str] = field(default_factory=Counter)
    hooks: HookRules = field(default_factory=HookRules)
    last: Look | None = None
    _streaks: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)
    _off_list_since: dict[str, float] = field(default_factory=dict)

    def look(self, look: Look) -> list[str]:
        """Judge a look."""
        self._close(look)
        found = self._late(look)
        for role in self.minimum:
            found += self._role(role, look)
        found += self.hooks.look(look, self.ledger)
        self._note_list(look)
        self.last = look
        return found

    def failure(self, failure: Failure) -> list[str]:
        """Judge a failed request; call it when it ends."""
        cause = self.ledger.explaining(*failure[:4])
        if cause is not None:
            self.explained[f"{cause.what}: {failure.kind}"] += 1
            return []
        took = failure.ended - failure.due
        return [f"request lost: {failure.role}: {failure.kind} after {took:.2f} s {failure.detail}"]

    def stop(self, stop: Stop) -> list[str]:
        """Judge a stop by the daemon."""
        found = self.hooks.stop(stop.name, stop.role)
        if stop.name.endswith("-1"):
            found.append(f"the primary {stop.name} was stopped")
        since = self._off_list_since.get(stop.name)
        listed = self.last is not None and stop.name in self.last.listed.get(stop.role, {})
        if listed and since is None:
            found.append(f"{stop.name} was stopped while NGINX lists it")
        elif since is not None and stop.at - since < OFF_LIST_SECONDS - STALE_SECONDS:
            found.append(f"{stop.name} was stopped {stop.at - since:.2f} s after it left NGINX")
        if self.last is not None and stop.at - self.last.began <= STALE_SECONDS:
            member = self.last.members.get(stop.name)
            if member is not None and member.state == "running" and member.from_nginx:
                found.append(f"{stop.name} was stopped with {member.from_nginx} requests in it")
        return found

    def _close(self, look: Look) -> None:
        """Close the troubles whose roles this look shows as they should be."""
        for trouble in self.ledger.open:
            if trouble.injected is None or look.began < trouble.injected + SETTLED_SECONDS:
                continue
            if (trouble.of_all or trouble.keeps) and trouble.ended is None:
                continue
            if trouble.ended is None and self._still_hit(trouble, look):
                continue
            full = (trouble.overfull or trouble.keeps) and any(
                look.places(role) > self.maximum[role] for role in trouble.roles
            )
            if not full and (
                trouble.keeps or all(self._served(trouble, role, look) for role in trouble.roles)
            ):
                trouble.closed = look.ended

    def _served(self, trouble: Trouble, role: str, look: Look) -> bool:
        """Whether a role is as it should be, as far as this trouble is to blame.

        What takes the daemon or NGINX away is over once NGINX answers, where a role has another
        trouble of its own.
        """
        others = any(not t.of_all and not t.keeps for t in self.ledger.open_of(role))
        if trouble.of_all and others:
            return look.proven
        return look.whole(role, self.minimum[role])

    @staticmethod
    def _still_hit(trouble: Trouble, look: Look) -> bool:
        """Whether the member that a lasting fault hit is still listed."""
        return any(trouble.member in look.listed.get(role, {}) for role in trouble.roles)

    def _late(self, look: Look) -> list[str]:
        """Count time against open troubles and tell those whose repair took too long."""
        seconds = 0.0 if self.last is None else look.began - self.last.began
        away = self.ledger.nobody_mends()
        found = []
        for trouble in self.ledger.open:
            if trouble.injected is None or (away and not trouble.of_all):
                continue
            lasts = trouble.ended is None
            if lasts and (trouble.of_all or trouble.keeps or not self._has_other(trouble, look)):
                continue
            if trouble.overfull and not trouble.keeps and self._kept(trouble):
                continue
            trouble.waited += seconds
            if trouble.waited > REPAIR_SECONDS:
                trouble.closed = look.began
                found.append(
                    f"not repaired within {REPAIR_SECONDS:g} s: {trouble.what} {trouble.member}: "
                    + "; ".join(self._words(role, look) for role in sorted(trouble.roles))
                )
        return found

    def _kept(self, trouble: Trouble) -> bool:
        """Whether hooks may be what leaves too many members after it."""
        return any(map(self.ledger.keeps, trouble.roles))

    def _has_other(self, trouble: Trouble, look: Look) -> bool:
        """Whether some member that nothing was done to could take the place of the one hit."""
        hit = {t.member for t in self.ledger.all if t.closed is None or t.ended is None}
        return all(
            sum(m.name not in hit for m in look.of(role)) >= self.minimum[role]
            for role in trouble.roles
        )

    def _role(self, role: str, look: Look) -> list[str]:
        """Judge one role."""
        troubles = [t for t in self.ledger.open_of(role) if not t.keeps]
        keeps = self.ledger.keeps(role)
        rules: Mapping[str, tuple[bool, float]] = {
            "below min": (
                not any(t.hurts for t in troubles) and len(look.serving(role)) < self.minimum[role],
                0.0 if look.proven else UNPROVEN_SECONDS,
            ),
            "above max": (
                not keeps
                and not any(t.overfull for t in troubles)
                and look.places(role) > self.maximum[role],
                0.0,
            ),
            "NGINX lists who cannot answer": (
                not troubles and bool(look.wrongly_listed(role)),
                LISTED_SECONDS,
            ),
            "NGINX does not list who can answer": (
                not troubles and bool(look.unlisted(role)),
                UNLISTED_SECONDS,
            ),
        }
        found = []
        for rule, (broken, patience) in rules.items():
            if not broken:
                self._streaks.pop((role, rule), None)
                continue
            since, looks = self._streaks.get((role, rule), (look.began, 0))
            self._streaks[role, rule] = (since, looks + 1)
            if looks + 1 >= LOOKS_IN_A_ROW and look.began - since >= patience:
                self._streaks[role, rule] = (look.began, 0)
                found.append(f"{rule}: {self._words(role, look)}")
        return found

    def _words(self, role: str, look: Look) -> str:
        """Describe a role at a look."""
        members = {
            m.name.rpartition("-")[2]: m.state + ("" if m.answers else " (cannot answer)")
            for m in look.of(role)
        }
        listed = sorted(name.rpartition("-")[2] for name in look.listed.get(role, {}))
        return (
            f"{role}: min {self.minimum[role]}, max {self.maximum[role]}, members {members}, "
            f"listed {listed}, {'proven' if look.proven else 'not proven'}"
        )

    def _note_list(self, look: Look) -> None:
        """Remember since when each member is off the list."""
        listed = {name for names in look.listed.values() for name in names}
        for name in look.members:
            if name in listed:
                self._off_list_since.pop(name, None)
            elif self.last is not None:
                was = any(name in names for names in self.last.listed.values())
                if was or name not in self._off_list_since:
                    self._off_list_since[name] = look.began
