"""A stack on the real engine with the real daemon on it, for one measurement."""

from __future__ import annotations

import contextlib
import io
import socket
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence

from autoscaler.demo.spec import RoleSpec
from autoscaler.demo.stack import Stack
from autoscaler.demo.workspace import workspace
from tests.e2e.harness import Host


@contextlib.contextmanager
def host(roles: Sequence[RoleSpec], settings: Mapping[str, str]) -> Iterator[Host]:
    """Make a host with exactly these settings; everything goes at the end.

    What the harness tells of load and daemon at the end is shown if the measurement failed.
    """
    told = io.StringIO()
    try:
        with workspace() as directory:
            made = Host(Stack(f"bench-{uuid.uuid4().hex[:8]}", roles, directory))
            made.settings = {"LOG_FORMAT": "json", "HTTP__LISTEN": _free_address(), **settings}
            with contextlib.redirect_stdout(told), made:
                yield made
    except Exception:
        sys.stderr.write(told.getvalue())
        raise


def _free_address() -> str:
    """Return a loopback address to serve HTTP on, as the daemon does by default on another port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"
