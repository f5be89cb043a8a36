"""What the commands that steer the daemon have in common."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from autoscaler.cli.asking import ask_daemon
from autoscaler.cli.envfile import add_env_file
from autoscaler.cli.times import when
from autoscaler.settings.durations import FORMS, read_duration


def add_common(parser: argparse.ArgumentParser, *examples: str) -> None:
    """Add `--env-file`, `--json`, and examples below the help."""
    add_env_file(parser)
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    add_examples(parser, *examples)


def add_examples(parser: argparse.ArgumentParser, *examples: str) -> None:
    """Show examples below the help, as they are typed."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "examples:\n" + "\n".join(f"  {line}" for line in examples)


def for_seconds(text: str) -> float:
    """Read a duration; raises what argparse turns into bad usage."""
    try:
        return read_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}; write it {FORMS}") from None


def role_of(text: str) -> str | None:
    """Return the role meant, None for `all`."""
    return None if text == "all" else text


def command(
    arguments: argparse.Namespace, path: str, fields: Mapping[str, object]
) -> dict[str, Any]:
    """Give the daemon a command and return its answer; fields that are None are left out."""
    body = {name: value for name, value in fields.items() if value is not None}
    return ask_daemon(arguments, "POST", path, body)


def tell(arguments: argparse.Namespace, answer: dict[str, Any]) -> int:
    """Print an answer of the daemon; return the exit code."""
    if arguments.json:
        print(json.dumps(answer, indent=2))
        return 0
    if "set" in answer:
        print(f"in force: {words(answer['set'])}")
    for one in answer.get("ended", ()):
        print(f"ended: {words(one)}")
    for one in answer.get("still", ()):
        print(f"still in force: {words(one)}")
    if answer.get("ended") == [] and "still" in answer:
        print("there was no pause and no pin to end")
    if "warning" in answer:
        print(f"warning: {answer['warning']}")
    return 0


def words(one: Mapping[str, Any]) -> str:
    """Return an override in a line: what, for which role, by whom, until when, why."""
    what = str(one["kind"])
    if one["kind"] == "pause" and one["direction"] != "both":
        what += f" {one['direction']}"
    if one["kind"] == "pin":
        what += f" at {one['count']}" + (" (forced)" if one["forced"] else "")
    kind = str(one["kind"])
    timed = one["until"] and kind != "hold"  # a hold is renewed
    until = f"until {when(one['until'])}" if timed else _open_end(kind)
    role = one["role"] or "all roles"
    return f"{what} of {role}, {until}, by {one['by']} since {when(one['since'])}: {one['reason']}"


def _open_end(kind: str) -> str:
    ends = {"freeze": "until the file is removed", "hold": "while its command runs"}
    return ends.get(kind, "until resumed")
