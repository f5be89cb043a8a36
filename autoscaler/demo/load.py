"""An open-loop load generator: requests are due at a steady rate, whatever the answers take.

It tries nothing twice and counts as failed whatever is not a 2xx in time. The one thing it does as
every good client does: it reuses a connection only for a while after its last answer, and looks
whether it is still open before it writes the first byte.
"""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from autoscaler.demo.pool import Limits, Pool, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future

    from autoscaler.demo.tally import Outcome, Report

IDLE_PACE_SECONDS = 0.02
WATCH_SECONDS = 0.1
UPLOAD_BYTES = 64 * 1024
LONG_REQUEST_MS = 5000.0
CALL_SECONDS = 30.0


@dataclass(frozen=True)
class Mix:
    """What the requests are: `paths` with their weights (queries allowed), and shares of one.

    `post_share` of the requests are POST with `body_bytes`; `fresh_share` open a connection of
    their own and close it, the others share connections that stay open.
    """

    paths: Mapping[str, float]
    post_share: float = 0.7
    fresh_share: float = 0.2
    body_bytes: int = 256


class Load:
    """Load on one address, from a thread of its own.

    `rate` (requests per second) and `mix` may be set at any time. Used as a context manager it
    starts, and at the end stops and waits for what is under way.
    """

    def __init__(
        self, address: tuple[str, int], mix: Mix, limits: Limits | None = None, *, seed: int = 1
    ) -> None:
        self.rate = 0.0
        self.mix = mix
        self._address = address
        self._limits = limits or Limits()
        self._chance = random.Random(seed)  # noqa: S311 picks paths, guards nothing
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="load", daemon=True)
        self._stopping = False
        self._pool: Pool | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Stop; after an error without waiting for what is under way."""
        self.stop(wait=kind is None)

    def start(self) -> None:
        """Start the thread; requests begin as soon as `rate` is above 0."""
        self._thread.start()
        self._call(self._begin)

    def stop(self, *, wait: bool = True) -> Report:
        """Make no new requests, wait until those under way have ended, and return the report.

        Without `wait` they are abandoned and stay counted as in flight.
        """
        if self._thread.is_alive():
            self._stopping = True
            end = self._limits.timeout_seconds + LONG_REQUEST_MS / 1000 + CALL_SECONDS
            asyncio.run_coroutine_threadsafe(self._finish(wait=wait), self._loop).result(end)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CALL_SECONDS)
        return self._made().tally.report(self._made().in_flight)

    def report(self) -> Report:
        """Return the counts so far."""
        if not self._thread.is_alive():
            return self._made().tally.report(self._made().in_flight)

        async def look() -> Report:
            return self._made().tally.report(self._made().in_flight)

        return asyncio.run_coroutine_threadsafe(look(), self._loop).result(CALL_SECONDS)

    def slow_upload(self, path: str, seconds: float = 5.0) -> Future[Outcome]:
        """Upload 64 KiB, dripped over `seconds`; the request counts like every other."""
        return asyncio.run_coroutine_threadsafe(self._special(_upload(path, seconds)), self._loop)

    def long_request(self, path: str, delay_ms: float = LONG_REQUEST_MS) -> Future[Outcome]:
        """Ask for an answer that takes `delay_ms` without CPU; it counts like every other."""
        return asyncio.run_coroutine_threadsafe(self._special(_wait(path, delay_ms)), self._loop)

    def keep_specials(self, paths: Iterable[str], seconds: float = 5.0) -> None:
        """From now on always have one slow upload and one long request under way on each path."""
        for path in paths:
            self._call(self._keep_going, _upload(path, seconds))
            self._call(self._keep_going, _wait(path, seconds * 1000))

    def _made(self) -> Pool:
        """Return the pool. Raises RuntimeError before `start`."""
        if self._pool is None:
            raise RuntimeError("the load has not been started")
        return self._pool

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        """Run a function on the load's loop and wait for it."""

        async def run() -> None:
            function(*arguments)

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(CALL_SECONDS)

    def _begin(self) -> None:
        """Make the pool and the two endless tasks, on the loop."""
        self._pool = Pool(self._address, self._limits)
        self._tasks = [self._loop.create_task(self._pace()), self._loop.create_task(self._watch())]

    def _keep_going(self, request: Request) -> None:
        """Make a special request again and again, on the loop."""

        async def repeat() -> None:
            while not self._stopping:
                if not (await self._special(request)).ok:
                    await asyncio.sleep(WATCH_SECONDS)  # a refused one ends at once

        self._tasks.append(self._loop.create_task(repeat()))

    async def _special(self, request: Request) -> Outcome:
        """Make one request and wait for its outcome."""
        ended: asyncio.Future[Outcome] = self._loop.create_future()
        self._made().launch(request, self._loop.time(), ended.set_result)
        return await ended

    async def _pace(self) -> None:
        """Launch requests when they are due. A late generator catches up, it skips none."""
        due = self._loop.time()
        while not self._stopping:
            rate, now = self.rate, self._loop.time()
            if rate <= 0:
                due = now
                await asyncio.sleep(IDLE_PACE_SECONDS)
                continue
            while due <= now:
                self._made().launch(self._next_request(), due)
                due += 1 / rate
            await asyncio.sleep(min(due - now, IDLE_PACE_SECONDS))

    def _next_request(self) -> Request:
        """Draw a request from the mix."""
        mix, chance = self.mix, self._chance
        (target,) = chance.choices(list(mix.paths), list(mix.paths.values()))
        post = chance.random() < mix.post_share
        return Request(
            "POST" if post else "GET",
            target,
            b"x" * mix.body_bytes if post else b"",
            fresh=chance.random() < mix.fresh_share,
        )

    async def _watch(self) -> None:
        """End overdue requests, as long as the loop runs."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            self._made().end_overdue()

    async def _finish(self, *, wait: bool) -> None:
        """Wait for the requests under way, then end every task."""
        while wait and self._made().in_flight:  # noqa: ASYNC110 a few looks at the end need no event
            await asyncio.sleep(IDLE_PACE_SECONDS)
        self._made().close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _upload(path: str, seconds: float) -> Request:
    """Return a POST whose body is dripped over `seconds`."""
    return Request("POST", path, b"u" * UPLOAD_BYTES, fresh=True, drip_seconds=seconds)


def _wait(path: str, delay_ms: float) -> Request:
    """Return a GET that the node answers after `delay_ms`."""
    target = f"{path}?delay_ms={delay_ms:g}"
    return Request("GET", target, fresh=True, delay_seconds=delay_ms / 1000)
