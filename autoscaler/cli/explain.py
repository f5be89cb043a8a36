"""`autoscaler explain ROLE`: why it has the count it has, and what would change it."""

from __future__ import annotations

import argparse
import json
from urllib.parse import urlencode

from autoscaler.cli.asking import ask_daemon
from autoscaler.cli.operating import add_common, words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `explain`."""
    parser.add_argument("role", metavar="ROLE", help="which role")
    add_common(parser, "autoscaler explain validator")


def run(arguments: argparse.Namespace) -> int:
    """Print the sentences, and what operators have set."""
    query = urlencode({"role": arguments.role})
    answer = ask_daemon(arguments, "GET", f"/v1/explain?{query}")
    if arguments.json:
        print(json.dumps(answer, indent=2))
        return 0
    for sentence in answer["sentences"]:
        print(sentence)
    for one in answer["overrides"]:
        print(f"In force: {words(one)}")
    return 0
