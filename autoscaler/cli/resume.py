"""`autoscaler resume`: end pauses and pins, so that the rules decide again."""

from __future__ import annotations

import argparse

from autoscaler.cli.operands import add_role_or_all
from autoscaler.cli.operating import add_common, command, role_of, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `resume`."""
    add_role_or_all(parser)
    add_common(
        parser,
        "autoscaler resume              end every pause and every pin",
        "autoscaler resume validator    only those of one role; a pause of all roles stays",
    )


def run(arguments: argparse.Namespace) -> int:
    """End them; print what has ended and what is still in force."""
    return tell(arguments, command(arguments, "/v1/resume", {"role": role_of(arguments.role)}))
