"""The demo's load with every failed request told, and when it was due and ended."""

from __future__ import annotations

from collections.abc import Callable

from autoscaler.demo.load import Load, Mix
from autoscaler.demo.pool import Exchange, Limits, Pool
from autoscaler.demo.tally import Outcome
from tests.soak.invariants import Failure
from tests.soak.plan import Segment

LIMITS = Limits(timeout_seconds=12.0)
LONG_MS = 2000.0
UPLOAD_SECONDS = 3.0


class TellingPool(Pool):
    """A pool that tells of each failed request."""

    def __init__(
        self, address: tuple[str, int], limits: Limits, tell: Callable[[Failure], None]
    ) -> None:
        super().__init__(address, limits)
        self._tell = tell

    def _end(self, exchange: Exchange, outcome: Outcome) -> None:
        """Count as before, and tell of a failure."""
        failed = self.tally.failed
        super()._end(exchange, outcome)
        if self.tally.failed > failed:
            request = exchange.request
            role = request.target.split("/")[1]
            detail = f"{request.method} {request.target} {outcome.node} {outcome.detail}"
            kind = outcome.kind or "timeout"
            self._tell(Failure(role, kind, exchange.due, self._loop.time(), detail))


class Traffic(Load):
    """The load of a soak run; `tell` is called on its own thread."""

    def __init__(self, port: int, tell: Callable[[Failure], None], seed: int) -> None:
        super().__init__(("127.0.0.1", port), Mix({"/": 1.0}), LIMITS, seed=seed)
        self._tell = tell

    def _begin(self) -> None:
        """Make a pool that tells."""
        super()._begin()
        self._pool = TellingPool(self._address, self._limits, self._tell)

    def follow(self, segment: Segment) -> None:
        """Take over rates and paths of a segment."""
        self.mix = Mix(
            {
                f"/{role}/api/v11/consensus?burn_ms={segment.burn_ms:g}": rate
                for role, rate in segment.rates.items()
            }
        )
        self.rate = sum(segment.rates.values())

    def specials(self, role: str) -> None:
        """Begin a long request and a slow upload on a role."""
        target = f"/{role}/api/v11/consensus"
        self.long_request(target, LONG_MS)
        self.slow_upload(target, UPLOAD_SECONDS)
