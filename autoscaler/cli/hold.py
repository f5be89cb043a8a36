"""`autoscaler hold`: no member is stopped while a command runs.

The lease lasts 30 s and is renewed every 10 s, so it ends by itself if this process is killed. A
daemon that was restarted is given it again at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
import uuid

from autoscaler.cli.asking import run_dir_of
from autoscaler.cli.envfile import add_env_file
from autoscaler.cli.lease import LOOK_SECONDS, Lease, socket_identity
from autoscaler.cli.operands import role_name
from autoscaler.cli.operating import add_examples, command, role_of
from autoscaler.errors import AutoscalerError
from autoscaler.policy.overrides import RUNS
from autoscaler.surface.control import SOCKET

NOT_FOUND, NOT_EXECUTABLE, BY_SIGNAL = 127, 126, 128
"""Exit codes as a shell gives them."""

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_FROM_KEYS = frozenset({signal.SIGINT, signal.SIGQUIT})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hold`."""
    parser.add_argument(
        "--role", default="all", type=role_name, metavar="ROLE", help="which role (default: all)"
    )
    parser.add_argument("--reason", metavar="TEXT", help="why (default: the command)")
    parser.add_argument(
        "words", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command, after --"
    )
    add_env_file(parser)
    add_examples(
        parser,
        "autoscaler hold -- ./backup.sh --full",
        "autoscaler hold --role validator --reason 'chain upgrade' -- make upgrade",
        "",
        "exits with the command's own status; 3, and the command is not started, without a daemon",
    )


def run(arguments: argparse.Namespace) -> int:
    """Take the lease, run the command, renew until it ends, give the lease back."""
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not words:
        _tell("no command given; write it after --")
        return 2
    fields = {
        "lease": uuid.uuid4().hex,
        "reason": _one_line(arguments.reason or RUNS + " ".join(words)),
        "role": role_of(arguments.role),
    }
    socket = run_dir_of(arguments) / SOCKET
    lease = Lease(
        lambda: command(arguments, "/v1/hold", fields), lambda: socket_identity(socket), _tell
    )
    held = _Held(words)
    before = {n: signal.signal(n, held.pass_on) for n in _PASSED_ON}
    try:
        lease.begin(time.monotonic())
        try:
            return held.run(lease)
        finally:
            _release(arguments, fields)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _release(arguments: argparse.Namespace, fields: dict[str, str | None]) -> None:
    """Give the lease back; without a daemon it runs out."""
    try:
        command(arguments, "/v1/release", {"lease": fields["lease"]})
    except AutoscalerError as error:
        _tell(f"not given back, it ends within 30 s: {error}")


def _tell(text: str) -> None:
    """Say something beside what the command prints."""
    print(f"autoscaler hold: {text}", file=sys.stderr)


class _Held:
    """The command that runs while the lease is in force."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def pass_on(self, number: int, _frame: object) -> None:
        """Give a signal to the command, unless the terminal has given it to the whole group."""
        process = self._process
        if process is None:
            self._early.append(number)
        elif process.poll() is None and not (number in _FROM_KEYS and _in_foreground()):
            process.send_signal(number)

    def run(self, lease: Lease) -> int:
        """Run it to its end, keeping the lease; return its status as a shell would."""
        if self._early:  # told to end before there was anything to end
            return BY_SIGNAL + self._early[0]
        try:
            self._process = subprocess.Popen(self._words)  # noqa: S603 - what the user typed
        except OSError as error:
            _tell(f"{self._words[0]}: {error.strerror}")
            return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        for number in self._early:
            self._process.send_signal(number)
        code = _keeping(lease, self._process)
        return code if code >= 0 else BY_SIGNAL - code


def _keeping(lease: Lease, process: subprocess.Popen[bytes]) -> int:
    """Wait for the command and keep the lease meanwhile."""
    while True:
        try:
            return process.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            lease.keep(time.monotonic())


def _in_foreground() -> bool:
    """Tell whether a key of the terminal reaches this process and its children alike."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


def _one_line(text: str) -> str:
    """Return a text that can be a reason: one line of bounded length."""
    line = "".join(c if c.isprintable() else " " for c in text).strip()
    return line[:500]
