"""The HTTP session through which the Prometheus client speaks: bounded, and judged before parsed.

The client library follows redirects, reads a body of any size and looks at the status code only.
"""

from __future__ import annotations

import time
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
import urllib3

from autoscaler.errors import AutoscalerError
from autoscaler.sampling.promtrouble import (
    Answer,
    broken,
    judge_answer,
    late,
    unreached,
    unusable,
)

if TYPE_CHECKING:
    from pathlib import Path

    from autoscaler.sampling.cpu import Missing

MAX_BYTES = 4 * 1024 * 1024
"""A role of a thousand members answers with a fifth of this."""

_CHUNK = 65_536
_SECRET_BYTES = 65_536


class UnusableAnswerError(AutoscalerError):
    """Prometheus did not answer a query in a way that can be used."""

    def __init__(self, missing: Missing) -> None:
        super().__init__(missing.detail)
        self.missing = missing


class UnreachedError(UnusableAnswerError):
    """The connection failed before there was an answer."""


class PrometheusSession(requests.Session):
    """A session whose every answer is a whole, successful one of Prometheus, or an error.

    `timeout` is seconds, `shape` the type of result that is expected (vector, matrix). No proxy,
    no .netrc, no cookies: nothing but what the settings say.
    """

    def __init__(self, timeout: float, shape: str = "vector") -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.headers["Accept-Encoding"] = "identity"
        self.headers["Cache-Control"] = "no-cache"
        self._timeout = timeout
        self._shape = shape

    def request(  # type: ignore[override]
        self,
        method: str | bytes,
        url: str | bytes,
        **given: Any,  # noqa: ANN401 - the library's own signature
    ) -> requests.Response:
        """Send a request and read all of its answer; raises UnusableAnswerError."""
        deadline = time.monotonic() + self._timeout
        # In the body: the ids of many members are too long for an address.
        given["data"] = given.pop("params", None)
        given.update(allow_redirects=False, stream=True, timeout=self._timeout)
        try:
            with super().request(method, url, **given) as response:
                body = self._body(response, deadline)
        except (requests.Timeout, urllib3.exceptions.ReadTimeoutError) as error:
            raise _late(self._timeout) from error
        except urllib3.exceptions.HTTPError as error:  # the library words only those of the head
            raise UnusableAnswerError(broken(error)) from error
        except (requests.RequestException, OSError) as error:
            raise UnreachedError(unreached(error)) from error
        sent = str(response.request.headers.get("Authorization", "")).partition(" ")[0]
        answer = Answer(response.status_code, response.headers, body, sent)
        missing = judge_answer(answer, self._shape)
        if missing is not None:
            raise UnusableAnswerError(missing)
        # The library reads the answer again: as it stands now, without the connection.
        response._content = body  # noqa: SLF001 - requests has no public way
        return response

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        """Return the body; raises UnusableAnswerError if it is too long or takes too long."""
        body = bytearray()
        while chunk := response.raw.read1(_CHUNK):
            body += chunk
            if len(body) > MAX_BYTES:
                raise _failed(
                    f"sent more than {MAX_BYTES // 1024**2} MiB in one answer: is it Prometheus "
                    "that listens there?"
                )
            if time.monotonic() > deadline:
                raise _late(self._timeout)
        return bytes(body)


def readable(path: Path, setting: str) -> str:
    """Return the path of the setting's file, which can be opened; raises UnusableAnswerError."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise _unread(path, setting, error.strerror) from None
    return str(path)


def secret(path: Path, setting: str) -> str:
    """Return the secret the setting's file holds; raises UnusableAnswerError, never with it."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_SECRET_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise _unread(path, setting, reason) from None
    if not text or not text.isprintable():
        raise _unread(path, setting, "it does not hold one line of text")
    return text


def _unread(path: Path, setting: str, reason: str | None) -> UnusableAnswerError:
    """Return the error of a file without which Prometheus is not asked."""
    where = f"{path} (AUTOSCALER_PROMETHEUS__{setting})"
    return _failed(f"is not asked: cannot read {where}: {reason}")


def _failed(text: str) -> UnusableAnswerError:
    """Return the error that says this of Prometheus."""
    return UnusableAnswerError(unusable(text))


def _late(timeout: float) -> UnusableAnswerError:
    """Return the error of an answer that is not whole in time."""
    return UnusableAnswerError(late(timeout))
