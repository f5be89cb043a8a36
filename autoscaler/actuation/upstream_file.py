"""The generated file on disk: replaced whole, with the last proven one kept until the proof.

Beside `autoscaler.conf` lie dotfiles, which an include of `*.conf` does not match: the one being
written, and the previous one while a change is not proven yet. The latter outlives a killed
daemon, so that the next change still knows what to go back to; it is empty if there was no file.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from autoscaler.actuation.upstreams import MARK, is_managed
from autoscaler.errors import NginxError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_NAME = "autoscaler.conf"
_MODE = 0o644


class UpstreamFile:
    """The file in `directory`, which NGINX includes as `*.conf`."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE_NAME
        self._new = directory / f".{FILE_NAME}.new"
        self._previous = directory / f".{FILE_NAME}.previous"

    def read(self) -> str | None:
        """Return the text, None if there is no file.

        Raises NginxError if it cannot be read or was not written by this program.
        """
        data = _read(self.path)
        if data is None:
            return None
        text = data.decode("utf-8", errors="replace")
        if not is_managed(text):
            raise NginxError(
                f"{self.path} was not written by this program (its first line is not {MARK!r}) "
                "and is left as it is; move it away if it is not needed"
            )
        return text

    def replace(self, text: str) -> None:
        """Put a new text in place at once; the previous one is kept until `settle` or `restore`.

        Raises NginxError if the disk does not take it; the file in place is then the old one.
        """
        with self._explained("written"):
            if not self._previous.exists():
                self._write(self._previous, _read(self.path) or b"")
            self._write(self.path, text.encode("ascii"))

    def settle(self) -> None:
        """Forget the previous text: the one in place is proven."""
        with contextlib.suppress(OSError):  # it is a leftover then; NGINX serves the right file
            self._previous.unlink(missing_ok=True)

    def has_previous(self) -> bool:
        """Tell whether a change is under way that was not proven yet."""
        return self._previous.exists()

    def restore(self) -> None:
        """Put the previous text back, byte for byte; remove the file if there was none."""
        with self._explained("restored"):
            if not self._previous.exists():
                return
            if self._previous.stat().st_size:
                self._previous.replace(self.path)
            else:
                self.path.unlink(missing_ok=True)
                self._previous.unlink()
            self._sync_directory()

    def _write(self, path: Path, data: bytes) -> None:
        """Write a file so that a reader or a power cut finds the old or the new one, whole."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(self._new, flags, _MODE), "wb") as file:
            os.fchmod(file.fileno(), _MODE)  # NGINX must read it whatever our umask is
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._new.replace(path)
        self._sync_directory()

    def _sync_directory(self) -> None:
        """Make a rename last."""
        descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Turn an OSError into an NginxError that names the file, and leave no half file."""
        try:
            yield
        except OSError as error:
            with contextlib.suppress(OSError):
                self._new.unlink(missing_ok=True)
            raise NginxError(
                f"{self.path} could not be {what}: {error.strerror or error}; the directory must "
                "exist, belong to the daemon's user and have space"
            ) from error


def _read(path: Path) -> bytes | None:
    """Return a file's bytes, None if it does not exist."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except IsADirectoryError as error:
        raise NginxError(
            f"{path} is a directory, where the generated file belongs; remove it"
        ) from error
    except OSError as error:
        raise NginxError(
            f"{path} cannot be read: {error.strerror or error}; it must belong to the daemon's user"
        ) from error
