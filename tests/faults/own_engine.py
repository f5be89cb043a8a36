"""A Docker engine of the tests' own, beside the machine's: one that may be stopped and killed.

It lives in a network namespace, because a second engine in the same one would take over the first
one's bridge. Who uses it has to be in there too, see `OwnEngine.entered`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from tests.e2e.waiting import until
from tests.faults.own_namespace import Namespace

START_SECONDS = 30.0
STOP_SECONDS = 30.0
BRIDGE = "10.255.255.1/24"


class OwnEngine:
    """One `dockerd` with directories and a socket of its own; `close` leaves nothing of it."""

    def __init__(self) -> None:
        # Not below pytest's directories: the path of a Unix socket has at most 107 characters.
        self._directory = Path(tempfile.mkdtemp(prefix="own-engine-"))
        self.socket = self._directory / "engine.sock"
        self.url = f"unix://{self.socket}"
        self._log = self._directory / "engine.log"
        self._namespace = Namespace()
        self._process: subprocess.Popen[bytes] | None = None

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Work in the engine's namespace, with it as the engine that Docker's clients find."""
        with self._namespace.entered(), pytest.MonkeyPatch.context() as patch:
            patch.setenv("DOCKER_HOST", self.url)
            yield

    def start(self, *, live_restore: bool = False) -> None:
        """Start it and wait until it answers. With `live_restore` containers outlive its end."""
        own = self._directory
        words = ["--data-root", f"{own}/data", "--exec-root", f"{own}/exec", "--pidfile"]
        words += [f"{own}/engine.pid", "-H", self.url, "--bip", BRIDGE]
        words += ["--live-restore"] if live_restore else []
        with self._namespace.entered(), self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "dockerd", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._answers, "the own engine answers", START_SECONDS)

    def stop(self) -> None:
        """End it as a service manager does; its containers stop, unless it has live-restore."""
        self._ended(kill=False)

    def kill(self) -> None:
        """End it as `kill -9` does; its containers run on until it is started again."""
        self._ended(kill=True)

    def restart(self, *, live_restore: bool = False) -> None:
        """Stop it and start it."""
        self.stop()
        self.start(live_restore=live_restore)

    def close(self) -> None:
        """End it and remove all it has made, whatever state a failed test has left it in."""
        try:
            if self._process is not None:
                self.restart()  # without live-restore, so that its containers end with it
        finally:
            self.stop()
            self._namespace.close()
            for mount in self._mounts():
                subprocess.run(["umount", "--lazy", mount], check=True)
            shutil.rmtree(self._directory)

    def _mounts(self) -> list[str]:
        """Return what is mounted below its directory, the deepest first."""
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
        places = [line.split()[4] for line in lines]
        return sorted((p for p in places if Path(p).is_relative_to(self._directory)), reverse=True)

    def _ended(self, *, kill: bool) -> None:
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait(STOP_SECONDS)
        if kill:
            self._end_containerd()

    def _end_containerd(self) -> None:
        """End the killed engine's containerd, so that the next engine does not rely on it.

        Its pid is forgotten: where nobody collects orphans its dead process stays, as if it ran.
        """
        note = self._directory / "exec/containerd/containerd.pid"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(note.read_text(encoding="ascii")), signal.SIGKILL)
        note.unlink(missing_ok=True)

    def _answers(self) -> bool:
        assert self._process is not None
        words = self._log.read_text(encoding="utf-8", errors="replace")[-3000:]
        assert self._process.poll() is None, f"the own engine ended at once:\n{words}"
        try:
            with contextlib.closing(docker.DockerClient(self.url, timeout=5)) as client:
                return bool(client.ping())
        except DockerException:
            return False
