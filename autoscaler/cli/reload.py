"""`autoscaler reload`: let the running daemon read its env file again."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from autoscaler.cli.asking import ask_daemon
from autoscaler.cli.envfile import add_env_file, load_from
from autoscaler.cli.operating import add_examples
from autoscaler.cli.reloadguard import emptied_roles
from autoscaler.errors import SettingsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `reload`."""
    add_env_file(parser)
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.add_argument(
        "--force",
        action="store_true",
        help="reload even if a role would lose all members that serve it",
    )
    add_examples(
        parser,
        "autoscaler reload",
        "autoscaler check --settings-only && autoscaler reload",
        "autoscaler reload --json | jq .changes",
    )


def run(arguments: argparse.Namespace) -> int:
    """Reload; print every change, or every mistake and exit with 2.

    So it also ends if the settings would leave a role without all that serves it, unless forced.
    """
    answer: dict[str, Any]
    if emptied := [] if arguments.force else _emptied(arguments):
        answer = {"problems": [*emptied, "if that is meant: autoscaler reload --force"]}
    else:
        answer = ask_daemon(arguments, "POST", "/v1/reload", {"force": arguments.force})
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
        old, new = change["old"] or "(empty)", change["new"] or "(empty)"
        print(f"{change['variable']}: {old} -> {new}{late}")
    if not answer["changes"]:
        print("nothing differs from the settings in force")
    for name in answer["masked"]:
        print(f"{name} in the file does not count: the daemon's environment sets it too")
    return 0


def _emptied(arguments: argparse.Namespace) -> list[str]:
    """See `emptied_roles`; of a file with mistakes the daemon says what is wrong."""
    try:
        return emptied_roles(load_from(arguments).settings)
    except SettingsError:
        return []
