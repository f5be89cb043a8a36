"""Makes hosts for the fault tests."""

from __future__ import annotations

from tests.e2e.conftest import make_host, make_shared_host

__all__ = ["make_host", "make_shared_host"]
