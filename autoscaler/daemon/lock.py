"""Only one daemon at a time: a lock that the kernel releases with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from autoscaler.errors import AutoscalerError, LockedError


class InstanceLock:
    """An exclusive lock on `<run_dir>/lock`; the file holds the process id for people to read."""

    def __init__(self, run_dir: Path) -> None:
        self.path = run_dir / "lock"
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise LockedError naming the process that holds it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise AutoscalerError(
                f"cannot open the lock file {self.path}: {error.strerror}; AUTOSCALER_RUN_DIR must "
                "be a directory this user may write to"
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise LockedError(
                f"another autoscaler runs already: process {holder} holds {self.path}; "
                "stop it first (systemctl stop autoscaler)"
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Give the lock back; the file stays, so that two starting daemons see the same one."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
