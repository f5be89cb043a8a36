"""`autoscaler run --once` as a process."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.daemon.no_engine import write_env

if TYPE_CHECKING:
    from pathlib import Path

IMPATIENT = (
    "import sys; from autoscaler.daemon import single_run; from autoscaler.cli.main import main; "
    "single_run.ENGINE_SECONDS = 0.0; sys.exit(main(sys.argv[1:]))"
)


def test_a_single_run_without_an_engine_ends_with_1_and_names_the_socket(tmp_path: Path) -> None:
    """Also when only errors are logged."""
    url = f"unix://{tmp_path}/no-engine.sock"
    env_file = write_env(tmp_path, DOCKER__TIMEOUT="0.5", INTERVAL="0.5", LOG_LEVEL="error")
    words = [sys.executable, "-c", IMPATIENT, "run", "--once", "--env-file", str(env_file)]
    ended = subprocess.run(words, check=False, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1, ended.stderr
    assert f"once: no Docker engine answers at {url}: " in ended.stdout
