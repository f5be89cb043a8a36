"""Reads the freeze file: while it exists nothing is started or stopped."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from autoscaler.surface.peer import user_name

_MOST_BYTES = 2000


@dataclass(frozen=True, slots=True)
class FreezeFile:
    """Who made the file, when (Unix seconds), and the reason it holds."""

    by: str
    reason: str
    since: float


def read_freeze_file(path: Path) -> FreezeFile | None:
    """Return the file, None if there is none. One that cannot be read counts too.

    Raises OSError if it cannot even be told whether it exists.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    text = ""
    if stat.S_ISREG(found.st_mode):  # opening a pipe would wait for a writer
        try:
            with path.open("rb") as file:
                text = " ".join(file.read(_MOST_BYTES).decode(errors="replace").split())
        except OSError as error:
            text = f"{path} cannot be read: {error.strerror}"
    reason = text or f"{path} says no reason"
    return FreezeFile(user_name(found.st_uid), reason[:500], found.st_mtime)
