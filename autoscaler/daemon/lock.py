"""Only one daemon at a time: locks that the kernel releases with the process, however it ends.

Besides the run directory each daemon has what it writes to itself: two that share NGINX's
directory would undo each other's upstreams for ever, and send one stack's requests to the other.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

from autoscaler.errors import AutoscalerError, LockedError


class InstanceLock:
    """An exclusive lock on `<run_dir>/lock`; the file holds the process id for people to read.

    `alone` are further directories that no other daemon may use, by the variable that sets each.
    One that does not exist cannot be locked; whoever needs it tells of that.
    """

    def __init__(self, run_dir: Path, alone: Mapping[str, Path] | None = None) -> None:
        self.path = run_dir / "lock"
        self._alone = dict(alone or {})
        self._fds: list[int] = []

    def acquire(self) -> None:
        """Take all locks or raise LockedError naming the process that holds one."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(self.path, flags, 0o644)
        except OSError as error:
            raise AutoscalerError(
                f"cannot open the lock file {self.path}: {error.strerror}; AUTOSCALER_RUN_DIR must "
                "be a directory this user may write to"
            ) from error
        self._fds.append(fd)
        if not self._locked(fd, self.path, "AUTOSCALER_RUN_DIR"):
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
            self.release()
            raise LockedError(
                f"another autoscaler runs already: process {holder} holds {self.path}; "
                "stop it first (systemctl stop autoscaler)"
            )
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        for variable, directory in self._alone.items():
            self._claim(variable, directory)

    def _claim(self, variable: str, directory: Path) -> None:
        """Lock a directory that is there; raise LockedError if another daemon uses it."""
        try:
            fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        if any(os.path.sameopenfile(fd, held) for held in self._fds):
            os.close(fd)  # two settings may name one directory
            return
        self._fds.append(fd)
        if not self._locked(fd, directory, variable):
            holder = _holder(os.fstat(fd).st_ino)
            self.release()
            raise LockedError(
                f"another autoscaler uses {directory} already{holder}; give each its own "
                f"{variable}, or stop the other one"
            )

    def _locked(self, fd: int, path: Path, variable: str) -> bool:
        """Try to lock an open file; False if somebody else has. Raises AutoscalerError."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            self.release()
            raise AutoscalerError(
                f"cannot lock {path}: {error.strerror}; {variable} must be on a file system that "
                "knows locks, which not every network file system does"
            ) from error
        return True

    def release(self) -> None:
        """Give the locks back; the file stays, so that two starting daemons see the same one."""
        while self._fds:
            os.close(self._fds.pop())


def _holder(inode: int) -> str:
    """Name the process that has locked a file, for people; empty if the kernel does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            words = line.split()
            if "FLOCK" in words and words[5].endswith(f":{inode}"):
                return f" (process {words[4]})"
    return ""
