"""Clients of Prometheus that go on from look to look: a new TLS connection costs 16 ms of CPU."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any

from prometheus_api_client import PrometheusConnect
from urllib3.util.retry import Retry

from autoscaler.sampling.promsession import (
    PrometheusSession,
    UnreachedError,
    UnusableAnswerError,
    readable,
    secret,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autoscaler.sampling.prometheus import PrometheusSetup


def client_of(setup: PrometheusSetup, session: PrometheusSession) -> Any:  # noqa: ANN401 - the library has no types
    """Return a client with a connection of its own and the secrets as they are now.

    Raises UnusableAnswerError if a secret cannot be read.
    """
    if setup.ca_file is not None:
        session.verify = readable(setup.ca_file, "CA_FILE")
    headers, auth = _credentials(setup)
    return PrometheusConnect(
        url=setup.url.rstrip("/"),
        headers=headers,
        auth=auth,
        session=session,
        retry=Retry(0, redirect=False),
        method="POST",
    )


def _credentials(
    setup: PrometheusSetup,
) -> tuple[dict[str, str] | None, tuple[bytes, bytes] | None]:
    """Return headers and user with password as they are now."""
    if setup.token_file is not None:
        return {"Authorization": f"Bearer {secret(setup.token_file, 'TOKEN_FILE')}"}, None
    if setup.username and setup.password_file is not None:
        password = secret(setup.password_file, "PASSWORD_FILE")
        return None, (setup.username.encode(), password.encode())
    return None, None


class Clients:
    """Asks through a client that is at rest, or a new one. For several threads at once."""

    def __init__(self, setup: PrometheusSetup) -> None:
        self._setup = setup
        self._resting: deque[Any] = deque()

    def ask(self, query: str, params: Mapping[str, str]) -> object:
        """Return the result of a query. Raises UnusableAnswerError.

        A connection that the other side closed while it rested is nobody's failure.
        """
        client = self._rested()
        if client is not None:
            with contextlib.suppress(UnreachedError):
                return self._asked(client, query, params)
        new = client_of(self._setup, PrometheusSession(self._setup.timeout))
        return self._asked(new, query, params)

    def _rested(self) -> Any:  # noqa: ANN401 - as above
        """Return a client at rest with the secrets as they are now, None if there is none."""
        credentials = _credentials(self._setup)
        with contextlib.suppress(IndexError):
            client = self._resting.pop()
            client.headers, client.auth = credentials
            return client
        return None

    def _asked(self, client: Any, query: str, params: Mapping[str, str]) -> object:  # noqa: ANN401 - as above
        """Ask, and let the client rest if the answer was whole and good."""
        try:
            found: object = client.custom_query(query, params=dict(params))
        except UnusableAnswerError:
            client.close()
            raise
        self._resting.append(client)
        return found
