"""What systemd is told of the daemon, and when: ready, alive, reloading, stopping, its state.

Everything is sent by the controller thread between two items, so a loop that is stuck is silent,
and the watchdog ends it.
"""

from __future__ import annotations

from autoscaler.daemon.state import State
from autoscaler.surface.notify import Notifier

EXTEND_SECONDS = 60.0
"""How much longer the start may take, told again every sixth of it while the engine is away."""

MICROSECONDS = 1_000_000


class Service:
    """Keeps systemd informed of a state. Times are monotonic seconds."""

    def __init__(self, notifier: Notifier, state: State) -> None:
        self._notifier = notifier
        self._state = state
        watchdog = notifier.watchdog_seconds
        self._alive_every = watchdog / 2 if watchdog is not None else None
        self._alive_at = float("-inf")
        self._extended_at = float("-inf")
        self._started = False
        self._owes_ready = True
        self._told = ""
        self._refused = ""

    def update(self, now: float) -> None:
        """Say what changed and what is due; call it after every item, when all was reconciled.

        What systemd did not take is said again the next time.
        """
        state = self._state
        self._started |= bool(state.engine_up) and state.looked_at is not None
        fields: dict[str, str | int] = {}
        if self._owes_ready and self._started:
            fields["READY"] = 1
        status = self._refused + summary(state)
        if status != self._told:
            fields["STATUS"] = status
        if not self._started and now >= self._extended_at + EXTEND_SECONDS / 6:
            fields["EXTEND_TIMEOUT_USEC"] = int(EXTEND_SECONDS * MICROSECONDS)
            self._extended_at = now
        if self._alive_every is not None and now >= self._alive_at + self._alive_every:
            fields["WATCHDOG"] = 1
            self._alive_at = now
        if fields and self._notifier.send(**fields):
            self._told = status
            self._owes_ready &= "READY" not in fields

    def next_at(self) -> float:
        """Return when `update` is to be called at the latest, though nothing else happens."""
        times = []
        if not self._started:
            times.append(self._extended_at + EXTEND_SECONDS / 6)
        if self._alive_every is not None:
            times.append(self._alive_at + self._alive_every)
        return min(times, default=float("inf"))

    def reloading(self, now: float) -> None:
        """Say that the settings are being read again since `now`."""
        if self._started:
            self._notifier.send(RELOADING=1, MONOTONIC_USEC=int(now * MICROSECONDS))

    def reloaded(self, mistakes: int, now: float) -> None:
        """Say that the reload is over. `mistakes` stay in the status until a reload without any."""
        self._refused = (
            f"the env file has mistakes ({mistakes}), the settings before it stay in force; "
            if mistakes
            else ""
        )
        self._owes_ready = True
        self.update(now)

    def stopping(self, reason: str) -> None:
        """Say that the process is about to end."""
        self._notifier.send(STOPPING=1, STATUS=f"stopping: {reason}")


def summary(state: State) -> str:
    """Return the state in one line: the roles' counts, the engine, NGINX."""
    if state.engine_up is None:
        return "looking at the Docker engine for the first time"
    if not state.engine_up:
        held = "all counts are held" if state.looked_at is not None else "waiting for it"
        return f"Docker does not answer, {held}: {state.engine_error}"
    if state.late:
        return f"all counts are held: {state.late}"
    roles = ", ".join(
        f"{role.name} {role.running} of {role.memory.desired}" for role in state.roles.values()
    )
    return f"running of desired: {roles or 'no role'}; Docker answers; NGINX {_nginx(state)}"


def _nginx(state: State) -> str:
    publication = state.publication
    if publication.error:
        return f"is behind: {publication.error}"
    return "is up to date" if publication.settled else "is being updated"
