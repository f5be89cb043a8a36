"""`autoscaler run`: the daemon in the foreground."""

from __future__ import annotations

import argparse
from importlib.metadata import version

from autoscaler.cli.envfile import add_env_file, load_from
from autoscaler.cli.operating import add_examples
from autoscaler.daemon.app import run_daemon
from autoscaler.daemon.controller import Options
from autoscaler.surface import logs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run`."""
    add_env_file(parser)
    parser.add_argument(
        "--once",
        action="store_true",
        help="wait until the readings are full and WARMUP is over, decide, do it, and end",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only log what would be changed; takes no lock, socket or file and changes nothing",
    )
    add_examples(
        parser,
        "autoscaler run --dry-run           what the daemon would do, also beside a running one",
        "autoscaler run --once --dry-run    one decision, then the end",
        "autoscaler run --env-file ./trial.env",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run until a signal; return the exit code."""
    loaded = load_from(arguments)
    logs.configure(loaded.settings.log_level, loaded.settings.log_format)
    options = Options(arguments.env_file, once=arguments.once, dry_run=arguments.dry_run)
    return run_daemon(loaded, options, version("autoscaler"))
