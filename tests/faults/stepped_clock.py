"""The daemon with a wall clock of its own, which a file sets forward or back; see libfaketime.

Run as `python stepped_clock.py FILE run --env-file FILE`. The monotonic clock is the machine's.
"""

from __future__ import annotations

import os
import select
import sys
import time
from pathlib import Path

PROGRAM = str(Path(__file__))
LIBRARIES = "/usr/lib/*/faketime/libfaketimeMT.so.1"


def library() -> Path:
    """Return the library that stands between a program and the clock."""
    return next(Path("/").glob(LIBRARIES.lstrip("/")))


class Clock:
    """The file that says how far the daemon's wall clock is from the machine's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.step(0)

    def step(self, hours: int) -> None:
        """Set the clock so many hours from the machine's, at once as seen by the daemon."""
        new = self.path.with_suffix(".new")
        new.write_text(f"{hours:+d}h\n", encoding="ascii")
        new.replace(self.path)


def sleep(seconds: float) -> None:
    """Wait as `time.sleep` does, whose absolute end time libfaketime shifts with the clock."""
    select.select([], [], [], seconds)


if __name__ == "__main__":
    if "LD_PRELOAD" in os.environ:
        setattr(time, "sleep", sleep)  # noqa: B010 its type says more than it takes here
        from autoscaler.cli.main import main

        sys.exit(main(sys.argv[2:]))
    os.environ.update(
        LD_PRELOAD=str(library()),
        FAKETIME_TIMESTAMP_FILE=sys.argv[1],
        FAKETIME_NO_CACHE="1",
        DONT_FAKE_MONOTONIC="1",
    )
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 the same, with the library
