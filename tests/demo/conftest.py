"""Real node processes on loopback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.demo import node
from tests.demo.loopback import RunningNode, StartNode


@pytest.fixture
def start_node() -> Iterator[StartNode]:
    """Give a function that starts the node program with an environment, as a container would."""
    running: list[subprocess.Popen[bytes]] = []

    def start(**environ: str) -> RunningNode:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(node.__file__))],
            env={"NODE_PORT": "0", "NODE_NAME": "n1", **environ},
            stdout=subprocess.PIPE,
        )
        running.append(process)
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[-1])
        return RunningNode(process, ("127.0.0.1", port))

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
