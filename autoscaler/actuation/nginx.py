"""Publishing upstreams to NGINX as a transaction: write, test, reload, prove, or undo.

How NGINX is reached is a port with one adapter for a container and one for the host.

What stays on disk after a reload that could not be proven: the previous file, if NGINX's test
passes with it, because NGINX reads the file again whenever it starts, and the previous one is
known to work. If the test does not pass with it (a first file, which the rest of the configuration
already refers to), the new one stays. Either way nothing counts as applied until it is proven.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from autoscaler.actuation.proof import Answer, ask
from autoscaler.actuation.upstream_file import UpstreamFile
from autoscaler.actuation.upstreams import generation_of, listed_servers
from autoscaler.errors import (
    AutoscalerError,
    NginxError,
    NginxTestFailedError,
    NginxUnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from autoscaler.actuation.upstreams import Rendered, Server
    from autoscaler.actuation.workers import Worker
    from autoscaler.clock import Clock

ASK_SECONDS = 0.02
# The master tells old workers to quit 100 ms after it started new ones: until then they answer too.
OVERLAP_SECONDS = 0.25
_ANSWER_SECONDS = 1.0
_STAMP = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (?=\[)|(?<=\] )\d+#\d+: ")


class Reach(Protocol):
    """How NGINX is reached. Methods raise NginxError, or EngineError if the engine fails."""

    def test(self) -> str:
        """Run NGINX's configuration test and return its words; NginxTestFailedError if refused."""

    def reload(self) -> None:
        """Ask for a reload without waiting for its effect."""

    def workers(self) -> frozenset[Worker]:
        """Return the workers that run now; NginxUnreachableError if NGINX does not run."""

    def probe_address(self) -> tuple[str, int]:
        """Return the numeric address and port where the local server answers."""


@dataclass(frozen=True, slots=True)
class Published:
    """A file that NGINX provably serves.

    `reloaded` is False if it did so already. `old_workers` are those from before the reload, empty
    without one. `proven_at` is monotonic seconds, `seconds` what each phase took.
    """

    generation: str
    reloaded: bool
    old_workers: frozenset[Worker]
    proven_at: float
    seconds: dict[str, float]


