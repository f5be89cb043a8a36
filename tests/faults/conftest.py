"""Makes hosts on this machine's engine, and on an engine of the tests' own."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

import pytest

from autoscaler.demo.stack import Stack
from tests.e2e.conftest import make_host, make_shared_host
from tests.e2e.harness import LABELS
from tests.faults.own_engine import OwnEngine
from tests.faults.own_host import OwnHost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from autoscaler.demo.spec import RoleSpec

__all__ = ["make_host", "make_own_host", "make_shared_host", "own_engine"]


@pytest.fixture(scope="module")
def own_engine() -> Iterator[OwnEngine]:
    """Start an engine of this module's own; its tests are in its namespace."""
    engine = OwnEngine()
    try:
        engine.start()
        with engine.entered():
            yield engine
    finally:
        engine.close()


@pytest.fixture
def make_own_host(own_engine: OwnEngine, tmp_path: Path) -> Iterator[Callable[..., OwnHost]]:
    """Make hosts of given roles on the engine of this module's own."""
    with contextlib.ExitStack() as hosts:

        def make(*roles: RoleSpec, settings: Mapping[str, str] | None = None) -> OwnHost:
            project = f"own-{uuid.uuid4().hex[:8]}"
            where = tmp_path / project
            where.mkdir()
            stack = Stack(project, roles, where, labels=LABELS)
            given = {"DOCKER__URL": own_engine.url, **(settings or {})}
            return hosts.enter_context(OwnHost(stack, given))

        yield make
