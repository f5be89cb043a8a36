"""A SIGHUP that comes before the daemon can reload is kept for it, not its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.daemon.no_engine import write_env

HANGUP_BIT = 1 << (signal.SIGHUP - 1)
DEADLINE_SECONDS = 20.0


def _does_with_hangup(pid: int, mask: str) -> bool:
    """Tell whether SIGHUP is in a mask of the process: SigBlk, held back; SigCgt, handled."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith(mask))
    return bool(int(line.split()[1], 16) & HANGUP_BIT)


@pytest.fixture
def daemon(tmp_path: Path) -> subprocess.Popen[str]:
    """Start a daemon."""
    words = [sys.executable, "-m", "autoscaler", "run", "--env-file", str(write_env(tmp_path))]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_a_hangup_before_the_daemon_is_ready_becomes_a_reload(
    daemon: subprocess.Popen[str],
) -> None:
    """Without the hold the kernel's default would end the process before its first line."""
    try:
        end = time.monotonic() + DEADLINE_SECONDS
        while not _does_with_hangup(daemon.pid, "SigBlk:"):
            assert daemon.poll() is None
            assert not _does_with_hangup(daemon.pid, "SigCgt:"), "handled, but not held before"
            assert time.monotonic() < end, "SIGHUP was never held back"
        daemon.send_signal(signal.SIGHUP)
        assert daemon.stdout is not None
        events = []
        for line in daemon.stdout:
            events.append(json.loads(line)["event"])
            if events[-1] == "config.reloaded":
                break
        assert events[0] == "daemon.started"
        assert events[-1] == "config.reloaded"
    finally:
        daemon.terminate()
        assert daemon.wait(DEADLINE_SECONDS) == 0
