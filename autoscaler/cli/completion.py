"""`autoscaler completion SHELL`: a script that lets bash or zsh complete commands and options."""

from __future__ import annotations

import argparse
from pathlib import Path

import shtab

from autoscaler.cli.main import COMMANDS, build_parser
from autoscaler.cli.operating import add_examples


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the shell."""
    parser.add_argument("shell", choices=("bash", "zsh"), help="which shell")
    add_examples(
        parser,
        "autoscaler completion bash > /etc/bash_completion.d/autoscaler",
        "autoscaler completion zsh > /usr/local/share/zsh/site-functions/_autoscaler",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    parser = build_parser(COMMANDS)
    _complete_paths(parser)
    print(shtab.complete(parser, arguments.shell))
    return 0


def _complete_paths(parser: argparse.ArgumentParser) -> None:
    """Let options that take a path be completed with the names of files."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - likewise
            for command in action.choices.values():
                _complete_paths(command)
        elif action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined] # shtab's own attribute
