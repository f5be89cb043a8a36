"""The `--env-file` option that all commands share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from autoscaler.settings import DEFAULT_ENV_FILE, Loaded, Settings, load
from autoscaler.settings.envfile import read_env_file
from autoscaler.settings.names import variable


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


def path_despite_mistakes(arguments: argparse.Namespace, setting: str) -> Path:
    """Return a path among the settings, though other settings are wrong."""
    name = variable((setting,))
    entries, _ = read_env_file(arguments.env_file)
    written = {entry.name.upper(): entry.value for entry in entries} | dict(os.environ)
    default: Path = Settings.model_fields[setting].default
    return Path(written.get(name) or default)
