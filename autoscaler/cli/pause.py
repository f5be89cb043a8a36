"""`autoscaler pause`: keep the rules from changing counts; repair and NGINX go on."""

from __future__ import annotations

import argparse

from autoscaler.cli.operands import add_role_or_all, override_seconds, reason
from autoscaler.cli.operating import add_common, command, role_of, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `pause`."""
    add_role_or_all(parser)
    parser.add_argument(
        "--direction",
        choices=("up", "down", "both"),
        default="both",
        help="which changes to stop (default: %(default)s)",
    )
    parser.add_argument(
        "--for",
        dest="seconds",
        type=override_seconds,
        metavar="TIME",
        help="ends by itself, such as 1h",
    )
    parser.add_argument(
        "--reason", required=True, type=reason, metavar="TEXT", help="why, for your colleagues"
    )
    add_common(
        parser,
        "autoscaler pause --reason 'deploy of 12.3'    all roles, until resumed",
        "autoscaler pause validator --direction down --for 1h --reason 'load test'",
        "autoscaler resume validator",
    )


def run(arguments: argparse.Namespace) -> int:
    """Set the pause and print what is in force."""
    fields = {
        "role": role_of(arguments.role),
        "direction": arguments.direction,
        "seconds": arguments.seconds,
        "reason": arguments.reason,
    }
    return tell(arguments, command(arguments, "/v1/pause", fields))
