"""`autoscaler hold`: no member is stopped while a command runs.

The lease lasts 30 s and is renewed every 10 s, so it ends by itself if this process is killed.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
import uuid

from autoscaler.cli.envfile import add_env_file
from autoscaler.cli.operating import add_examples, command, role_of
from autoscaler.errors import AutoscalerError

RENEW_SECONDS = 10.0
NOT_FOUND, NOT_EXECUTABLE, BY_SIGNAL = 127, 126, 128
"""Exit codes as a shell gives them."""

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hold`."""
    parser.add_argument("--role", default="all", metavar="ROLE", help="which role (default: all)")
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
        print("autoscaler hold: no command given; write it after --", file=sys.stderr)
        return 2
    fields = {
        "lease": uuid.uuid4().hex,
        "reason": _one_line(arguments.reason or "runs " + " ".join(words)),
        "role": role_of(arguments.role),
    }
    command(arguments, "/v1/hold", fields)
    try:
        return _run_held(arguments, fields, words)
    finally:
        try:
            command(arguments, "/v1/release", {"lease": fields["lease"]})
        except AutoscalerError as error:
            print(f"autoscaler hold: not given back, it ends within 30 s: {error}", file=sys.stderr)


def _run_held(
    arguments: argparse.Namespace, fields: dict[str, str | None], words: list[str]
) -> int:
    """Run the command to its end, renewing; return its status as a shell would."""
    try:
        process = subprocess.Popen(words)  # noqa: S603 - the command is what the user typed
    except OSError as error:
        print(f"autoscaler hold: {words[0]}: {error.strerror}", file=sys.stderr)
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
    before = {n: signal.signal(n, lambda number, _: _pass_on(process, number)) for n in _PASSED_ON}
    try:
        code = _renewing(arguments, fields, process)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else BY_SIGNAL - code


def _renewing(
    arguments: argparse.Namespace,
    fields: dict[str, str | None],
    process: subprocess.Popen[bytes],
) -> int:
    """Wait for the command; a daemon that is away for a while is told of once."""
    told = False
    while True:
        renew_at = time.monotonic() + RENEW_SECONDS
        try:
            return process.wait(max(0.0, renew_at - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        try:
            command(arguments, "/v1/hold", fields)
            told = False
        except AutoscalerError as error:
            if not told:
                print(f"autoscaler hold: not renewed, tried again: {error}", file=sys.stderr)
            told = True


def _pass_on(process: subprocess.Popen[bytes], number: int) -> None:
    """Give a signal to the command, unless the terminal has given it to the whole group."""
    from_terminal = number in {signal.SIGINT, signal.SIGQUIT} and _in_foreground()
    if not from_terminal and process.poll() is None:
        process.send_signal(number)


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
