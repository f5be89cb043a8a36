"""Makes hosts for the tests: each with a project, a network and directories of its own."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

import pytest

from autoscaler.demo.stack import Stack
from tests.e2e.harness import LABELS, Host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from autoscaler.demo.spec import RoleSpec
    from tests.e2e.own_nginx import OwnNginx

    MakeHost = Callable[..., Host]


@contextlib.contextmanager
def _making(directory: Path) -> Iterator[MakeHost]:
    """Give a function that makes a host below a directory; all of them go at the end."""
    with contextlib.ExitStack() as hosts:

        def make(
            *roles: RoleSpec,
            settings: Mapping[str, str] | None = None,
            nginx: OwnNginx | None = None,
        ) -> Host:
            project = f"e2e-{uuid.uuid4().hex[:8]}"
            where = directory / project
            where.mkdir()
            made = Stack(project, roles, where, labels=LABELS)
            return hosts.enter_context(Host(made, settings, nginx))

        yield make


@pytest.fixture
def make_host(tmp_path: Path) -> Iterator[MakeHost]:
    """Make hosts of given roles: `make_host(role(...), settings={...})`."""
    with _making(tmp_path) as make:
        yield make


@pytest.fixture(scope="module")
def make_shared_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeHost]:
    """Make hosts that several tests of a module look at."""
    with _making(tmp_path_factory.mktemp("e2e")) as make:
        yield make
