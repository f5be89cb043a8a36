"""What operators have set: values with who, why and until when, and what they add up to.

Two of different scope (one role, all roles) both count. Of the same kind and scope the newest
replaces the one before it; leases are told apart by their key. `until` is wall time for people and
for a restart; while the daemon runs `ends_at` (monotonic seconds) decides, so that a step of the
clock neither ends an override early nor keeps it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from autoscaler.model import Overrides

RUNS = "runs "
"""How the reason of a lease begins that names only its command."""


class OverrideKind(StrEnum):
    """What an operator can set."""

    PAUSE = "pause"
    PIN = "pin"
    HOLD = "hold"
    FREEZE = "freeze"


class Direction(StrEnum):
    """Which changes a pause stops."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Override:
    """One thing an operator has set. `role` is None for all roles.

    `since` and `until` are Unix seconds, `ends_at` monotonic ones; None: until somebody ends it.
    `count` and `forced` belong to a pin (forced: bounds do not limit it), `direction` to a pause,
    `key` to a lease.
    """

    kind: OverrideKind
    by: str
    reason: str
    since: float
    role: str | None = None
    until: float | None = None
    ends_at: float | None = None
    direction: Direction = Direction.BOTH
    count: int | None = None
    forced: bool = False
    key: str = ""

    @property
    def place(self) -> tuple[OverrideKind, str | None, str]:
        """What a newer one replaces."""
        return (self.kind, self.role, self.key)

    @property
    def command(self) -> str:
        """The command of a lease in words: itself, or what it runs for if that was said."""
        if self.reason.startswith(RUNS):
            return f"`{self.reason.removeprefix(RUNS)}`"
        return f"the command for {self.reason!r}"

    def concerns(self, role: str) -> bool:
        """Tell whether it holds for a role."""
        return self.role is None or self.role == role


Standing = tuple[Override, ...]
"""All that is in force, oldest first."""


def with_new(standing: Standing, new: Override) -> Standing:
    """Return what is in force once `new` is set."""
    return (*(one for one in standing if one.place != new.place), new)


def split_ended(standing: Standing, now: float) -> tuple[Standing, Standing]:
    """Return those still in force at `now` (monotonic seconds) and those that have ended."""
    going = tuple(o for o in standing if o.ends_at is None or o.ends_at > now)
    return going, tuple(o for o in standing if o not in going)


def split_resumed(standing: Standing, role: str | None) -> tuple[Standing, Standing]:
    """Return what stays and what goes when a role, or everything, is to go on by the rules.

    Pauses and pins go. A pause of all roles stays when only one role is to go on; leases and the
    freeze file are ended by those who hold them.
    """
    by_hand = {OverrideKind.PAUSE, OverrideKind.PIN}
    goes = tuple(o for o in standing if o.kind in by_hand and role in {None, o.role})
    return tuple(o for o in standing if o not in goes), goes


def effect(standing: Iterable[Override], role: str) -> Overrides:
    """Return what all of them together mean for the rules of one role."""
    mine = [one for one in standing if one.concerns(role)]
    pauses = {one.direction for one in mine if one.kind is OverrideKind.PAUSE}
    pin = next((one for one in reversed(mine) if one.kind is OverrideKind.PIN), None)
    return Overrides(
        pause_up=bool(pauses & {Direction.UP, Direction.BOTH}),
        pause_down=bool(pauses & {Direction.DOWN, Direction.BOTH}),
        pin=pin.count if pin else None,
        pin_forced=bool(pin and pin.forced),
        hold=any(one.kind is OverrideKind.HOLD for one in mine),
        freeze=any(one.kind is OverrideKind.FREEZE for one in mine),
    )


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks, and the boot the monotonic one belongs to."""

    monotonic: float
    wall: float
    boot_id: str


def restored_override(one: Override, stored: Moment, now: Moment) -> Override:
    """Return a stored override on the clocks of a later daemon.

    Within one boot the monotonic clock goes on and steps of the wall clock do not matter. Across
    boots the wall clock decides, but never gives it longer than it had when it was stored.
    """
    if one.until is None or one.ends_at is None:
        return replace(one, ends_at=None)
    if stored.boot_id and stored.boot_id == now.boot_id and stored.monotonic <= now.monotonic:
        return one
    left = min(one.until - now.wall, one.ends_at - stored.monotonic)
    return replace(one, ends_at=now.monotonic + left)
