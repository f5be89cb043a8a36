"""The real daemon, as a process of its own; the demo and the tests read its log from here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from autoscaler.errors import AutoscalerError, DaemonUnreachableError
from autoscaler.surface.control import call

if TYPE_CHECKING:
    from pathlib import Path

STOP_SECONDS = 10.0


@dataclass(frozen=True)
class LogEvent:
    """One line of the daemon's log. `time` is Unix seconds by the daemon's clock."""

    name: str
    time: float
    fields: dict[str, Any]

    @property
    def role(self) -> str:
        """The role it is about, empty if none."""
        return str(self.fields.get("role", ""))


def read_line(line: str) -> LogEvent | None:
    """Return the event of a JSON log line, None if the line is none."""
    try:
        fields = json.loads(line)
        moment = datetime.fromisoformat(fields["timestamp"]).timestamp()
        return LogEvent(str(fields["event"]), moment, fields)
    except (ValueError, KeyError, TypeError):
        return None


class DaemonProcess:
    """`autoscaler run` with an env file. Its output goes to `log`, its events to `events`.

    Used as a context manager it is stopped at the end, and the kernel stops it if this process
    dies without a word.
    """

    def __init__(self, env_file: Path, run_directory: Path, log: Path) -> None:
        self.events: list[LogEvent] = []
        self._env_file = env_file
        self._run_directory = run_directory
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread(target=self._read, name="daemon-log", daemon=True)

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop it."""
        self.stop()

    def start(self) -> None:
        """Start the daemon. Variables of this process that are settings are kept from it."""
        tie = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        command = [sys.executable, "-m", "autoscaler", "run", "--env-file", str(self._env_file)]
        environ = {k: v for k, v in os.environ.items() if not k.startswith("AUTOSCALER_")}
        environ.pop("JOURNAL_STREAM", None)  # would put a priority before each JSON line
        self._process = subprocess.Popen(  # noqa: S603 this program itself
            [*tie, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environ,
            start_new_session=True,  # a Ctrl-C at the terminal is for this process to handle
        )
        self._reader.start()

    @property
    def pid(self) -> int:
        """The daemon's process id. Raises AutoscalerError before `start`."""
        return self._started().pid

    def check(self) -> None:
        """Raise AutoscalerError with the end of the log if the daemon has ended."""
        code = self._started().poll()
        if code is not None:
            raise AutoscalerError(
                f"the daemon ended with code {code}; its last words:\n{self.tail()}"
            )

    def status(self) -> dict[str, Any] | None:
        """Return the daemon's status, None while it does not answer."""
        try:
            return call(self._run_directory, "GET", "/v1/status")
        except DaemonUnreachableError:
            return None

    def signal(self, number: int) -> None:
        """Send a signal."""
        self._started().send_signal(number)

    def stop(self) -> int:
        """End the daemon, by force if it takes longer than 10 s; return its exit code."""
        process = self._started()
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        code = process.wait()
        self._reader.join(STOP_SECONDS)
        return code

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of the log."""
        if not self._log.exists():
            return "(nothing)"
        return "\n".join(self._log.read_text(encoding="utf-8").splitlines()[-lines:])

    def _started(self) -> subprocess.Popen[str]:
        """Return the process. Raises AutoscalerError before `start`."""
        if self._process is None:
            raise AutoscalerError("the daemon has not been started")
        return self._process

    def _read(self) -> None:
        """Copy the output to the log file and keep its events, until the daemon ends."""
        stream = self._started().stdout
        if stream is None:
            return
        with self._log.open("a", encoding="utf-8") as log, stream:
            for line in stream:
                log.write(line)
                log.flush()
                event = read_line(line)
                if event is not None:
                    self.events.append(event)
