"""How long to leave alone what keeps failing. Pure."""

from __future__ import annotations

_MOST_DOUBLINGS = 64
"""Far beyond any longest wait, and far below 1024, where a float overflows."""


def doubled(first_seconds: float, failures: int, most_seconds: float) -> float:
    """Return the wait after so many failures before this one: doubling each time, up to the most.

    For any number of failures: an outage of NGINX of four hours is a thousand tries.
    """
    return min(first_seconds * 2.0 ** min(failures, _MOST_DOUBLINGS), most_seconds)
