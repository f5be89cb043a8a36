"""Asks the engine, NGINX and the CPU sources, one question of each kind at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoscaler.daemon import hosting, sourcing, strangers
from autoscaler.daemon.deciding import Deciding
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.lateness import LOOK, READINGS, Lateness
from autoscaler.daemon.looking import Looking
from autoscaler.daemon.ports import Parts
from autoscaler.daemon.publication import Endpoint
from autoscaler.daemon.state import State
from autoscaler.daemon.worker import Pool
from autoscaler.errors import AutoscalerError
from autoscaler.inventory import Snapshot
from autoscaler.model import Member, NoReading, Reading
from autoscaler.policy.headroom import HostLoad
from autoscaler.sampling.sources import SourceEvent


@dataclass(frozen=True, slots=True)
class _Looked:
    """One look: members, NGINX's networks (None if it is not there), whether it serves `asked`.

    `intact`: its file is as it was proven. `strangers` serve, but are in no scope.
    """

    began: float
    snapshot: Snapshot
    networks: frozenset[str] | None
    strangers: frozenset[Endpoint]
    asked: str | None
    serves: bool
    intact: bool


@dataclass(frozen=True, slots=True)
class _Sampled:
    """One round of readings that began at `began` (monotonic seconds), by member name.

    `host` is the load of the host itself, None where it is not measured.
    """

    began: float
    readings: dict[str, Reading]
    events: tuple[SourceEvent, ...]
    host: HostLoad | None


class Observing:
    """Runs looks and samples beside the controller thread and takes in what they bring."""

    def __init__(
        self, state: State, journal: Journal, pool: Pool, looking: Looking, deciding: Deciding
    ) -> None:
        self._state = state
        self._journal = journal
        self._pool = pool
        self._looking = looking
        self._deciding = deciding
        self._lateness = Lateness(state, journal)
        self._busy = False
        self._again = False
        self._sample_wanted = False
        self._sampling = False
        self._sample_trouble = ""
        self._epoch = 0
        self._parts: Parts | None = None
        self.rounds = 0

    def use(self, parts: Parts) -> None:
        """Ask these parts from now on; answers still under way are dropped."""
        self._parts = parts
        self._epoch += 1

    def look(self, *, sample: bool = False) -> None:
        """Look at the engine soon, and read CPU after that if `sample`."""
        self._lateness.check()
        self._sample_wanted |= sample
        if self._busy:
            self._again = True
            return
        parts = self._parts
        if parts is None:
            return
        self._busy, self._again = True, False
        self._lateness.begun(LOOK)
        epoch = self._epoch
        clock = self._journal.clock
        publication = self._state.publication
        asked = publication.proven if sample else None
        file = publication.rendered if sample and publication.settled else None
        served, roles = strangers.served(self._state), frozenset(self._state.roles)

        def work() -> _Looked:
            began = clock.monotonic()
            snapshot = parts.inventory.members()
            unseen = strangers.look(parts, served, roles, snapshot)
            networks = _networks(parts)
            serves = asked is None or _serves(parts, asked)
            intact = file is None or parts.publisher.intact(file)
            return _Looked(began, snapshot, networks, unseen, asked, serves, intact)

        self._pool.submit(
            "look", work, lambda r: self._looked(r, epoch), lambda e: self._failed(e, epoch)
        )

    def _next(self) -> None:
        self._busy = False
        if self._again:
            self.look()

    def _looked(self, looked: _Looked, epoch: int) -> None:
        self._lateness.over(LOOK)
        if epoch != self._epoch:
            self._busy = False
            self.look()
            return
        now = self._journal.clock.monotonic()
        if not self._state.engine_up:
            self._engine_is_up(looked.began)
        if looked.networks is not None:
            self._state.nginx_networks = looked.networks
        self._warn(looked.snapshot)
        members = looked.snapshot.members
        strangers.follow(self._state, looked.strangers, members, self._journal)
        self._looking.take_in(members, looked.began, now)
        self._state.looked_from = looked.began
        self._doubt(looked)
        self._next()
        if self._sample_wanted and not self._sampling:
            self._sample_wanted = False
            self._sample(looked.snapshot)

    def _doubt(self, looked: _Looked) -> None:
        """Let the file be published again if it or what NGINX serves is not as it was proven."""
        publication = self._state.publication
        if publication.proven != looked.asked or publication.busy:
            return
        if not looked.intact:
            publication.doubt()
            self._journal.warning(
                "nginx.file_changed",
                generation=looked.asked,
                reason="the generated file was changed or removed by somebody else; it is written "
                "and loaded again",
                hint="what it says follows from the settings: change the env file instead",
            )
        elif not looked.serves:
            publication.doubt()
            self._journal.warning(
                "nginx.generation_lost",
                generation=looked.asked,
                reason="NGINX no longer answers the generation it was proven to serve; it is "
                "proven or published again",
            )

    def _engine_is_up(self, seen_at: float) -> None:
        if self._state.engine_up is False:
            self._journal.info("engine.recovered", reason="it answers again")
            self.distrust_addresses(seen_at)
        self._state.engine_up = True
        self._state.engine_error = ""

    def distrust_addresses(self, now: float) -> None:
        """The engine or NGINX began anew: publish before anything else, take no stop for a wish.

        What looks that began before `now` (monotonic seconds) have shown does not count.
        """
        self._state.publish_first = True
        self._state.distrusted_at = now
        self._state.publication.doubt()

    def _failed(self, error: AutoscalerError, epoch: int) -> None:
        self._lateness.over(LOOK)
        self._busy = False
        if epoch != self._epoch:
            self.look()
            return
        self._sample_wanted = False
        if self._state.engine_up is not False:
            self._journal.error(
                "engine.unavailable",
                reason=str(error),
                consequence="all counts are held and NGINX stays as it is until it answers",
            )
            for role in self._state.roles.values():
                role.hands.disconnected()
        self._state.engine_up = False
        self._state.engine_error = str(error)

    def _warn(self, snapshot: Snapshot) -> None:
        warnings = frozenset(snapshot.warnings)
        for text in sorted(warnings - self._state.warnings):
            self._journal.warning("inventory.warning", reason=text)
        self._state.warnings = warnings

    def _sample(self, snapshot: Snapshot) -> None:
        parts = self._parts
        if parts is None:
            return
        self._sampling = True
        self._lateness.begun(READINGS)
        epoch = self._epoch
        clock = self._journal.clock

        def work() -> _Sampled:
            began = clock.monotonic()
            readings = parts.sampler.sample(snapshot.members)
            return _Sampled(began, readings, parts.sampler.events(), parts.host())

        self._pool.submit(
            "sample",
            work,
            lambda r: self._sampled(r, parts, epoch),
            lambda e: self._sample_failed(e, snapshot, epoch),
        )

    def _sampled(self, sampled: _Sampled, parts: Parts, epoch: int) -> None:
        self._sampling = False
        self._lateness.over(READINGS)
        if self._sample_trouble:
            self._sample_trouble = ""
            self._journal.info("source.recovered", reason="CPU is read again")
        if self._parts is not None and parts.sampler is self._parts.sampler:
            sourcing.follow(sampled.events, self._state, self._journal)
        if epoch != self._epoch:
            return
        sourcing.follow_new(sampled.readings, self._state, self._journal)
        self.rounds += 1
        now = self._journal.clock.monotonic()
        age = now - sampled.began
        readings = sampled.readings
        if age > self._state.settings.max_age:
            readings = {n: _too_old(r, age) for n, r in readings.items()}
        hosting.follow(self._state, sampled.host, self._journal)
        self._deciding.round(readings, now)

    def _sample_failed(self, error: AutoscalerError, snapshot: Snapshot, epoch: int) -> None:
        """Decide without a reading: bounds count also then, and no recommendation is recorded."""
        self._sampling = False
        self._lateness.over(READINGS)
        text = str(error)
        if text != self._sample_trouble:
            self._sample_trouble = text
            self._journal.error(
                "source.failed", reason=text, consequence="all counts are held until CPU is read"
            )
        if epoch == self._epoch:
            unread = {m.name: _unread(m, text) for m in snapshot.members}
            self._deciding.round(unread, self._journal.clock.monotonic())


def _unread(member: Member, why: str) -> Reading:
    """Return the reading of a member that could not even be asked for."""
    reason = NoReading.SOURCE_FAILED if member.running else NoReading.NOT_RUNNING
    return Reading(member.name, None, reason, source="all", detail=why)


def _too_old(reading: Reading, age: float) -> Reading:
    """Return a reading without its number: it is too old to act on."""
    return replace(
        reading,
        cpu_percent=None,
        reason=reading.reason or NoReading.STALE,
        detail=reading.detail or f"it took {age:.0f} s to come, longer than max_age",
    )


def _networks(parts: Parts) -> frozenset[str] | None:
    """Return NGINX's networks, None while it is not there to be asked."""
    try:
        return parts.publisher.networks()
    except AutoscalerError:
        return None


def _serves(parts: Parts, generation: str) -> bool:
    """Ask whether NGINX still serves a generation; an engine in trouble is no answer."""
    try:
        return parts.publisher.proven(generation)
    except AutoscalerError:
        return True
