"""What the commands that steer the daemon are given: read, or refused as bad usage.

The control socket refuses the same; here the words name the option and nothing is sent.
"""

from __future__ import annotations

import argparse
import re

from autoscaler.cli.operating import for_seconds
from autoscaler.settings.durations import FORMS, show_duration
from autoscaler.settings.names import ROLE_NAME
from autoscaler.surface.requests import LONGEST_REASON, LONGEST_SECONDS, MOST_MEMBERS, ONE_LINE


def add_role_or_all(parser: argparse.ArgumentParser) -> None:
    """Add the role a command is for; without it, `all`."""
    parser.add_argument(
        "role",
        nargs="?",
        default="all",
        type=role_name,
        metavar="ROLE",
        help="which role (default: all)",
    )


def override_seconds(text: str) -> float:
    """Read how long an override lasts, in seconds; raises what argparse turns into bad usage."""
    seconds = for_seconds(text)
    if not 0 < seconds <= LONGEST_SECONDS:
        most = show_duration(LONGEST_SECONDS)
        raise argparse.ArgumentTypeError(
            f"{text!r} is out of range; allowed: above 0, at most {most}, {FORMS}"
        )
    return seconds


def reason(text: str) -> str:
    """Read a reason; raises what argparse turns into bad usage."""
    line = text.strip()
    if not line:
        raise argparse.ArgumentTypeError("is empty; say in a few words why")
    if len(line) > LONGEST_REASON:
        raise argparse.ArgumentTypeError(
            f"has {len(line)} characters; allowed: at most {LONGEST_REASON}"
        )
    if not re.fullmatch(ONE_LINE, line):
        raise argparse.ArgumentTypeError(
            "holds a control character; allowed: one line of text without them"
        )
    return line


def member_count(text: str) -> int:
    """Read a number of members; raises what argparse turns into bad usage."""
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= MOST_MEMBERS:
        raise argparse.ArgumentTypeError(
            f"{text[:60]!r} is no count; allowed: a whole number from 1 to {MOST_MEMBERS}"
        )
    return int(text)


def role_name(text: str) -> str:
    """Read a role's name; raises what argparse turns into bad usage. The daemon knows which are."""
    if not ROLE_NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text[:60]!r} is no role's name; allowed: small letters, digits and -, a letter "
            "first, at most 32"
        )
    return text