class Nginx:
    """Publishes to one NGINX. The caller sees to it that publishes do not overlap.

    `timeout_seconds` bounds the wait for the proof. `pause` waits so many seconds.
    """

    def __init__(
        self,
        reach: Reach,
        directory: Path,
        timeout_seconds: float,
        clock: Clock,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._reach = reach
        self._file = UpstreamFile(directory)
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._pause = pause
        self._reloaded_at = float("-inf")

    def publish(self, rendered: Rendered) -> Published:
        """Make NGINX serve this file and return when it provably does.

        Whether a reload is needed is asked of NGINX, not of the file: one that failed is done
        again though nothing changed. Raises NginxTestFailedError with NGINX's words if it refuses
        its configuration (nothing was reloaded, the previous file is back), NginxUnreachableError
        if it does not run (the new file is in place for its start), NginxError if the file is not
        ours, cannot be written, or the reload could not be proven; EngineError if the engine
        failed.
        """
        phases = _Phases(self._clock)
        present = self._file.read()
        in_place = present == rendered.text
        if in_place and self.proven(rendered.generation):
            self._file.settle()
            return self._published(rendered, None, phases)
        if not in_place:
            self._settle_if_proven(present)
            self._file.replace(rendered.text)
        phases.end("write")
        try:
            old_workers = self._apply(rendered.generation, phases)
        except NginxUnreachableError:
            raise
        except NginxTestFailedError as error:
            self._file.restore()
            raise NginxTestFailedError(_refused(error), error.output) from error
        except AutoscalerError:
            self._back_out(rendered.text)
            raise
        self._file.settle()
        return self._published(rendered, old_workers, phases)

    def proven(self, generation: str) -> bool:
        """Tell whether NGINX answers as this generation now. Raises EngineError.

        A no takes 250 ms: just after a reload, one answer of an old worker is no evidence.
        """
        try:
            return self._wait_for(generation, OVERLAP_SECONDS).proven
        except NginxError:
            return False

    def intact(self, rendered: Rendered) -> bool:
        """Tell whether the file on disk is this one: NGINX's next start depends on it."""
        try:
            return self._file.read() == rendered.text
        except NginxError:
            return False

    def listed(self) -> frozenset[tuple[str, Server]]:
        """Return the members that the file on disk lists, by role; none if there is no such file.

        NGINX serves them if the file is that of its last reload, as after a restart of the daemon.
        """
        try:
            return listed_servers(self._file.read() or "")
        except NginxError:
            return frozenset()

    def test(self) -> str:
        """Return the words of NGINX's configuration test; raises as the reach does."""
        return self._reach.test()

    def _apply(self, generation: str, phases: _Phases) -> frozenset[Worker]:
        """Test, reload and prove; return the workers from before the reload."""
        self._reach.test()
        phases.end("test")
        overlap = self._reloaded_at + OVERLAP_SECONDS - self._clock.monotonic()
        if overlap > 0:  # workers of an earlier time with this very generation would prove it
            self._pause(overlap)
        old_workers = self._workers()
        self._reach.reload()
        phases.end("reload")
        answer = self._wait_for(generation, self._timeout_seconds)
        self._reloaded_at = self._clock.monotonic()
        phases.end("prove")
        if not answer.proven:
            raise NginxError(
                f"NGINX was told to reload, but did not show generation {generation} within "
                f"{self._timeout_seconds:g} s: {answer.detail}; its error log says why. Check that "
                f"its http block includes {self._file.path.parent}/*.conf, that the probe port is "
                "free, and that a container mounts the directory, not the single file"
            )
        return old_workers

    def _settle_if_proven(self, present: str | None) -> None:
        """Let the file in place be the one to go back to, if NGINX meanwhile serves it.

        After an outage of NGINX or a killed daemon it may, though that change was never proven.
        """
        if present is not None and self._file.has_previous():
            generation = generation_of(present)
            if generation is not None and self.proven(generation):
                self._file.settle()

    def _workers(self) -> frozenset[Worker]:
        """Return the workers now; none if they cannot be seen.

        That must not keep a dead member in the upstream: the drain looks again, fails the same
        way, says so, and waits for its timeout.
        """
        try:
            return self._reach.workers()
        except NginxUnreachableError:
            raise
        except NginxError:
            return frozenset()

    def _wait_for(self, generation: str, seconds: float) -> Answer:
        """Ask every 20 ms until the generation answers or so many seconds are over."""
        deadline = self._clock.monotonic() + seconds
        endpoint = self._reach.probe_address()
        while True:
            left = deadline - self._clock.monotonic()
            answer = ask(endpoint, generation, max(ASK_SECONDS, min(left, _ANSWER_SECONDS)))
            if answer.proven or self._clock.monotonic() >= deadline:
                return answer
            self._pause(ASK_SECONDS)

    def _back_out(self, text: str) -> None:
        """Put the previous file back unless NGINX refuses to start with it."""
        self._file.restore()
        try:
            self._reach.test()
        except NginxTestFailedError:
            self._file.replace(text)
        except AutoscalerError:
            return  # it cannot be asked; the file that was there before is the safer guess

    def _published(
        self, rendered: Rendered, old_workers: frozenset[Worker] | None, phases: _Phases
    ) -> Published:
        """Return the result; `old_workers` is None if no reload was needed."""
        return Published(
            generation=rendered.generation,
            reloaded=old_workers is not None,
            old_workers=old_workers or frozenset(),
            proven_at=self._clock.monotonic(),
            seconds=phases.seconds,
        )


class _Phases:
    """Measures what one publish takes, phase by phase."""

    def __init__(self, clock: Clock) -> None:
        self.seconds: dict[str, float] = {}
        self._clock = clock
        self._begun = clock.monotonic()

    def end(self, phase: str) -> None:
        """Record the time since the last phase ended under this name."""
        now = self._clock.monotonic()
        self.seconds[phase] = now - self._begun
        self._begun = now


def _refused(error: NginxTestFailedError) -> str:
    """Return the message for a failed test, with NGINX's first complaint.

    Without its time and process: the same complaint gives the same message at every try.
    """
    lines = error.output.splitlines()
    complaint = next((line for line in lines if "[emerg]" in line), lines[0] if lines else "")
    reason = _STAMP.sub("", complaint.strip()) or "it gave no reason"
    return (
        f"{error}: {reason}; the previous upstreams are back in place and the "
        "running workers go on. Correct what it names; it is tried again"
    )
