"""`autoscaler reload`: let the running daemon read its env file again."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from autoscaler.cli.envfile import add_env_file, load_from, run_dir_despite_mistakes
from autoscaler.errors import AutoscalerError, SettingsError
from autoscaler.surface.control import call


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `reload`."""
    add_env_file(parser)
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Reload; print every change, or every mistake and exit with 2."""
    answer = _ask(arguments)
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


def _ask(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the daemon's answer. It is asked though the file is wrong: its log is to say so too.

    Raises SettingsError if the file is wrong and no daemon answers.
    """
    try:
        return call(load_from(arguments).settings.run_dir, "POST", "/v1/reload")
    except SettingsError:
        try:
            return call(run_dir_despite_mistakes(arguments), "POST", "/v1/reload")
        except AutoscalerError:
            pass
        raise
