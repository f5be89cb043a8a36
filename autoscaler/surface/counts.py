"""What has happened, counted from outcomes for Prometheus. Knows nothing of HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

_RELOADS = {
    "nginx.reloaded": "ok",
    "nginx.test_failed": "test_failed",
    "nginx.unreachable": "unreachable",
    "nginx.reload_failed": "failed",
}
_TICK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CAPACITY_BUCKETS = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0)


class Counts:
    """Counters in a registry of their own; they live as long as the process.

    A role that is forgotten takes its series with it and is not counted until it is decided on
    again, so that a late outcome brings none of them back.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self._decisions = Counter(
            "autoscaler_decisions",
            "Decisions of the rules, by reason.",
            ["role", "reason"],
            registry=registry,
        )
        self._actions = Counter(
            "autoscaler_actions",
            "Finished actions on members, by outcome.",
            ["role", "action", "outcome"],
            registry=registry,
        )
        self._sources = Counter(
            "autoscaler_source_errors",
            "Readings that a CPU source could not give, by reason.",
            ["source", "reason"],
            registry=registry,
        )
        self._reloads = Counter(
            "autoscaler_nginx_reloads",
            "Reloads of NGINX, by outcome.",
            ["outcome"],
            registry=registry,
        )
        self._notifications = Counter(
            "autoscaler_notifications",
            "Messages to people, one per place: sent or failed; dropped: events not told in full.",
            ["outcome"],
            registry=registry,
        )
        self._ticks = Histogram(
            "autoscaler_tick_duration_seconds",
            "Time from a tick to its decisions.",
            registry=registry,
            buckets=_TICK_BUCKETS,
        )
        self._capacity = Histogram(
            "autoscaler_time_to_capacity_seconds",
            "Time a started member took in each phase (start, healthy, publish) and in total.",
            ["role", "phase"],
            registry=registry,
            buckets=_CAPACITY_BUCKETS,
        )
        self._gone: set[str] = set()
        self._coming: dict[tuple[str, str], list[float]] = {}
        for outcome in _RELOADS.values():
            self._reloads.labels(outcome)
        for outcome in ("sent", "failed", "dropped"):
            self._notifications.labels(outcome)

    def decided(self, role: str, reason: str) -> None:
        """Count a decision."""
        self._gone.discard(role)
        self._decisions.labels(role, reason).inc()

    def acted(self, role: str, action: str, outcome: str) -> None:
        """Count an action that has ended: `ok` or `failed`."""
        if role not in self._gone:
            self._actions.labels(role, action, outcome).inc()

    def no_reading(self, source: str, reason: str) -> None:
        """Count a reading that should have been there."""
        self._sources.labels(source or "none", reason).inc()

    def round_done(self, seconds: float) -> None:
        """Count a round of decisions, `seconds` after its tick."""
        self._ticks.observe(seconds)

    def notified(self, outcome: str, number: int) -> None:
        """Count messages to people: `sent`, `failed`; or events that were `dropped`."""
        self._notifications.labels(outcome).inc(number)

    def told(self, event: str, fields: Mapping[str, object], now: float) -> None:
        """Count what an event of the journal tells. `now` is monotonic seconds."""
        if event in _RELOADS:
            self._reloads.labels(_RELOADS[event]).inc()
        elif event == "source.failed" and fields.get("source"):
            self.no_reading(str(fields["source"]), "given_up")
        elif event.startswith("member."):
            self._member(event, (str(fields.get("role")), str(fields.get("member"))), fields, now)

    def _member(
        self, event: str, who: tuple[str, str], fields: Mapping[str, object], now: float
    ) -> None:
        """Follow a member from its start until it gets requests."""
        if who[0] in self._gone:
            return
        times = self._coming.get(who)
        if event == "member.started":
            took = float(str(fields.get("seconds", 0.0)))
            self._coming[who] = [now - took, now]
            self._capacity.labels(who[0], "start").observe(took)
        elif event == "member.healthy" and times is not None and len(times) == 2:  # noqa: PLR2004
            self._capacity.labels(who[0], "healthy").observe(now - times[-1])
            times.append(now)
        elif event == "member.published" and times is not None:
            self._capacity.labels(who[0], "publish").observe(now - times[-1])
            self._capacity.labels(who[0], "total").observe(now - times[0])
            del self._coming[who]
        elif event in {"member.stopped", "member.died", "member.quarantined"}:
            self._coming.pop(who, None)

    def forget(self, role: str) -> None:
        """Remove every series of a role."""
        self._gone.add(role)
        self._coming = {who: t for who, t in self._coming.items() if who[0] != role}
        for metric in (self._decisions, self._actions, self._capacity):
            metric.remove_by_labels({"role": role})
