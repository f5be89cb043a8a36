"""What a soak run will do: load and faults by time, a pure function of seed and length.

Times are seconds from the beginning of the run. A fault names a role and how to pick a member
(`pick`, a fraction), because which members run then is the run's business.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

ROLES = {"validator": 3, "business": 2, "slim": 1}
"""Every role with its maximum."""

PEAK_RATES = {"validator": 60.0, "business": 50.0, "slim": 10.0}
PEAK_BURN_MS = 1.5  # one member of a quarter of a core can carry the peak of its role alone
SEGMENT_SECONDS = (4.0, 12.0)
GAP_SECONDS = (2.0, 9.0)
CLOSE_SECONDS = (0.1, 1.5)
CLOSE_SHARE = 0.3
QUIET_BEGIN_SECONDS = 6.0
QUIET_END_SECONDS = 15.0
DAYS = 3


class Kind(StrEnum):
    """The faults. What each does, and which requests it may cost, is in `faults`."""

    MEMBER_KILLED = "member killed"
    MEMBER_SICK = "member unhealthy"
    MEMBER_PAUSED = "member paused"
    MEMBER_STOPPED = "member stopped by hand"
    MEMBER_STOPPED_AND_STARTED = "member stopped and started by hand"
    MEMBER_STARTED = "member started by hand"
    MEMBER_RESTARTED = "member restarted by hand"
    MEMBER_CUT_OFF = "member cut off its network"
    MEMBER_RECREATED = "member recreated as by compose"
    ROLE_STOPPED = "all members of a role stopped"
    HOOK_FAILS = "hook before stop fails"
    HOOK_HANGS = "hook before stop hangs"
    SPARE_NEVER_HEALTHY = "spare that never becomes healthy"
    SPARE_REMOVED = "spare removed and made anew"
    NGINX_RESTARTED = "NGINX restarted"
    NGINX_KILLED = "NGINX killed"
    NGINX_BROKEN = "broken NGINX file of somebody else"
    DAEMON_KILLED = "daemon killed"
    DAEMON_TERMINATED = "daemon terminated"
    RELOAD_GOOD = "reload of changed bounds"
    RELOAD_BAD = "reload of a bad file"
    HISTORY_LOCKED = "history unwritable"


OF_DAEMON = frozenset({Kind.DAEMON_KILLED, Kind.DAEMON_TERMINATED})
WITH_SPARES_ONLY = frozenset(
    {
        Kind.MEMBER_STARTED,
        Kind.SPARE_NEVER_HEALTHY,
        Kind.SPARE_REMOVED,
        Kind.RELOAD_GOOD,
        Kind.HOOK_FAILS,
        Kind.HOOK_HANGS,
    }
)
"""Faults that need a role of more than one member; only those have hooks."""

LASTING_SECONDS = {
    Kind.MEMBER_SICK: (3.0, 20.0),
    Kind.MEMBER_PAUSED: (1.0, 15.0),
    Kind.MEMBER_STOPPED_AND_STARTED: (0.2, 5.0),
    Kind.MEMBER_CUT_OFF: (2.0, 15.0),
    Kind.HOOK_FAILS: (8.0, 25.0),
    Kind.HOOK_HANGS: (8.0, 25.0),
    Kind.SPARE_NEVER_HEALTHY: (10.0, 25.0),
    Kind.SPARE_REMOVED: (1.0, 10.0),
    Kind.NGINX_KILLED: (0.2, 5.0),
    Kind.NGINX_BROKEN: (1.0, 10.0),
    Kind.DAEMON_KILLED: (0.0, 4.0),
    Kind.DAEMON_TERMINATED: (0.0, 4.0),
    Kind.RELOAD_GOOD: (6.0, 15.0),
    Kind.HISTORY_LOCKED: (2.0, 12.0),
}
"""How long a fault lasts, for those that do."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Load from a moment on: requests per second by role, and the CPU each of them burns."""

    at: float
    rates: Mapping[str, float]
    burn_ms: float


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault to come; `number` is its place in the plan."""

    number: int
    at: float
    kind: Kind
    role: str
    pick: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run does by itself."""

    seed: int
    seconds: float
    segments: tuple[Segment, ...]
    faults: tuple[Fault, ...]


def make_plan(seed: int, seconds: float) -> Plan:
    """Return the plan of a run: the same for the same arguments."""
    chance = random.Random(seed)  # noqa: S311 draws a plan, guards nothing
    return Plan(seed, seconds, _segments(chance, seconds), _faults(chance, seconds))


def _segments(chance: random.Random, seconds: float) -> tuple[Segment, ...]:
    """Draw the load: a few days with a night each, noise, and bursts up to the peak."""
    found: list[Segment] = []
    at = 0.0
    while at < seconds:
        day = 0.5 - 0.5 * math.cos(2 * math.pi * DAYS * at / seconds)
        shares = {name: min(1.0, 0.1 + day * chance.uniform(0.5, 0.9)) for name in ROLES}
        if chance.random() < CLOSE_SHARE:
            shares[chance.choice(list(ROLES))] = 1.0
        rates = {name: round(PEAK_RATES[name] * share, 1) for name, share in shares.items()}
        found.append(Segment(at, rates, PEAK_BURN_MS))
        at += chance.uniform(*SEGMENT_SECONDS)
    return tuple(found)


def _faults(chance: random.Random, seconds: float) -> tuple[Fault, ...]:
    """Draw the faults: shuffled decks of all kinds, some close on the heels of the one before.

    The daemon is only ended in the first half: the second shows whether one life stays flat.
    """
    found: list[Fault] = []
    deck: list[Kind] = []
    at = QUIET_BEGIN_SECONDS
    while at < seconds - QUIET_END_SECONDS:
        if not deck:
            deck = list(Kind)
            chance.shuffle(deck)
        kind = deck.pop()
        if kind in OF_DAEMON and found and at > seconds / 2:
            continue
        roles = [name for name, most in ROLES.items() if most > 1 or kind not in WITH_SPARES_ONLY]
        lasting = chance.uniform(*LASTING_SECONDS.get(kind, (0.0, 0.0)))
        role, pick = chance.choice(roles), chance.random()
        found.append(Fault(len(found), round(at, 2), kind, role, pick, round(lasting, 2)))
        close = chance.random() < CLOSE_SHARE
        at += chance.uniform(*(CLOSE_SECONDS if close else GAP_SECONDS))
    return tuple(found)
