"""Watches that looks and readings come back: a loop that is only blind would else seem well."""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.daemon.journal import Journal
from autoscaler.daemon.state import State

LATE_SECONDS = 60.0
LATE_ANSWERS = 6
"""Late is what takes longer than this, or than so many of the engine's timeouts."""

LOOK = "the look at the engine, NGINX and its file"
READINGS = "the round of CPU readings"


@dataclass(slots=True)
class _UnderWay:
    """Something under way since `began` (monotonic seconds), and what was told of it, if late."""

    began: float
    told: str = ""


class Lateness:
    """Knows what is under way since when (monotonic seconds), and tells what should be over."""

    def __init__(self, state: State, journal: Journal) -> None:
        self._state = state
        self._journal = journal
        self._under_way: dict[str, _UnderWay] = {}

    def begun(self, what: str) -> None:
        """Note that this is under way from now on."""
        self._under_way[what] = _UnderWay(self._journal.clock.monotonic())

    def over(self, what: str) -> None:
        """Note that this came back, and tell so if it was late."""
        one = self._under_way.pop(what, None)
        if one is None or not one.told:
            return
        self._state.late = next((u.told for u in self._under_way.values() if u.told), "")
        seconds = self._journal.clock.monotonic() - one.began
        self._journal.info(
            "look.recovered", reason=f"{what} has come back", seconds=round(seconds, 1)
        )

    def check(self) -> None:
        """Tell, once, what has been under way for too long."""
        most = max(LATE_SECONDS, LATE_ANSWERS * self._state.settings.docker.timeout)
        for what, one in self._under_way.items():
            if one.told or self._journal.clock.monotonic() - one.began <= most:
                continue
            one.told = self._state.late = f"{what} has not come back for more than {most:g} s"
            self._journal.error(
                "look.late",
                reason=self._state.late,
                consequence="all counts are held and NGINX stays as it is until it does",
                hint="look for a file system that hangs (the state and NGINX directories, /sys); "
                "systemctl restart autoscaler begins anew and stops no member",
            )
