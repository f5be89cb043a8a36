"""Keeps NGINX's upstreams equal to the members that should get requests."""

from __future__ import annotations

import math

from autoscaler.actuation.addresses import AddressMode, Problem, address_of
from autoscaler.actuation.nginx import Published
from autoscaler.actuation.upstreams import Probe, Rendered, Server, Upstream, render, unfit
from autoscaler.daemon import strangers
from autoscaler.daemon.actions import RECORD_SECONDS, Actions
from autoscaler.daemon.history import wait_for_all
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.ports import Parts
from autoscaler.daemon.publication import Endpoint
from autoscaler.daemon.readiness import needs_probe
from autoscaler.daemon.state import RoleState, State
from autoscaler.daemon.worker import Pool
from autoscaler.errors import AutoscalerError, NginxTestFailedError, NginxUnreachableError
from autoscaler.model import Member, Step, StepKind

FIRST_ANSWER_SECONDS = 0.1
"""How long the first file after a restart of the engine waits for the members' first answers.

Their addresses are new, so none of them has proved to answer yet. A file made at once would list
nobody, and every role would answer 503 until the next one; the wait is shorter than a reload.
"""

_Change = tuple[RoleState, Member, StepKind]


class Publishing:
    """Renders what should be served, publishes it when it is due, takes in the outcome."""

    def __init__(self, state: State, journal: Journal, actions: Actions, pool: Pool) -> None:
        self._state = state
        self._journal = journal
        self._actions = actions
        self._pool = pool
        self._told: str | None = None
        self._fresh = False
        self._rendered = render((), self._probe())
        self._rendered_from: tuple[tuple[Upstream, ...], Probe] = ((), self._probe())

    def endpoint(self, role: RoleState, member: Member) -> Endpoint | None:
        """Return where NGINX finds a running member; None, told once, if it cannot."""
        nginx = self._state.settings.nginx
        mode: AddressMode = "published" if nginx.addresses == "published" else "container"
        where = address_of(member, mode, nginx.network or None, self._state.nginx_networks)
        if not isinstance(where, Problem) and (why := unfit(Server(member.name, *where))):
            where = Problem(why)
        if isinstance(where, Problem):
            if role.unaddressed.get(member.name) != where.text:
                role.unaddressed[member.name] = where.text
                self._journal.warning(
                    "member.unaddressed", role=role.name, member=member.name, reason=where.text
                )
            return None
        role.unaddressed.pop(member.name, None)
        return Endpoint(role.name, member.name, where[0], where[1])

    def update(self, parts: Parts, now: float) -> None:
        """Set what should be served from the roles' `serve` and publish it if it is due."""
        endpoints: list[Endpoint] = []
        upstreams: list[Upstream] = []
        for role in self._state.roles.values():
            places = [self.endpoint(role, role.members[name]) for name in role.serve]
            found = [e for e in places if e is not None]
            found += strangers.kept(role, found, self.endpoint)
            endpoints += found
            upstreams.append(self._upstream(role, found))
        self._want(tuple(upstreams), endpoints)
        if self._state.addresses_fresh and self._state.publication.settled:
            self._state.publish_first = False
        due = self.next_at()
        if due is not None and due <= now:
            self._publish(parts)

    def _want(self, upstreams: tuple[Upstream, ...], endpoints: list[Endpoint]) -> None:
        """Set what should be served; the file is made anew only when it would differ."""
        given = (upstreams, self._probe())
        if given != self._rendered_from:
            self._rendered, self._rendered_from = render(*given), given
        self._state.publication.want(self._rendered, endpoints)

    def _waits_for_verdicts(self) -> bool:
        """Tell whether the first publish is too early: a member that runs was not asked yet."""
        if self._state.publication.known:
            return False
        return not all(
            role.track(m.name).judged(m.health, role.settings.health_path, role.rules)
            or m.name in role.unaddressed
            for role in self._state.roles.values()
            for m in role.members.values()
        )

    def _waits_for_look(self) -> bool:
        """Tell whether addresses are in doubt and no look has shown the new ones yet.

        Until then the dead leave, but nobody enters and nothing is published once more.
        """
        publication = self._state.publication
        fresh = self._state.addresses_fresh
        return not fresh and not publication.wanted < publication.proven_endpoints

    @staticmethod
    def _upstream(role: RoleState, endpoints: list[Endpoint]) -> Upstream:
        s = role.settings
        servers = tuple(Server(e.member, e.address, e.port) for e in endpoints)
        return Upstream(role.name, servers, s.balance, s.keepalive, s.max_fails, s.fail_timeout)

    def _probe(self) -> Probe:
        nginx = self._state.settings.nginx
        local = nginx.reach == "host" or "host" in self._state.nginx_networks
        listen = f"127.0.0.1:{nginx.probe_port}" if local else str(nginx.probe_port)
        return Probe(listen, nginx.probe_port, max(1, math.ceil(nginx.retry_after)))

    def _first_answers_by(self) -> float:
        """Return until when members that the engine began anew may still be asked; 0 if all were.

        Only while all addresses are in doubt: a death that an event tells of waits for nobody.
        """
        if not self._state.publish_first:
            return 0.0
        begun = [
            track.up_since
            for e in self._state.publication.proven_endpoints
            if (role := self._state.roles.get(e.role)) and (member := role.members.get(e.member))
            if (track := role.track(e.member)).unasked and needs_probe(role, member)
        ]
        return max(begun, default=-FIRST_ANSWER_SECONDS) + FIRST_ANSWER_SECONDS

    def _urgent(self) -> bool:
        """Tell whether the proven file costs answers.

        It lists a member that cannot give any, or none of a role that now has one.
        """
        publication = self._state.publication
        answering = {e.role for e in publication.proven_endpoints}
        if any(e.role not in answering for e in publication.wanted):
            return True
        for e in publication.proven_endpoints:
            role = self._state.roles.get(e.role)
            if role is not None and e in role.strangers | role.returning:
                continue
            member = role.members.get(e.member) if role else None
            if role is None or member is None or not role.track(e.member).ready:
                return True
            if self.endpoint(role, member) != e:
                return True
        return False

    def next_at(self) -> float | None:
        """Return when a publish is due, None if none is."""
        if self._waits_for_verdicts() or self._waits_for_look():
            return None
        due = self._state.publication.due_at(
            self._state.settings.nginx.min_reload_interval, urgent=self._urgent()
        )
        return None if due is None else max(due, self._first_answers_by())

    def _publish(self, parts: Parts) -> None:
        changes = self._changes()
        rendered = self._state.publication.begin()
        self._fresh = self._state.addresses_fresh
        steps = [
            (role, member, Step(kind, role.name, member.name, "publish"))
            for role, member, kind in changes
        ]
        begun = [self._actions.record(*step) for step in steps]
        keys, records = [key for key, _ in begun], [record for _, record in begun]

        def work() -> tuple[bool, Published]:
            recorded = wait_for_all(records, RECORD_SECONDS)
            return recorded, parts.publisher.publish(rendered)

        def done(result: tuple[bool, Published]) -> None:
            recorded, published = result
            for key in keys:
                self._actions.ended(key, "ok")
            if not recorded:
                self._actions.unrecorded(*steps[0])
            self._done(changes, published)

        def failed(error: AutoscalerError) -> None:
            for key in keys:
                self._actions.ended(key, "failed", str(error))
            self._failed(rendered, error)

        self._pool.submit("publish", work, done, failed)

    def _changes(self) -> list[_Change]:
        """List members that enter or leave NGINX with the wanted file."""
        publication = self._state.publication
        wanted, had = publication.wanted, publication.proven_endpoints | publication.at_risk
        found: list[_Change] = []
        for kind, endpoints in (
            (StepKind.UNPUBLISH, had - wanted),
            (StepKind.PUBLISH, wanted - publication.proven_endpoints),
        ):
            for e in sorted(endpoints, key=lambda e: (e.role, e.member)):
                role = self._state.roles.get(e.role)
                if role is not None and e.member in role.members:
                    found.append((role, role.members[e.member], kind))
        return found

    def _done(self, changes: list[_Change], published: Published) -> None:
        publication = self._state.publication
        now = self._journal.clock.monotonic()
        was_exposed = {
            (role.name, name)
            for role in self._state.roles.values()
            for name in role.members
            if publication.exposed(role.name, name)
        }
        recovered, failed_for = publication.error, publication.failed_for(now)
        publication.succeeded(published.generation, now, reloaded=published.reloaded)
        self._told = None
        self._asked()
        if published.reloaded or recovered:
            self._journal.info(
                "nginx.reloaded" if published.reloaded else "nginx.recovered",
                generation=published.generation,
                seconds=round(sum(published.seconds.values()), 3),
                reason=", ".join(sorted({kind.value for _, _, kind in changes})) or "repair",
                **({"after": recovered, "failed_seconds": failed_for} if recovered else {}),
            )
        self._note_left(was_exposed, published)
        for role, member, kind in changes:
            event = "member.published" if kind is StepKind.PUBLISH else "member.unpublished"
            self._journal.info(
                event,
                role=role.name,
                member=member.name,
                generation=published.generation,
                reason="it is healthy"
                if kind is StepKind.PUBLISH
                else self._why_left(role, member),
            )

    def _asked(self) -> None:
        """NGINX was asked once; with fresh addresses, all other work may begin."""
        if self._fresh:
            self._state.publish_first = False

    def _note_left(self, was_exposed: set[tuple[str, str]], published: Published) -> None:
        """Note for every member that left NGINX from when on its last requests run out."""
        publication = self._state.publication
        for role_name, name in was_exposed:
            role = self._state.roles[role_name]
            track = role.track(name)
            if publication.exposed(role_name, name):
                track.drained = False
            elif track.running:
                track.drained = False
                track.unpublished_at = published.proven_at
                track.old_workers = published.old_workers
        for e in publication.proven_endpoints:
            found = self._state.roles.get(e.role)
            if found is not None and e.member in found.members:
                found.track(e.member).drained = False

    def _why_left(self, role: RoleState, member: Member) -> str:
        track = role.track(member.name)
        if not track.running:
            return "it does not run"
        if not track.ready:
            detail, unasked = track.probe_detail, "it has not answered at its present address yet"
            return f"it cannot answer: {detail}" if detail else unasked
        if member.name not in role.chosen:
            return "it is surplus"
        aside = track.quarantined(self._journal.clock.monotonic())
        return "it failed too often, so it is set aside" if aside else "its address changed"

    def _failed(self, rendered: Rendered, error: AutoscalerError) -> None:
        now = self._journal.clock.monotonic()
        test_failed = isinstance(error, NginxTestFailedError)
        unreachable = isinstance(error, NginxUnreachableError)
        seconds = self._state.publication.failed(
            str(error), now, applied_maybe=not test_failed, unreachable=unreachable
        )
        self._asked()
        if self._told == str(error):
            return
        self._told = str(error)
        name = "test_failed" if test_failed else "unreachable" if unreachable else "reload_failed"
        self._journal.error(
            f"nginx.{name}",
            generation=rendered.generation,
            reason=str(error),
            output=error.output if isinstance(error, NginxTestFailedError) else None,
            retry_seconds=seconds,
            consequence="the file is kept right and taken as soon as NGINX is back; no member is "
            "stopped"
            if unreachable
            else "NGINX keeps what it serves; no member is stopped",
        )
