"""The daemon with one rule broken, to show that the tests would notice.

Run as `python mutant.py stop-first run --env-file FILE`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

from autoscaler.actuation.drain import Drained
from autoscaler.actuation.drainer import Drainer, Leaving
from autoscaler.actuation.health import Judgement, ProbeResult, Standing
from autoscaler.cli.main import main
from autoscaler.daemon import reconcile, tracking
from autoscaler.model import Health, Step, StepKind
from autoscaler.plan import RolePlan, RoleView, plan_role


def stop_first() -> None:
    """Stop surplus members while NGINX still sends them requests; unpublish what is dead."""

    def plan(view: RoleView) -> RolePlan:
        good = plan_role(view)
        surplus = {
            m.member.name: m
            for m in view.members
            if m.member.running and m.member.name not in good.chosen
        }
        stops = [
            Step(StepKind.STOP, view.role, name, "mutant")
            for name, m in surplus.items()
            if m.busy is None
        ]
        rest = [step for step in good.steps if step.member not in surplus]
        serve = tuple(dict.fromkeys((*good.serve, *surplus)))
        return replace(good, serve=serve, steps=(*rest, *stops))

    setattr(reconcile, "plan_role", plan)  # noqa: B010 a module's import of it, not its own name


def publish_first() -> None:
    """Take a member for healthy as soon as it runs."""

    def judge(_health: Health, _last: ProbeResult | None, _path: str) -> Judgement:
        return Judgement(Standing.HEALTHY, "it runs")

    setattr(tracking, "judge", judge)  # noqa: B010 likewise


def no_drain() -> None:
    """Take a member for drained as soon as it has left NGINX."""

    def drain(_drainer: Drainer, _leaving: Leaving, *_how: object) -> Drained:
        return Drained(0.0, True, 0, 0, 0, 0)

    setattr(Drainer, "drain", drain)  # noqa: B010 likewise


RULES: dict[str, Callable[[], None]] = {
    "stop-first": stop_first,
    "publish-first": publish_first,
    "no-drain": no_drain,
}

if __name__ == "__main__":
    RULES[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
