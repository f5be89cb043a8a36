"""A clock and an engine on virtual time, as the daemon's ports show them.

The engine behaves like a real one as far as the daemon can tell, and keeps a list of broken
promises: a member stopped while it may get requests, or without being drained.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from autoscaler.actuation.drain import Drained
from autoscaler.actuation.drainer import Leaving
from autoscaler.actuation.health import ProbeResult
from autoscaler.errors import (
    AutoscalerError,
    EngineUnavailableError,
    HookFailedError,
    NoSuchMemberError,
)
from autoscaler.events import EngineEvent, EventKind
from autoscaler.hooks import Hook, HookFailure
from autoscaler.inventory import Snapshot
from autoscaler.model import (
    ContainerState,
    Health,
    Member,
    NoReading,
    Reading,
)
from autoscaler.policy.headroom import HostLoad
from autoscaler.sampling.sources import SourceEvent
from autoscaler.scope import Scope
from autoscaler.strangers import Stranger

NETWORK = "aurora"


class Time:
    """The only clock: seconds that pass when a test says so, and what happens at which."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wall_offset = 1_700_000_000.0
        self._plan: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()

    def monotonic(self) -> float:
        """Seconds since the machine's start."""
        return self.now

    def wall(self) -> datetime:
        """Time of day."""
        return datetime.fromtimestamp(self.now + self.wall_offset, UTC)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Let something happen later."""
        heapq.heappush(self._plan, (self.now + seconds, next(self._number), action))

    def next_at(self) -> float:
        """When the next planned thing happens."""
        return self._plan[0][0] if self._plan else float("inf")

    def happen(self) -> None:
        """Let the next planned thing happen now."""
        heapq.heappop(self._plan)[2]()

    def forget(self) -> None:
        """Drop everything planned."""
        self._plan.clear()


@dataclass(slots=True)
class Box:
    """A container. It answers `ready_after` seconds after a start, while `answers` is true."""

    name: str
    role: str
    order: int
    ip: str
    state: ContainerState = ContainerState.CREATED
    health: Health = Health.NONE
    number: int = 0
    starts: int = 0
    up_at: float = 0.0
    cpu: float = 50.0
    answers: bool = True
    late: bool = False
    ready_after: float = 2.0
    dies_after: float | None = None
    restarts: bool = False
    restart_count: int = 0
    exit_code: int | None = None
    ignores_sigterm: bool = False
    protected: bool = False
    cut_off: bool = False
    start_error: AutoscalerError | None = None
    stop_error: AutoscalerError | None = None
    hook_error: AutoscalerError | None = None
    project: str = "shop"
    served: bool = False
    drained: bool = False
    made_as: str = ""

    @property
    def container_id(self) -> str:
        """Its id: another after it was made anew, the same after it was renamed."""
        return f"{self.made_as or self.name}-{self.number}"

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.state is ContainerState.RUNNING

    def member(self) -> Member:
        """Return it as the engine shows it."""
        started = f"run-{self.starts}" if self.starts else ""
        networks = () if self.cut_off else (NETWORK,)
        addresses = ((NETWORK, self.ip),) if self.running and networks else ()
        return Member(
            self.role,
            self.name,
            self.order,
            self.container_id,
            self.state,
            self.health,
            started,
            9003,
            addresses=addresses,
            networks=networks,
            protected=self.protected,
            pid=100 + self.starts if self.running else 0,
            restarts=self.restart_count,
            exit_code=self.exit_code,
        )


class Engine:
    """Containers, what people do to them, and the stream of events. Also reads their CPU."""

    def __init__(self, time: Time, post: Callable[[EngineEvent], None]) -> None:
        self.time = time
        self.boxes: dict[str, Box] = {}
        self.down = False
        self.deaf = False
        self.blind = False
        self.host: HostLoad | None = None
        self.scope: Scope | None = None
        self.stranger_lists = 0
        self.source_events: list[SourceEvent] = []
        self.broken: list[str] = []
        self.calls: list[str] = []
        self.post = post
        self._runs = itertools.count(1)

    def add(self, role: str, count: int, running: int = 1) -> None:
        """Create the members of a role; the first `running` ones run since long ago."""
        for order in range(1, count + 1):
            box = Box(f"{role}-{order}", role, order, f"10.0.{len(self.boxes)}.1")
            self.boxes[box.name] = box
            if order <= running:
                box.state, box.starts = ContainerState.RUNNING, next(self._runs)
                box.up_at = float("-inf")

    def emit(self, box: Box, kind: EventKind, detail: str = "") -> None:
        """Tell of something, unless the stream is interrupted."""
        if not self.deaf and not self.down:
            self.post(
                EngineEvent(kind, box.container_id, box.name, self.time.now, detail),
            )

    # What the daemon asks for.

    def members(self) -> Snapshot:
        """Show all members."""
        self._answer()
        return Snapshot(tuple(b.member() for b in self.boxes.values() if self._in_scope(b)), ())

    def strangers(self) -> tuple[Stranger, ...]:
        """Show what runs outside the scope."""
        self._answer()
        self.stranger_lists += 1
        outside = [b for b in self.boxes.values() if b.running and not self._in_scope(b)]
        return tuple(Stranger(b.name, frozenset({b.ip})) for b in outside)

    def forget(self, container_id: str) -> None:
        """Nothing is remembered here."""

    def start(self, member: Member) -> None:
        """Start a container for the daemon."""
        self._answer()
        box = self._box(member)
        self.calls.append(f"start {box.name}")
        if box.start_error is not None:
            raise box.start_error
        self.begin(box.name)

    def stop(self, member: Member, timeout_seconds: float) -> None:
        """Stop a container for the daemon, watching whether it may."""
        self._answer()
        box = self._box(member)
        self.calls.append(f"stop {box.name}")
        if box.stop_error is not None:
            raise box.stop_error
        primary = min(b.order for b in self.boxes.values() if b.role == box.role)
        if box.served:
            self.broken.append(f"{box.name} was stopped while NGINX sends it requests")
        if not box.drained:
            self.broken.append(f"{box.name} was stopped without being drained")
        if box.protected or box.order == primary:
            self.broken.append(f"{box.name} was stopped, which is never allowed")
        self.end(box.name, 137 if box.ignores_sigterm else 0, stop=True)

    def sample(self, members: Sequence[Member]) -> dict[str, Reading]:
        """Read the CPU of all members."""
        return {m.name: self._reading(m) for m in members}

    def events(self) -> tuple[SourceEvent, ...]:
        """Tell what a test says has changed about the source."""
        told, self.source_events = tuple(self.source_events), []
        return told

    def probe(self, address: str, port: int, path: str, timeout: float) -> ProbeResult:
        """Ask a container whether it answers."""
        box = next((b for b in self.boxes.values() if b.ip == address), None)
        if box is not None and box.late:
            return ProbeResult(ok=False, detail="no answer in time", slow=True)
        ok = box is not None and self.able(box)
        return ProbeResult(ok=ok, detail=f"{address}:{port}{path} {'answered' if ok else 'silent'}")

    def drain(self, leaving: Leaving, seconds: float, cancelled: Callable[[], bool]) -> Drained:
        """Find that no request is left in a member, unless it is wanted again."""
        again = cancelled()
        for box in self.boxes.values():
            if box.running and 100 + box.starts == leaving.pid and not again:
                box.drained = True
        return Drained(1.5, not again, 0, 0, 0, 0, cancelled=again)

    def hook(self, member: Member, hook: Hook, seconds: float) -> None:
        """Run a hook in a container that runs, which gets no requests meanwhile."""
        box = self.boxes[member.name]
        if self.down or not box.running:
            raise HookFailedError(f"{member.name} cannot be asked", HookFailure.ENGINE)
        self.calls.append(f"hook {box.name} {hook}")
        if box.served:
            self.broken.append(f"{box.name} ran {hook} while NGINX sends it requests")
        if box.hook_error is not None:
            raise box.hook_error

    # What happens to containers.

    def able(self, box: Box) -> bool:
        """Tell whether a container answers now."""
        return (
            box.running
            and box.answers
            and not box.cut_off
            and self.time.now >= box.up_at + box.ready_after
        )

    def begin(self, name: str, *, by_policy: bool = False) -> None:
        """A container starts: because it was told to, or (`by_policy`) by its restart policy."""
        box = self.boxes[name]
        if box.running:
            return
        box.restart_count = box.restart_count + 1 if by_policy else 0
        box.exit_code = None
        box.state, box.starts, box.up_at = ContainerState.RUNNING, next(self._runs), self.time.now
        box.drained = not box.served
        self.emit(box, EventKind.START)
        if box.dies_after is not None:
            self.time.after(box.dies_after, lambda: self.end(name, 1))

    def end(self, name: str, code: int, *, stop: bool = False) -> None:
        """A container ends: by itself, or (`stop`) because somebody said `docker stop`."""
        box = self.boxes[name]
        if stop:
            self.emit(box, EventKind.KILL)
        box.state, box.exit_code = ContainerState.EXITED, code
        self.emit(box, EventKind.DIE, f"exit code {code}")
        if stop:
            self.emit(box, EventKind.STOP)
        elif box.restarts:
            self.time.after(0.2, lambda: self.begin(name, by_policy=True))

    def pause(self, name: str, *, again: bool = False) -> None:
        """A container is paused, or (`again`) goes on; it is the same run."""
        box = self.boxes[name]
        box.state = ContainerState.RUNNING if again else ContainerState.PAUSED
        self.emit(box, EventKind.UNPAUSE if again else EventKind.PAUSE)

    def rename(self, name: str, new: str) -> None:
        """Somebody gives a container another name."""
        box = self.boxes[new] = self.boxes.pop(name)
        box.made_as, box.name = box.made_as or name, new
        self.emit(box, EventKind.RENAME, name)

    def recreate(self, name: str) -> None:
        """`compose up` replaces a running container by a new one of the same name."""
        box = self.boxes[name]
        self.end(name, 0, stop=True)
        self.emit(box, EventKind.DESTROY)
        box.number += 1
        box.state = ContainerState.CREATED
        self.emit(box, EventKind.CREATE)
        self.time.after(1.0, lambda: self.begin(name))

    def _in_scope(self, box: Box) -> bool:
        """Tell whether the settings find a container."""
        if self.scope is None:
            return True
        roles = {role.role: role.members for role in self.scope.roles}
        names = roles.get(box.role)
        if names is None:
            return False
        return box.name in names if names else box.project == self.scope.project

    def _answer(self) -> None:
        if self.down:
            raise EngineUnavailableError("the engine does not answer on its socket")

    def _box(self, member: Member) -> Box:
        box = self.boxes.get(member.name)
        if box is None or box.container_id != member.container_id:
            raise NoSuchMemberError(f"no such container: {member.container_id}")
        return box

    def _reading(self, member: Member) -> Reading:
        box = self.boxes.get(member.name)
        if self.blind:
            return Reading(member.name, None, NoReading.TIMED_OUT, source="fake")
        if box is None or not box.running:
            return Reading(member.name, None, NoReading.NOT_RUNNING, source="fake")
        return Reading(member.name, box.cpu, source="fake")
