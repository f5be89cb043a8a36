"""Keeps a lease in force: renews it in time, and takes it again when the daemon lost it.

A daemon knows no lease of the one before it and may stop a member 3 s after its start, so a
restart is noticed by the daemon's socket, which every daemon makes anew. Reads no clock: `now` is
monotonic seconds and an argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.errors import AutoscalerError, DaemonUnreachableError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RENEW_SECONDS = 10.0
"""Time between renewals while the same daemon answers."""

LOOK_SECONDS = 0.5
"""Time between looks at the socket; without a daemon the lease is asked for at each of them."""


def socket_identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a socket from the next one at the same path, None if there is none.

    Its time of change would not do: it also moves when the socket is given to the group.
    """
    try:
        seen = path.stat()
    except OSError:
        return None
    return (seen.st_ino, seen.st_mtime_ns)


class Lease:
    """A lease that `take` takes and renews; `identity` tells the daemon from one after it."""

    def __init__(
        self,
        take: Callable[[], object],
        identity: Callable[[], object],
        tell: Callable[[str], None],
    ) -> None:
        self._take = take
        self._identity = identity
        self._tell = tell
        self._holder: object = None
        self._due = 0.0
        self._lost_at: float | None = None
        self._refused = False

    def begin(self, now: float) -> None:
        """Take it for the first time. Raises AutoscalerError if that fails."""
        holder = self._identity()
        self._take()
        self._taken(holder, now)

    def keep(self, now: float) -> None:
        """Renew it if that is due, or take it again if there is another daemon or was none.

        To be called every LOOK_SECONDS. A loss is told once, and so is its end; raises nothing.
        """
        holder = self._identity()  # before the lease is taken, so that no restart is missed
        other = holder != self._holder
        if not other and now < self._due:
            return
        try:
            self._take()
        except (DaemonUnreachableError, SettingsError) as error:
            self._lose(error, now)
            return
        except AutoscalerError as error:
            self._refuse(error, now)
            return
        if self._lost_at is not None:
            self._tell(f"in force again after {now - self._lost_at:.1f} s")
        elif other:
            self._tell("lost by a restart of the daemon and in force again")
        self._taken(holder, now)

    def _taken(self, holder: object, now: float) -> None:
        self._holder = holder
        self._due = now + RENEW_SECONDS
        self._lost_at = None
        self._refused = False

    def _lose(self, error: AutoscalerError, now: float) -> None:
        """Note that no daemon answers; it is asked again at the next look."""
        self._due = now
        if self._lost_at is None:
            self._lost_at = now
            self._tell(f"lost, taken again as soon as a daemon answers: {error}")

    def _refuse(self, error: AutoscalerError, now: float) -> None:
        """Note that the daemon said no; it is asked again later, a new daemon at the next look."""
        self._due = now + RENEW_SECONDS
        if not self._refused:
            self._refused = True
            self._tell(f"not renewed, tried again: {error}")
