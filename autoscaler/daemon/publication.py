"""What NGINX should serve, what it was proven to serve, and what it might serve.

Decides when the next publish may begin; does not publish. Reads no clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autoscaler.actuation.upstreams import Rendered
from autoscaler.backoff import doubled

BACKOFF_FIRST_SECONDS = 0.5
BACKOFF_MOST_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A member at an address, as it stands in an upstream."""

    role: str
    member: str
    address: str
    port: int


@dataclass(slots=True)
class Publication:
    """State of the one generated file.

    Until the first proof nothing is known: every member may get requests. `error` is why the
    last try failed. `at_risk` are endpoints of earlier tries that NGINX may have taken unproven.
    """

    rendered: Rendered | None = None
    wanted: frozenset[Endpoint] = frozenset()
    proven: str | None = None
    proven_endpoints: frozenset[Endpoint] = frozenset()
    tried: frozenset[Endpoint] = frozenset()
    at_risk: frozenset[Endpoint] = frozenset()
    known: bool = False
    busy: bool = False
    last_reload: float | None = None
    retry_at: float = 0.0
    failures: int = 0
    failing_since: float = 0.0
    error: str | None = None
    unreachable: bool = False
    _exposed: frozenset[tuple[str, str]] = frozenset()
    _exposed_by: tuple[frozenset[Endpoint], ...] = (frozenset(), frozenset(), frozenset())

    def want(self, rendered: Rendered, endpoints: Iterable[Endpoint]) -> None:
        """Set what should be served."""
        self.rendered = rendered
        self.wanted = frozenset(endpoints)

    def exposed(self, role: str, member: str) -> bool:
        """Tell whether NGINX may send requests to a member."""
        if not self.known:
            return True
        sets = (self.proven_endpoints, self.at_risk, self.tried)
        if sets != self._exposed_by:
            # Asked for every member after every event: looking through all would be quadratic.
            self._exposed = frozenset((e.role, e.member) for given in sets for e in given)
            self._exposed_by = sets
        return (role, member) in self._exposed

    def published(self, endpoint: Endpoint) -> bool:
        """Tell whether NGINX was proven to send requests to a member at this address."""
        return self.known and self.proven is not None and endpoint in self.proven_endpoints

    @property
    def settled(self) -> bool:
        """Whether NGINX was proven to serve what is wanted."""
        return self.rendered is not None and self.proven == self.rendered.generation

    def due_at(self, min_interval: float, *, urgent: bool) -> float | None:
        """Return the earliest time of the next publish, None if there is nothing to do.

        `urgent`: what NGINX serves costs answers; that does not wait for `min_interval`.
        """
        if self.busy or self.settled or self.rendered is None:
            return None
        if urgent or self.last_reload is None:
            return self.retry_at
        return max(self.retry_at, self.last_reload + min_interval)

    def begin(self) -> Rendered:
        """Note that a publish of the wanted file begins and return it."""
        if self.rendered is None:
            raise RuntimeError("nothing to publish")
        self.busy = True
        self.tried = self.wanted
        return self.rendered

    def succeeded(self, generation: str, now: float, *, reloaded: bool) -> None:
        """Note the proof that NGINX serves what was tried."""
        self.busy = False
        self.proven = generation
        self.proven_endpoints = self.tried
        self.tried = frozenset()
        self.at_risk = frozenset()
        self.known = True
        self.failures = 0
        self.retry_at = 0.0
        self.error = None
        self.unreachable = False
        if reloaded:
            self.last_reload = now

    def failed(self, error: str, now: float, *, applied_maybe: bool, unreachable: bool) -> float:
        """Note a failed try; return the seconds until the next.

        `applied_maybe`: NGINX may have taken the new file although it was not proven, so what was
        tried stays at risk.
        """
        self.busy = False
        if applied_maybe:
            self.at_risk |= self.tried
        self.tried = frozenset()
        self.error = error
        self.unreachable = unreachable
        if self.failures == 0:
            self.failing_since = now
        seconds = doubled(BACKOFF_FIRST_SECONDS, self.failures, BACKOFF_MOST_SECONDS)
        self.failures += 1
        self.retry_at = now + seconds
        return seconds

    def failed_for(self, now: float) -> float:
        """Return the seconds since the first of the failures in a row, 0 after a good try."""
        return round(now - self.failing_since, 1) if self.failures else 0.0

    def doubt(self) -> None:
        """NGINX no longer answers the proven generation: prove or publish it again."""
        self.proven = None
        self.retry_at = 0.0
