"""How commands ask the running daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autoscaler.cli.envfile import load_from, path_despite_mistakes
from autoscaler.errors import AutoscalerError, SettingsError
from autoscaler.surface.control import call

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path


def ask_daemon(
    arguments: argparse.Namespace,
    method: str,
    path: str,
    body: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Return the daemon's answer. It is asked though the file is wrong by now.

    It runs with the settings it has, and that is when people need it most. Raises SettingsError if
    the file is wrong and no daemon answers.
    """
    try:
        return call(load_from(arguments).settings.run_dir, method, path, body)
    except SettingsError:
        try:
            return call(path_despite_mistakes(arguments, "run_dir"), method, path, body)
        except AutoscalerError:
            pass
        raise


def run_dir_of(arguments: argparse.Namespace) -> Path:
    """Return where the daemon's socket is, though other settings are wrong by now."""
    try:
        return load_from(arguments).settings.run_dir
    except SettingsError:
        return path_despite_mistakes(arguments, "run_dir")
