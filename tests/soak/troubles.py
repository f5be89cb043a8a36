"""Troubles: what an injected fault explains, of which roles, and until when. Pure.

A trouble is open from just before its fault is injected until a look from after it shows its roles
served as they should be. While it is open it explains failed requests of its kinds and a broken
list; but it must close within `REPAIR_SECONDS` of a time in which the daemon could mend it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

REPAIR_SECONDS = 25.0
"""How long a repair may take: a quarantine of 8 s, back-off from NGINX, a start, all on a machine
that is busy."""

SETTLED_SECONDS = 0.3
"""How long after an injection a look may still show the engine before it."""

SLACK_SECONDS = 1.0
"""How long after the list was seen whole a request may still meet what was before: a look every
0.2 s, and NGINX's old workers, which begin requests for another 0.1 s, or 0.6 s on a machine with
ten times more to do than it can."""

LISTED_SECONDS = 3.0
"""How long NGINX's list may name a member that cannot answer, without a fault."""

BLIND_SECONDS = (2.0, 5.0)
"""How long before a daemon's end and after its return something done by hand may stay unseen."""

NOTHING: frozenset[str] = frozenset()
BAD_GATEWAY = frozenset({"status 502", "status 503", "status 504"})
NO_ANSWER = BAD_GATEWAY | {"timeout"}
NO_MEMBER = frozenset({"status 503"})
ANYTHING = NO_ANSWER | {"connect", "closed", "truncated", "protocol"}


@dataclass(eq=False, slots=True)
class Trouble:
    """One injected fault. `member` is whom it hit, if one; `failures` are the kinds of failed
    requests it explains. `hurts`: a role may be without enough members meanwhile; `overfull`: it
    may have too many. `of_all`: nobody can mend anything while it lasts (the daemon or NGINX is
    away); `unseen`: nobody sees what is done by hand. `keeps`: a hook forbids to stop members.
    `injected` and `ended` are when the fault was done and when it was over.
    """

    what: str
    roles: frozenset[str]
    begun: float
    member: str = ""
    failures: frozenset[str] = NOTHING
    hurts: bool = False
    overfull: bool = False
    of_all: bool = False
    unseen: bool = False
    keeps: bool = False
    injected: float | None = None
    ended: float | None = None
    closed: float | None = None
    waited: float = 0.0

    def explains_failure(self, role: str, kind: str, due: float, ended: float) -> bool:
        """Whether a request that was due then and failed then may have failed because of this."""
        until = float("inf") if self.closed is None else self.closed + SLACK_SECONDS
        return role in self.roles and kind in self.failures and ended >= self.begun and due <= until


@dataclass(slots=True)
class Ledger:
    """All troubles of a run.

    `unrecorded` are the spans in which history could not be written.
    """

    all: list[Trouble] = field(default_factory=list)
    unrecorded: list[tuple[float, float]] = field(default_factory=list)

    def open_of(self, role: str) -> tuple[Trouble, ...]:
        """Return the open troubles of a role, those of all roles included."""
        return tuple(t for t in self.all if t.closed is None and role in t.roles)

    def keeps(self, role: str) -> bool:
        """Whether a hook may be in the way of a stop of the role's members."""
        return any(t.keeps for t in self.open_of(role))

    def forgotten(self, at: float) -> bool:
        """Whether the next daemon may not know what was done at a moment: it was done without its
        record, as promised, and the daemon ended before it could be stored.
        """
        return any(
            begun <= at <= ended
            and any(t.unseen and t.of_all and at <= t.begun <= ended for t in self.all)
            for begun, ended in self.unrecorded
        )

    def unseen(self, at: float) -> bool:
        """Whether a daemon may not have seen what was done by hand at a moment."""
        before, after = BLIND_SECONDS
        return any(
            t.begun - before <= at and (t.closed is None or at <= t.closed + after)
            for t in self.all
            if t.unseen
        )

    @property
    def open(self) -> tuple[Trouble, ...]:
        """Return the open troubles."""
        return tuple(t for t in self.all if t.closed is None)

    def nobody_mends(self) -> bool:
        """Whether the daemon or NGINX is away or just back."""
        return any(t.of_all for t in self.open)

    def explaining(self, role: str, kind: str, due: float, ended: float) -> Trouble | None:
        """Return the latest trouble that explains a failed request, None if none does."""
        found = (t for t in reversed(self.all) if t.explains_failure(role, kind, due, ended))
        return next(found, None)
