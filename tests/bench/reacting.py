"""From a step of the load to the first request that a new member answers, and its parts.

Time the daemon cannot save is taken off: it may take one averaging time and one interval to see
the step, and the container has to start and the program in it to get ready. The last two are
measured in the same round on a twin of the member, started by hand and asked directly.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from autoscaler.demo.load import Load, Mix
from autoscaler.demo.spec import HEALTH_PATH, RoleSpec
from tests.bench.asking import first_answer
from tests.bench.hosts import host
from tests.bench.rows import Limit, Row, spread
from tests.bench.twins import twin
from tests.e2e.daemon_process import Daemon
from tests.e2e.harness import Host, path
from tests.e2e.waiting import DEFAULT_SECONDS

ROUNDS = 10
INTERVAL, AVERAGE_OVER = 1.0, 3.0
RATE, BURN_MS, CPUS = 20.0, 15.0, 0.25
PORT = 9003
QUICK = {"warmup": "1s", "scale_down_window": "2s", "scale_down_limit": "1/1s"}


@dataclass(frozen=True)
class Round:
    """Unix seconds of what happened in one round. `twin_seconds`: start call to first answer."""

    step: float
    decided: float
    started: float
    healthy: float
    published: float
    answered: float
    twin_seconds: float
    shrink_decided: float = 0.0
    unpublished: float = 0.0

    @property
    def total(self) -> float:
        """Seconds from the step to the first answer of the new member."""
        return self.answered - self.step

    @property
    def floor(self) -> float:
        """Seconds that cannot be saved."""
        return AVERAGE_OVER + INTERVAL + self.twin_seconds

    @property
    def parts(self) -> dict[str, float]:
        """Return the seconds of each part of the total."""
        return {
            "detect": self.decided - self.step,
            "start": self.started - self.decided,
            "healthy": self.healthy - self.started,
            "publish": self.answered - self.healthy,
        }


def measure(wanted: frozenset[str]) -> list[Row]:
    """Let the load rise and fall ten times."""
    del wanted
    spec = RoleSpec("validator", 2, PORT, CPUS, settings=QUICK)
    settings = {"INTERVAL": f"{INTERVAL:g}s", "AVERAGE_OVER": f"{AVERAGE_OVER:g}s"}
    with host([spec], settings) as stand, twin(stand, spec) as start_twin:
        stand.start()
        stand.wait_published("validator", 1)
        load = stand.load(0.0, mix=Mix({path("validator", BURN_MS): 1.0}))
        rounds = [_round(stand, load, start_twin, n) for n in range(1, ROUNDS + 1)]
        report = load.stop()
        assert report.failed == 0, report.examples
        reloads = [e.fields["seconds"] for e in stand.daemon.of("nginx.reloaded")]
    return [_reaction(rounds), _publish(rounds, reloads)]


def _round(stand: Host, load: Load, start_twin: Callable[[], float], number: int) -> Round:
    """Let the load rise, wait for the new member's first answer, let it fall again."""
    daemon, new = stand.daemon, stand.name("validator", 2)
    time.sleep(0.37 * number % INTERVAL)  # the step comes at another moment between two ticks
    step = time.time()
    load.rate = RATE
    decided = _event(daemon, number, "scale.decided", desired_before=1, desired=2)
    url = ("127.0.0.1", stand.stack.nginx_port)
    answered = first_answer(url, f"/validator{HEALTH_PATH}", new)
    started = _event(daemon, number, "member.started", member=new)
    healthy = _event(daemon, number, "member.healthy", member=new)
    published = _event(daemon, number, "member.published", member=new)
    twin_seconds = start_twin()
    load.rate = 0.0
    shrink = _event(daemon, number, "scale.decided", desired_before=2, desired=1)
    unpublished = _event(daemon, number, "member.unpublished", member=new)
    stand.wait_published("validator", 1)
    return Round(
        *(step, decided, started, healthy, published, answered, twin_seconds),
        *(shrink, unpublished),
    )


def _event(daemon: Daemon, number: int, name: str, **fields: str | int) -> float:
    """Return when the daemon logged such an event for the `number`th time."""
    return daemon.wait_for(name, DEFAULT_SECONDS, count=number, **fields).time


def _reaction(rounds: list[Round]) -> Row:
    overheads = [r.total - r.floor for r in rounds]
    parts = {key: spread([r.parts[key] for r in rounds]) for key in rounds[0].parts}
    return Row(
        "reaction_s",
        "load step to the first answer of the new member; floor: averaging, interval, the twin's"
        " start; limit on the worst of what is over that",
        "s",
        statistics.median(r.total for r in rounds),
        statistics.median(r.floor for r in rounds),
        Limit(0.5, "figure"),
        max(overheads),
        {
            "total": spread([r.total for r in rounds]),
            "overhead": spread(overheads),
            "parts": parts,
            "twin": spread([r.twin_seconds for r in rounds]),
            "rounds": [asdict(r) for r in rounds],
        },
    )


def _publish(rounds: list[Round], reloads: list[float]) -> Row:
    def ms(of: Callable[[Round], float]) -> list[float]:
        return [1000 * of(r) for r in rounds]

    shrinking = ms(lambda r: r.unpublished - r.shrink_decided)
    return Row(
        "publish_ms",
        "decision to a generation without the member, proven; floor: NGINX's test, reload, proof",
        "ms",
        statistics.median(shrinking),
        1000 * statistics.median(reloads),
        detail={
            "shrinking": spread(shrinking),
            "growing_from_healthy": spread(ms(lambda r: r.published - r.healthy)),
            "growing_from_decision": spread(ms(lambda r: r.published - r.decided)),
            "nginx_ms": [1000 * s for s in reloads],
        },
    )
