"""Text of others, fit for a terminal: a container's words must not move its cursor or its title."""

from __future__ import annotations


def plain(text: str) -> str:
    """Return a line in which everything that is not printable stands as its escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
