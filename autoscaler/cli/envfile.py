"""The `--env-file` option that all commands share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from autoscaler.settings import DEFAULT_ENV_FILE, Loaded, load


def add_env_file(parser: argparse.ArgumentParser) -> None:
    """Add `--env-file PATH`."""
    parser.add_argument(
        "--env-file",
        type=Path,
        default=DEFAULT_ENV_FILE,
        metavar="PATH",
        help="file with the settings (default: %(default)s); the environment wins over it",
    )


def load_from(arguments: argparse.Namespace) -> Loaded:
    """Load the settings a command was given. Raises SettingsError with all mistakes."""
    return load(arguments.env_file, os.environ)
