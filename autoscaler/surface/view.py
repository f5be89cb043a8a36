"""What the controller shows to the HTTP server: one value that is replaced, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoscaler.model import Overrides, RolePolicy
from autoscaler.policy.explain import Situation


@dataclass(frozen=True, slots=True)
class RoleView:
    """What is shown of a role beside its status. `situation` is None before a first decision."""

    policy: RolePolicy
    overrides: Overrides
    situation: Situation | None


@dataclass(frozen=True, slots=True)
class View:
    """The daemon at one moment. Nobody may change what is in it.

    `status` is the answer to `autoscaler status`. `ticked_at` is the monotonic time of the last
    tick, `ticked_wall` its Unix time, `interval` seconds between two.
    """

    status: Mapping[str, Any]
    roles: Mapping[str, RoleView]
    ticked_at: float
    ticked_wall: float
    interval: float
    ready: bool = False


class Board:
    """Holds the latest view. The controller thread puts, any thread reads; neither ever waits."""

    def __init__(self) -> None:
        self.latest: View | None = None

    def put(self, view: View) -> None:
        """Replace what is shown."""
        self.latest = view
