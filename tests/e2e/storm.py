"""The hardest case for "no request fails": steady load while members come and go all the time.

The rate stays the same; only the CPU that each request burns goes up and down, so that two roles
grow to their maximum and shrink to one again and again. Requests that take seconds are under way on
every member all the time.
"""

from __future__ import annotations

import functools
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Self

from autoscaler.demo.load import Load, Mix
from autoscaler.demo.tally import Outcome
from tests.e2e.harness import Host, path, role
from tests.e2e.waiting import until

RATE = 300.0
COUNTS = {"validator": 3, "business": 2}
LOW_MS, HIGH_MS = 0.0, 0.9
CPUS = 0.25
# So many long ones that every member surely has some: each NGINX worker counts its connections
# anew after a reload, so where a single request goes is a matter of chance.
LONG_EVERY, UPLOAD_EVERY = 0.1, 1.5
ROUND_SECONDS = 60.0
THRESHOLDS = {"cpu_high": "28", "cpu_low": "14"}


@dataclass(frozen=True)
class Flight:
    """A request that took seconds: when it was under way (Unix seconds), and who answered it."""

    upload: bool
    begun: float
    ended: float
    node: str

    def spans(self, moment: float) -> bool:
        """Whether it was under way at that moment."""
        return self.begun < moment < self.ended


@dataclass
class Flights:
    """Begins long requests and slow uploads on all roles, as long as it is entered."""

    load: Load
    ended: list[Flight] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Begin."""
        self._threads = [
            threading.Thread(target=self._repeat, args=(upload, every), daemon=True)
            for upload, every in ((False, LONG_EVERY), (True, UPLOAD_EVERY))
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Begin no more; those under way end with the load."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, upload: bool, every: float) -> None:
        make = self.load.slow_upload if upload else self.load.long_request
        while not self._stop.wait(every):
            for name in COUNTS:
                target = path(name).partition("?")[0]
                make(target).add_done_callback(self._note(upload, time.time()))

    def _note(self, upload: bool, begun: float) -> Callable[[Future[Outcome]], None]:
        def note(future: Future[Outcome]) -> None:
            if not future.cancelled():
                self.ended.append(Flight(upload, begun, time.time(), future.result().node))

        return note


def storm_host(make_host: Callable[..., Host], ready_after: float = 0.3) -> Host:
    """Make the host: three validators and two business nodes, short windows, no second chances."""
    env = {"NODE_READY_AFTER": str(ready_after)}
    spares = dict.fromkeys((2, 3), env)
    return make_host(
        *(
            role(name, n, cpus=CPUS, member_env=spares, settings=THRESHOLDS)
            for name, n in COUNTS.items()
        )
    )


def mix(burn_ms: float) -> Mix:
    """Return requests on both roles, 70 % POST, a fifth of them on connections of their own."""
    return Mix({path(name, burn_ms): 1.0 for name in COUNTS})


def changes(host: Host) -> int:
    """Count the starts and stops that were done."""
    return len(host.daemon.of("member.started")) + len(host.daemon.of("member.stopped"))


def blow(host: Host, load: Load, over: Callable[[], bool]) -> None:
    """Let the CPU per request rise and fall until `over()`, asked all the time, ends it.

    Each rise lasts until both roles have their maximum, each fall until both have one member.
    """
    for high in itertools.cycle((True, False)):
        if over():
            return
        load.mix = mix(HIGH_MS if high else LOW_MS)
        until(
            functools.partial(_over_or_reached, host, over, high),
            f"the roles follow the load: {'rise' if high else 'fall'}",
            ROUND_SECONDS,
        )


def _over_or_reached(host: Host, over: Callable[[], bool], high: bool) -> bool:
    """Whether this rise or fall is at its end."""
    return over() or reached(host, high=high)


def reached(host: Host, *, high: bool) -> bool:
    """Whether both roles have as many published and running members as they should."""
    roles = host.status().get("roles", {})
    return bool(roles) and all(
        roles[name]["published"] == roles[name]["running"] == (most if high else 1)
        for name, most in COUNTS.items()
    )
