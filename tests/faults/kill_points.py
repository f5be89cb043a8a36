"""The daemon that ends as by `kill -9` at a chosen moment of a chosen member's step.

Run as `python kill_points.py STEP.MOMENT MEMBER run --env-file FILE`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoscaler.actuation.nginx_container import ContainerNginx
from autoscaler.cli.main import main
from autoscaler.daemon.actions import Actions
from autoscaler.daemon.looking import Looking
from autoscaler.daemon.readiness import Readiness
from autoscaler.events import EventKind
from autoscaler.model import StepKind

EACH = ("before", "after")
TRANSACTION = ("written", "renamed", "tested", "reloaded")
"""The moments inside a publish: each just after that effect."""

POINTS: dict[StepKind, tuple[str, ...]] = {
    StepKind.START: EACH,
    StepKind.WAIT_HEALTHY: EACH,
    StepKind.AFTER_HEALTHY: EACH,
    StepKind.PUBLISH: (*EACH, *TRANSACTION),
    StepKind.UNPUBLISH: (*EACH, *TRANSACTION),
    StepKind.DRAIN: EACH,
    StepKind.BEFORE_STOP: EACH,
    StepKind.STOP: (*EACH, "underway"),
}
"""The moments of every kind of step."""

PROGRAM = str(Path(__file__))


@dataclass(frozen=True)
class Point:
    """A moment of a kind of step."""

    kind: StepKind
    moment: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.moment}"

    @property
    def grows(self) -> bool:
        """Whether the step belongs to a grow; else it belongs to a shrink."""
        kinds = list(StepKind)
        return kinds.index(self.kind) < kinds.index(StepKind.UNPUBLISH)


def points() -> list[Point]:
    """Return all points, those of a grow and of a shrink by turns as long as there are both."""
    every = [Point(kind, moment) for kind, moments in POINTS.items() for moment in moments]
    grow, shrink = [p for p in every if p.grows], [p for p in every if not p.grows]
    turns = [p for pair in zip(grow, shrink, strict=False) for p in pair]
    return turns + [p for p in every if p not in turns]


def die(*_: object) -> None:
    """End this process at once, as the kernel ends it."""
    os.kill(os.getpid(), signal.SIGKILL)


def around(
    owner: type,
    name: str,
    *,
    before: Callable[..., None] = lambda *_: None,
    after: Callable[..., None] = lambda *_: None,
) -> None:
    """Call `before` with a method's arguments, and `after` with those and its result."""
    original = getattr(owner, name)

    def method(*given: Any) -> Any:  # noqa: ANN401 stands for any method
        before(*given)
        result = original(*given)
        after(*given, result)
        return result

    setattr(owner, name, method)


class KillPoint:
    """Puts one point for one member into the program."""

    def __init__(self, point: Point, member: str) -> None:
        self._point = point
        self._member = member
        self._key: str | None = None

    def set(self) -> None:
        """Change the program, so that it dies there."""
        kind, moment = self._point.kind, self._point.moment
        around(Actions, "record", after=self._recorded)
        if kind is StepKind.WAIT_HEALTHY and moment == "before":
            around(Readiness, "_probe", before=self._probing)
        elif kind is StepKind.WAIT_HEALTHY:
            around(Readiness, "_judge", after=self._judged)
        elif moment == "after":
            around(Actions, "ended", before=self._ended)
        elif moment == "underway":
            around(Looking, "event", before=self._event)
        elif moment == "tested":
            around(ContainerNginx, "test", after=self._in_step)
        elif moment == "reloaded":
            around(ContainerNginx, "reload", after=self._in_step)
        elif moment == "written":
            around(Path, "replace", before=self._renaming)
        elif moment == "renamed":
            around(Path, "replace", after=self._renaming)

    def _recorded(self, *given: Any) -> None:  # noqa: ANN401 a method's arguments
        _actions, _role, member, step, (key, _record) = given
        if member.name == self._member and step.kind is self._point.kind:
            self._key = key
            if self._point.moment == "before":
                die()

    def _ended(self, _actions: object, key: str, *_: object) -> None:
        if key == self._key:
            die()

    def _in_step(self, *_: object) -> None:
        if self._key is not None:
            die()

    def _renaming(self, _path: Path, target: Path, *_: object) -> None:
        if self._key is not None and not target.name.startswith("."):
            die()

    def _event(self, *given: Any) -> None:  # noqa: ANN401 a method's arguments
        if self._key is not None and given[1].kind is EventKind.KILL:
            die()

    def _probing(self, *given: Any) -> None:  # noqa: ANN401 a method's arguments
        if given[3].name == self._member:
            die()

    def _judged(self, *given: Any) -> None:  # noqa: ANN401 a method's arguments
        role, member = given[1:3]
        if member.name == self._member and role.track(member.name).ready:
            die()


if __name__ == "__main__":
    kind, _, moment = sys.argv[1].partition(".")
    KillPoint(Point(StepKind(kind), moment), sys.argv[2]).set()
    sys.exit(main(sys.argv[3:]))
