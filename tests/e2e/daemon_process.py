"""The program as a process of its own: the daemon with its log, and commands that end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from autoscaler.demo.daemon import LogEvent, read_line
from tests.e2e.waiting import DEFAULT_SECONDS, until

STOP_SECONDS = 10.0
ROOT = Path(__file__).resolve().parents[2]


class Daemon:
    """One process of the daemon and what it has logged. `program` follows the interpreter."""

    def __init__(
        self, env_file: Path, options: Sequence[str] = (), program: Sequence[str] = ()
    ) -> None:
        self.events: list[LogEvent] = []
        self.lines: list[str] = []
        words = [*(program or ("-m", "autoscaler")), "run", "--env-file", str(env_file), *options]
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", sys.executable, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
            cwd=ROOT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        """Keep every line and the events among them, until the process ends."""
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self.lines.append(line)
                event = read_line(line)
                if event is not None:
                    self.events.append(event)

    def of(self, name: str, **fields: object) -> list[LogEvent]:
        """Return the events so far with that name and those fields."""
        return [
            e
            for e in list(self.events)
            if e.name == name and all(e.fields.get(k) == v for k, v in fields.items())
        ]

    def wait_for(
        self, name: str, seconds: float = DEFAULT_SECONDS, *, count: int = 1, **fields: object
    ) -> LogEvent:
        """Return the `count`th such event as soon as it is logged."""
        what = f"the daemon logs {name} {fields} {count} times"
        until(lambda: len(self.of(name, **fields)) >= count or not self.alive, what, seconds)
        found = self.of(name, **fields)
        assert len(found) >= count, f"the daemon ended before {what}"
        return found[count - 1]

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(seconds)
        self._reader.join(seconds)
        return code

    def kill(self) -> None:
        """End the process as `kill -9` does; nothing happens if it has ended."""
        self.process.kill()
        self.wait()

    def stop(self) -> int:
        """End it as an administrator does, by force after 10 s; return the exit code."""
        self.process.terminate()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            return -9


def environment() -> dict[str, str]:
    """Return this process's environment without the program's own variables."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AUTOSCALER_")}
    kept.pop("JOURNAL_STREAM", None)  # would put a priority before each JSON line
    return kept


def autoscaler(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "autoscaler", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(),
        cwd=ROOT,
    )
