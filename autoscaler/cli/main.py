"""The `autoscaler` command: finds the subcommand's module and turns errors into exit codes."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from collections.abc import Collection, Sequence
from importlib import import_module
from importlib.metadata import version

from autoscaler.errors import AutoscalerError, DaemonUnreachableError, SettingsError, UsageError

COMMANDS = {
    "run": "run the daemon in the foreground",
    "check": "check the settings and the host, and say what to mend",
    "status": "show what the running daemon sees and wants",
    "explain": "say why a role has its count, and what would change it",
    "events": "show what happened, also when no daemon runs",
    "pause": "keep the rules from changing counts; repair goes on",
    "resume": "end pauses and pins, so that the rules decide again",
    "scale": "pin a role's count for a while",
    "hold": "let no member be stopped while a command runs",
    "simulate": "play recorded readings to the rules, with other settings beside those in force",
    "reload": "let the running daemon read its env file again",
    "completion": "print a script that lets the shell complete these commands",
    "demo": "show it at work on this machine's engine, with load, in under four minutes",
}
"""One module of this package per command, each with `add_arguments` and `run`."""

_EPILOG = """\
examples:
  autoscaler check                    is everything ready? says what to mend
  autoscaler status                   what runs, why, and what is blocked
  autoscaler explain validator        why it has its count, and what would change it
  autoscaler events --since 2h        what happened, also when no daemon runs
  autoscaler pause --for 1h --reason 'deploy of 12.3'
  autoscaler COMMAND --help           each command shows how it is used

exit codes: 0 fine, 1 failed, 2 bad usage or settings, 3 no daemon answers, 130 interrupted
"""

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130

_NO_PLACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""Errors of a command's output; the daemon meets them in other files, too, and deals with them."""


def build_parser(wanted: Collection[str] = ()) -> argparse.ArgumentParser:
    """Return the parser with all commands; only the modules of those `wanted` are imported."""
    parser = argparse.ArgumentParser(
        prog="autoscaler",
        description="Starts and stops the spare containers of a Docker Compose host as CPU\n"
        "demands, and keeps NGINX pointed only at members that can answer.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version("autoscaler"))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name in wanted:
            import_module(f"autoscaler.cli.{name}").add_arguments(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code. Errors go to standard error in plain words."""
    words = sys.argv[1:] if argv is None else list(argv)
    wanted = next((w for w in words if w in COMMANDS), None)
    if wanted == "run":
        # Held back until the daemon can reload: by default a SIGHUP would end the process.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    arguments = build_parser(() if wanted is None else (wanted,)).parse_args(words)
    try:
        code: int = import_module(f"autoscaler.cli.{arguments.command}").run(arguments)
        sys.stdout.flush()
    except SettingsError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return EXIT_USAGE
    except AutoscalerError as error:
        print(f"autoscaler: {error}", file=sys.stderr)
        return _exit_code(error)
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_FAILED
    except OSError as error:
        if arguments.command == "run" or error.errno not in _NO_PLACE:
            raise
        return _unwritten(error)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return code


def _unwritten(error: OSError) -> int:
    """Say that the output has no place; what is left of it goes nowhere.

    The interpreter would fail on it once more at its end.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    print(f"autoscaler: the output cannot be written: {error.strerror}", file=sys.stderr)
    return EXIT_FAILED


def _exit_code(error: AutoscalerError) -> int:
    if isinstance(error, UsageError):
        return EXIT_USAGE
    return EXIT_UNREACHABLE if isinstance(error, DaemonUnreachableError) else EXIT_FAILED
