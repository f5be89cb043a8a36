"""What the daemon needs from the outside: small interfaces, no SDK type among them.

Every call may block and so runs beside the controller thread; every failure is an AutoscalerError.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from autoscaler.actuation.drain import Drained
from autoscaler.actuation.drainer import Leaving
from autoscaler.actuation.health import ProbeResult
from autoscaler.actuation.nginx import Published
from autoscaler.actuation.upstreams import Rendered, Server
from autoscaler.hooks import Hook
from autoscaler.inventory import Snapshot
from autoscaler.model import Member, Reading
from autoscaler.policy.headroom import HostLoad
from autoscaler.sampling.sources import SourceEvent
from autoscaler.strangers import Stranger


class Inventory(Protocol):
    """Finds the members."""

    def members(self) -> Snapshot:
        """Return all members of the scope as the engine shows them now."""

    def forget(self, container_id: str) -> None:
        """Look at a container anew next time."""

    def strangers(self) -> tuple[Stranger, ...]:
        """Return all running containers that are in no role's scope."""


class Sampler(Protocol):
    """Reads CPU."""

    def sample(self, members: Sequence[Member]) -> dict[str, Reading]:
        """Return a reading, or the reason for none, of every member, by name."""

    def events(self) -> tuple[SourceEvent, ...]:
        """Return what changed about the sources since the last call."""


class Lifecycle(Protocol):
    """Starts and stops containers."""

    def start(self, member: Member) -> None:
        """Start a container."""

    def stop(self, member: Member, timeout_seconds: float) -> None:
        """Stop a container, killing it after the timeout."""


class Publisher(Protocol):
    """Makes NGINX serve a file and proves it."""

    def publish(self, rendered: Rendered) -> Published:
        """Write, test, reload and prove."""

    def proven(self, generation: str) -> bool:
        """Ask NGINX whether it serves a generation now."""

    def intact(self, rendered: Rendered) -> bool:
        """Tell whether the file that NGINX would start with is this one."""

    def networks(self) -> frozenset[str]:
        """Return the networks of NGINX's container; empty for an NGINX on the host."""


def unlisted() -> frozenset[tuple[str, Server]]:
    """Know of no file that was there before."""
    return frozenset()


def unmeasured() -> HostLoad | None:
    """Know nothing of the host: the engine runs on another one."""
    return None


@dataclass(frozen=True, slots=True)
class Parts:
    """The outside world of one daemon.

    `hook` runs a hook of a member for at most so many seconds and raises HookFailedError. `host`
    measures the host the members run on. `listed` are the members in NGINX's file on disk, by role.
    """

    inventory: Inventory
    sampler: Sampler
    lifecycle: Lifecycle
    publisher: Publisher
    probe: Callable[[str, int, str, float], ProbeResult]
    drain: Callable[[Leaving, float, Callable[[], bool]], Drained]
    hook: Callable[[Member, Hook, float], None]
    host: Callable[[], HostLoad | None] = unmeasured
    listed: Callable[[], frozenset[tuple[str, Server]]] = unlisted
