"""`autoscaler explain [ROLE]`: why it has the count it has, and what would change it."""

from __future__ import annotations

import argparse
import json
from typing import Any
from urllib.parse import urlencode

from autoscaler.cli.asking import ask_daemon
from autoscaler.cli.operands import role_name
from autoscaler.cli.operating import add_common, words
from autoscaler.cli.plain import plain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `explain`."""
    parser.add_argument(
        "role", nargs="?", type=role_name, metavar="ROLE", help="which role; without: each of them"
    )
    add_common(parser, "autoscaler explain validator", "autoscaler explain")


def run(arguments: argparse.Namespace) -> int:
    """Print the sentences, and what operators have set."""
    if arguments.role is not None:
        answers = [_ask(arguments, arguments.role)]
    else:
        roles = ask_daemon(arguments, "GET", "/v1/status")["roles"]
        answers = [_ask(arguments, role) for role in roles]
    if arguments.json:
        print(json.dumps(answers if arguments.role is None else answers[0], indent=2))
    else:
        print("\n\n".join("\n".join(_lines(answer)) for answer in answers))
    return 0


def _ask(arguments: argparse.Namespace, role: str) -> dict[str, Any]:
    return ask_daemon(arguments, "GET", f"/v1/explain?{urlencode({'role': role})}")


def _lines(answer: dict[str, Any]) -> list[str]:
    said = [*answer["sentences"], *(f"In force: {words(one)}" for one in answer["overrides"])]
    return [plain(line) for line in said]
