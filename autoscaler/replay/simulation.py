"""Plays a recording to the rules in force and, beside them, to those with changes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from autoscaler.model import RolePolicy
from autoscaler.policy.schedule import Timetable
from autoscaler.replay.curve import Curve, Sample
from autoscaler.replay.fit import SATURATED_PERCENT, Fit
from autoscaler.replay.player import Player
from autoscaler.replay.recorded import Round
from autoscaler.settings import RoleSettings, Settings

PROGRESS_ROUNDS = 2000
"""Rounds between two signs of progress."""


@dataclass(slots=True)
class Outcome:
    """One role under the rules in force (first) and with the changes, if there are any (second).

    `saturated` are seconds in which a member was at its limit when recorded; `began` and `ended`
    Unix seconds of the first and the last round that count; `fit` tells how far the model of load
    on another count was from the recorded changes.
    """

    players: tuple[Player, ...]
    saturated: float = 0.0
    began: float | None = None
    ended: float | None = None
    curve: Curve = field(default_factory=Curve)
    fit: Fit = field(default_factory=Fit)
    _before: tuple[float, bool] | None = None

    @property
    def policies(self) -> tuple[RolePolicy, ...]:
        """The rules that were played to."""
        return tuple(player.policy for player in self.players)

    def play(self, one: Round, *, counts: bool, draws: bool) -> None:
        """Play a round to all; `counts` tells whether it is part of the figures."""
        decisions = [player.play(one) for player in self.players]
        if not counts:
            return
        for player, decision in zip(self.players, decisions, strict=True):
            player.count(one, decision)
        if self.began is None:
            self.began = one.wall
        self.ended = one.wall
        self._saturation(one)
        self.fit.take(one, self.players[0].policy.gap_seconds)
        if draws:
            counts_now = tuple(decision.desired for decision in decisions)
            self.curve.add(Sample(one.wall, tuple(d.mean for d in decisions), counts_now))

    def _saturation(self, one: Round) -> None:
        if self._before is not None and self._before[1]:
            gap = self.players[0].policy.gap_seconds
            self.saturated += min(max(0.0, one.at - self._before[0]), gap)
        full = any(
            load.ready and load.cpu_percent is not None and load.cpu_percent >= SATURATED_PERCENT
            for load in one.loads
        )
        self._before = (one.at, full)


def outcomes(
    in_force: Settings, changed: Settings | None, roles: Iterable[str]
) -> dict[str, Outcome]:
    """Return where the rounds of each role go."""
    return {
        role: Outcome(
            tuple(
                _player(settings, in_force.roles[role], role)
                for settings in (in_force, *([changed] if changed else []))
            )
        )
        for role in roles
    }


def simulate(
    rounds: Iterable[Round],
    roles: Mapping[str, Outcome],
    *,
    since: float | None = None,
    draws: bool = False,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Play all rounds; those before `since` (Unix seconds) do not count. Rounds are not kept.

    `draws` collects what a picture needs; `progress` is told the time that has been reached.
    """
    begin = float("-inf") if since is None else since
    for number, one in enumerate(rounds):
        outcome = roles.get(one.role)
        if outcome is not None:
            outcome.play(one, counts=one.wall >= begin, draws=draws)
        if progress is not None and number % PROGRESS_ROUNDS == 0:
            progress(one.wall)


def _player(settings: Settings, in_force: RoleSettings, name: str) -> Player:
    """Return the rules of a role; with another MAX or schedule its spares are taken for made."""
    role = settings.roles[name]
    return Player(
        role.policy(settings.average_over),
        in_force.cpu_high,
        Timetable(role.schedule, role.bounds, settings.zone()) if role.schedule else None,
        limited=(role.max, role.schedule) == (in_force.max, in_force.schedule),
    )
