"""`autoscaler scale`: pin a role's count for a while."""

from __future__ import annotations

import argparse

from autoscaler.cli.operands import member_count, override_seconds, reason, role_name
from autoscaler.cli.operating import add_common, command, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scale`."""
    parser.add_argument("role", type=role_name, metavar="ROLE", help="which role")
    parser.add_argument("count", type=member_count, metavar="N", help="how many members are to run")
    parser.add_argument(
        "--for",
        dest="seconds",
        type=override_seconds,
        required=True,
        metavar="TIME",
        help="how long, such as 30m or 2h; then the rules decide again",
    )
    parser.add_argument(
        "--reason", required=True, type=reason, metavar="TEXT", help="why, for your colleagues"
    )
    parser.add_argument("--force", action="store_true", help="leave the role's MIN and MAX")
    add_common(
        parser,
        "autoscaler scale validator 3 --for 2h --reason 'snapshot sale starts at 18:00'",
        "autoscaler resume validator    end it earlier",
    )


def run(arguments: argparse.Namespace) -> int:
    """Set the pin and print what is in force."""
    fields = {
        "role": arguments.role,
        "count": arguments.count,
        "seconds": arguments.seconds,
        "reason": arguments.reason,
        "force": arguments.force,
    }
    return tell(arguments, command(arguments, "/v1/scale", fields))
