"""What the daemon tells systemd over the socket it was given, see sd_notify(3). Silent without one.

It knows the protocol only: when to say what is for the daemon to decide.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from typing import Self

_SOCKET = "NOTIFY_SOCKET"
_WATCHDOG = "WATCHDOG_USEC"
_WATCHDOG_PID = "WATCHDOG_PID"
_LONGEST_STATUS = 400


class Notifier:
    """Sends messages to the service manager. `watchdog_seconds` is None if it expects no sign.

    An empty `address` sends nothing.
    """

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        # A leading @ stands for the zero byte of an abstract socket.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_seconds = watchdog_seconds

    @classmethod
    def take(cls, environ: MutableMapping[str, str]) -> Self:
        """Take the socket out of the environment: a child that had it could speak for us."""
        address = environ.pop(_SOCKET, "")
        microseconds = environ.pop(_WATCHDOG, "")
        pid = environ.pop(_WATCHDOG_PID, "")
        meant = address and pid in {"", str(os.getpid())}
        watched = meant and microseconds.isascii() and microseconds.isdigit()
        return cls(address, int(microseconds) / 1e6 if watched and int(microseconds) else None)

    def send(self, **fields: str | int) -> bool:
        """Send these variables in one message; tell whether it is done with.

        It never waits: a manager that takes nothing now is told again later by whoever cares.
        """
        if not self._address:
            return True
        text = "\n".join(f"{name}={_one_line(value)}" for name, value in fields.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(text.encode(errors="replace"), socket.MSG_DONTWAIT, self._address)
        except OSError:
            return False
        return True


def _one_line(value: str | int) -> str:
    """Return a value that cannot be taken for further variables, of bounded length."""
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST_STATUS else text[: _LONGEST_STATUS - 1] + "…"
