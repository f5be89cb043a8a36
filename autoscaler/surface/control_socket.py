"""Keeps the control socket where clients find it: made at the start, anew when it was removed."""

from __future__ import annotations

import contextlib
import grp
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from autoscaler.errors import AutoscalerError
from autoscaler.files import identity
from autoscaler.surface.control import GROUP, SOCKET, Ask, ControlServer
from autoscaler.surface.defects import Defects

LOOK_SECONDS = 0.5
"""How often the thread that listens looks whether its socket is still there."""


class ControlSocket:
    """Listens on `<run_dir>/control.sock`, and anew if somebody removes it.

    `ask` gives a request to the daemon and returns its answer; it raises
    queue.Empty when there is no answer in time. `defects` hears of answers that could not be made,
    `told` of a socket that was removed: what is wrong, empty when it is there again. `beside` is
    called twice a second by the thread that listens, which never waits for the controller.
    """

    def __init__(
        self,
        run_dir: Path,
        ask: Ask,
        defects: Defects,
        told: Callable[[str], None] = lambda _: None,
        beside: Callable[[], None] = lambda: None,
    ) -> None:
        self.path = run_dir / SOCKET
        self._defects = defects
        self._ask = ask
        self._told = told
        self._beside = beside
        self._server: ControlServer | None = None
        self._made: tuple[int, int] | None = None
        self._lost = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen, replacing a socket that a killed daemon has left; call with the lock held."""
        try:
            if self.path.exists() and stat.S_ISSOCK(self.path.stat().st_mode):
                self.path.unlink()
        except OSError as error:
            raise self._cannot_listen(error) from error
        self._server = self._listen()
        self._stopping.clear()
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and remove the socket."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if self._server is not None:
            self._server.server_close()
            if self._made is not None and identity(self.path) == self._made:
                with contextlib.suppress(OSError):  # gone this very moment
                    self.path.unlink()

    def _listen(self) -> ControlServer:
        """Return a server whose socket has just been made. Raises AutoscalerError."""
        try:
            server = ControlServer(str(self.path), self._ask, self._defects)
        except OSError as error:
            raise self._cannot_listen(error) from error
        server.timeout = LOOK_SECONDS
        try:
            _give_to_group(self.path)
            self._made = identity(self.path)
        except OSError as error:
            server.server_close()
            raise self._cannot_listen(error) from error
        return server

    def _cannot_listen(self, error: OSError) -> AutoscalerError:
        return AutoscalerError(
            f"cannot listen on {self.path}: {error.strerror or error}; AUTOSCALER_RUN_DIR must "
            "be a directory this user may write to, with a path of at most 90 characters"
        )

    def _serve(self) -> None:
        while self._server is not None and not self._stopping.is_set():
            self._server.handle_request()  # waits no longer than LOOK_SECONDS
            self._look()
            try:
                self._beside()
            except Exception as error:  # noqa: BLE001 - a defect in there must not end the listening
                self._defects.report("control", "a look beside", error)

    def _look(self) -> None:
        """Listen anew if the socket is gone; what somebody has put in its place stays."""
        found, trouble = identity(self.path), ""
        if found is None:
            trouble = self._remade()
        elif found != self._made:
            trouble = f"{self.path} is not this daemon's socket any more; remove it"
        if trouble and not self._lost:
            self._told(trouble)
        elif self._lost and not trouble:
            self._told("")
        self._lost = bool(trouble)

    def _remade(self) -> str:
        """Take a new socket instead of the removed one; return what is wrong if that fails."""
        before = self._server
        try:
            self._server = self._listen()
        except AutoscalerError as error:
            return str(error)
        if before is not None:
            before.server_close()
        self._lost = True  # so that it is told
        return ""


def _give_to_group(path: Path) -> None:
    """Let the group use the socket where the group exists and we may."""
    try:
        os.chown(path, -1, grp.getgrnam(GROUP).gr_gid)
    except (KeyError, PermissionError):
        return
