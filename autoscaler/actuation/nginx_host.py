"""Reaching an NGINX that runs on the host: two commands and its pid file."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.actuation.workers import PROC, Worker, is_master, workers_under
from autoscaler.errors import NginxError, NginxTestFailedError, NginxUnreachableError
from autoscaler.settings.names import variable

if TYPE_CHECKING:
    from pathlib import Path

_TEST = variable(("nginx", "test_command"))
_RELOAD = variable(("nginx", "reload_command"))
_OUTPUT_LIMIT = 16 * 1024
_LAST_WORDS_SECONDS = 1.0
_NOT_RUN = (126, 127)
"""What a shell ends with if a command cannot be run; NGINX itself ends with 0 or 1."""


@dataclass(frozen=True, slots=True)
class HostCommands:
    """How NGINX is tested and reloaded, as argument lists; no shell reads them.

    Each must end within `timeout_seconds`; an exit code other than 0 is a failure and its output
    the reason.
    """

    test: tuple[str, ...]
    reload: tuple[str, ...]
    timeout_seconds: float


class HostNginx:
    """An NGINX on this host. `probe` is where its local server listens, `pid_file` its master."""

    def __init__(
        self,
        commands: HostCommands,
        pid_file: Path,
        probe: tuple[str, int],
        proc: Path = PROC,
    ) -> None:
        self._commands = commands
        self._pid_file = pid_file
        self._probe = probe
        self._proc = proc

    def test(self) -> str:
        """Return what the configuration test says.

        Raises NginxTestFailedError with its output, NginxError if it cannot run in time.
        """
        code, output = self._run(self._commands.test, _TEST)
        if code in _NOT_RUN:
            raise NginxError(
                f"NGINX could not be tested: {_shown(self._commands.test, _TEST)} ended with "
                f"{code}: {output}"
            )
        if code:
            raise NginxTestFailedError("NGINX refuses its configuration", output)
        return output

    def reload(self) -> None:
        """Ask for a reload; that it took effect must be proven.

        Raises NginxUnreachableError if NGINX does not run, NginxError if the command fails.
        """
        self._master()
        code, output = self._run(self._commands.reload, _RELOAD)
        if code:
            raise NginxError(
                f"NGINX could not be reloaded: {_shown(self._commands.reload, _RELOAD)} ended with "
                f"{code}: {output}"
            )

    def workers(self) -> frozenset[Worker]:
        """Return the workers that run now. Raises NginxUnreachableError if NGINX does not run."""
        return workers_under(self._master(), self._proc)

    def probe_address(self) -> tuple[str, int]:
        """Return where the local server answers."""
        return self._probe

    def networks(self) -> frozenset[str]:
        """Return no network: an NGINX on the host reaches all of them."""
        return frozenset()

    def _master(self) -> int:
        """Return the master's pid, read anew each time: a restart changes it."""
        try:
            text = self._pid_file.read_text(encoding="ascii")
            pid = int(text or 0)  # NGINX's test leaves an empty file while NGINX does not run
        except FileNotFoundError:
            pid = 0
        except (OSError, ValueError) as error:
            raise NginxError(
                f"NGINX's pid file {self._pid_file} cannot be used: {error}; it must hold the "
                "master's pid and be readable for the daemon"
            ) from error
        if not pid:
            raise NginxUnreachableError(
                f"NGINX does not run: {self._pid_file} holds no pid; start it, "
                "for example: systemctl start nginx"
            )
        if not is_master(pid, self._proc):
            raise NginxUnreachableError(
                f"NGINX does not run: process {pid} of {self._pid_file} is no NGINX master; "
                "start it, for example: systemctl start nginx"
            )
        return pid

    def _run(self, command: tuple[str, ...], setting: str) -> tuple[int, str]:
        """Run a command in its own session and return (exit code, output)."""
        try:
            child = subprocess.Popen(  # noqa: S603 - an argument list from the settings, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise NginxError(
                f"{_shown(command, setting)} cannot be run: {error.strerror or error}; it must "
                "begin with a program by its path, or one that PATH finds"
            ) from error
        # Not in a `with`, which waits for the child: one that cannot be killed would hold us up.
        try:
            output, _ = child.communicate(timeout=self._commands.timeout_seconds)
        except subprocess.TimeoutExpired as error:
            ended = "was killed" if _end(child) else "could not be killed: it still runs"
            raise NginxError(
                f"{_shown(command, setting)} did not end within "
                f"{self._commands.timeout_seconds:g} s and {ended}"
            ) from error
        return child.returncode, output[-_OUTPUT_LIMIT:].decode(errors="replace").strip()


def _shown(command: tuple[str, ...], setting: str) -> str:
    """Name a command with the setting that it comes from."""
    return f"{' '.join(command)!r} ({setting})"


def _end(child: subprocess.Popen[bytes]) -> bool:
    """Kill a child and all it started, and close its pipe even if someone still holds it.

    Returns whether it has ended: one that became another user, as by sudo, may not be killed, and
    one that waits for a disk that hangs does not end of it.
    """
    with contextlib.suppress(PermissionError, ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    try:
        child.communicate(timeout=_LAST_WORDS_SECONDS)
    except subprocess.TimeoutExpired:
        if child.stdout is not None:
            child.stdout.close()
    return child.poll() is not None
