"""`autoscaler reload`: let the running daemon read its env file again."""

from __future__ import annotations

import argparse
import json
import sys

from autoscaler.cli.asking import ask_daemon
from autoscaler.cli.envfile import add_env_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `reload`."""
    add_env_file(parser)
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Reload; print every change, or every mistake and exit with 2."""
    answer = ask_daemon(arguments, "POST", "/v1/reload")
    problems = answer.get("problems")
    if arguments.json:
        print(json.dumps(answer, indent=2))
        return 2 if problems else 0
    if problems:
        for problem in problems:
            print(problem, file=sys.stderr)
        print("nothing was changed: the settings in force stay", file=sys.stderr)
        return 2
    for change in answer["changes"]:
        late = "  (takes effect at the next restart)" if change["restart"] else ""
        print(f"{change['variable']}: {change['old']} -> {change['new']}{late}")
    if not answer["changes"]:
        print("nothing differs from the settings in force")
    for name in answer["masked"]:
        print(f"{name} in the file does not count: the daemon's environment sets it too")
    return 0
