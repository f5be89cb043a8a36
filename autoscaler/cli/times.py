"""Moments for people: the time of day where the reader is, with the date if it is another day."""

from __future__ import annotations

from datetime import datetime


def when(text: str) -> str:
    """Return an ISO moment as the local time of day; with its date unless that is today's."""
    at = datetime.fromisoformat(text).astimezone()
    return at.strftime("%H:%M:%S %Z" if _is_today(at) else "%Y-%m-%d %H:%M:%S %Z")


def _is_today(at: datetime) -> bool:
    return at.date() == datetime.now(at.tzinfo).date()
