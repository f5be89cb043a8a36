"""Moments as people say them: on the reader's clock, with the date if it is another day."""

from __future__ import annotations

import argparse
import math
import time
from datetime import UTC, datetime

from autoscaler.settings.durations import read_duration


def when(text: str) -> str:
    """Return an ISO moment as the local time of day; with its date unless that is today's."""
    at = datetime.fromisoformat(text).astimezone()
    return at.strftime("%H:%M:%S %Z" if _is_today(at) else "%Y-%m-%d %H:%M:%S %Z")


def _is_today(at: datetime) -> bool:
    return at.date() == datetime.now(at.tzinfo).date()


def moment(text: str) -> float:
    """Read a time since 1970 as Unix seconds: how long ago, or a date (local without a zone)."""
    try:
        seconds = time.time() - read_duration(text)
    except ValueError:
        seconds = _unix_seconds(text)
    if not seconds >= 0.0:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time since 1970; write 7d or 12h for that long ago, or "
            "2026-03-01T12:00"
        )
    return seconds


def _unix_seconds(text: str) -> float:
    """Return the Unix seconds of a date, nan if it is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return math.nan
