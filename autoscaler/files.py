"""What tells one file from another that took its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of what is at a path, None if that cannot be looked at.

    Whoever keeps the file open can compare: its inode is not given to another meanwhile.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
