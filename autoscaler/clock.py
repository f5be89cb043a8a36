"""Time as an argument: the one place that reads the machine's clocks."""

from __future__ import annotations

import time
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Gives monotonic seconds for durations and wall time for records."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""

    def wall(self) -> datetime:
        """Time of day in UTC; may be stepped."""


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC: comparable across processes of one boot."""
        return time.monotonic()

    def wall(self) -> datetime:
        """Time of day in UTC."""
        return datetime.now(UTC)


def boot_id() -> str:
    """Return the kernel's identity of this boot, empty if it tells none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def host_zone(localtime: Path = Path("/etc/localtime")) -> tzinfo:
    """Return the host's time zone, UTC if it has none that can be read."""
    name = str(localtime.resolve()).partition("/zoneinfo/")[2]
    try:
        with localtime.open("rb") as file:
            return ZoneInfo.from_file(file, key=name or "local time")
    except (OSError, ValueError):
        return UTC
