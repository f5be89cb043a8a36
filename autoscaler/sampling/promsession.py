"""The HTTP session through which the Prometheus client speaks: bounded, and judged before parsed.

The client library follows redirects, reads a body of any size and looks at the status code only.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import requests

from autoscaler.errors import AutoscalerError
from autoscaler.model import NoReading
from autoscaler.sampling.cpu import Missing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BYTES = 4 * 1024 * 1024
"""A role of a thousand members answers with a fifth of this."""

_CHUNK = 65_536
_ERROR_TEXT = 300
_SECRET_BYTES = 65_536
_OK = 200


class UnusableAnswerError(AutoscalerError):
    """Prometheus did not answer a query in a way that can be used."""

    def __init__(self, missing: Missing) -> None:
        super().__init__(missing.detail)
        self.missing = missing


class PrometheusSession(requests.Session):
    """A session whose every answer is a whole, successful one of Prometheus, or an error.

    `timeout` is seconds, `shape` the type of result that is expected (vector, matrix). No proxy,
    no .netrc: nothing but what the settings say.
    """

    def __init__(self, timeout: float, shape: str = "vector") -> None:
        super().__init__()
        self.trust_env = False
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
        except requests.Timeout as error:
            raise _late(self._timeout) from error
        except (requests.RequestException, OSError) as error:
            raise _failed(f"cannot be reached: {_words(error)}") from error
        missing = judge_answer(response.status_code, response.headers, body, self._shape)
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
                raise _failed(f"sent more than {MAX_BYTES // 1024**2} MiB in one answer")
            if time.monotonic() > deadline:
                raise _late(self._timeout)
        return bytes(body)


def judge_answer(
    status: int, headers: Mapping[str, str], body: bytes, wanted: str = "vector"
) -> Missing | None:
    """Return why an answer cannot be used, None if it is whole, successful and of that type."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if status in (401, 403):
        return _no(f"answered {status}: it refuses the user, password or token of the settings")
    if 300 <= status < 400:  # noqa: PLR2004 - the redirects
        return _no(f"answered {status}, a redirect: set the address it points to")
    if headers.get("Content-Encoding", "identity") != "identity" or kind != "application/json":
        shown = kind or "nothing"
        return _no(f"answered {status} with {shown} instead of JSON: is there a proxy before it?")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return _no(f"answered {status} with a text that is no JSON")
    if not isinstance(answer, dict):
        return _no(f"answered {status} with JSON that is no object")
    return _judge_object(status, answer, wanted)


def _judge_object(status: int, answer: Mapping[str, Any], wanted: str) -> Missing | None:
    """Return why the object of an answer cannot be used, None if its result is as wanted."""
    if status != _OK or answer.get("status") != "success":
        kind, text = answer.get("errorType", "error"), str(answer.get("error", ""))[:_ERROR_TEXT]
        return _no(f"answered {status}, status {answer.get('status')}: {kind}: {text}")
    if answer.get("warnings"):
        return _no(f"answered with a warning: {str(answer['warnings'])[:_ERROR_TEXT]}")
    data = answer.get("data")
    shape = data.get("resultType") if isinstance(data, dict) else None
    return None if shape == wanted else _no(f"answered with {shape} instead of a {wanted}")


def secret(path: Path) -> str:
    """Return the secret a file holds; raises UnusableAnswerError, never with its content."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_SECRET_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise _failed(f"is not asked: cannot read {path}: {reason}") from None
    if not text or not text.isprintable():
        raise _failed(f"is not asked: {path} does not hold one line of text")
    return text


def _no(text: str) -> Missing:
    """Word an answer that cannot be used."""
    return Missing(NoReading.SOURCE_FAILED, f"Prometheus {text}")


def _failed(text: str) -> UnusableAnswerError:
    """Return the error that says this of Prometheus."""
    return UnusableAnswerError(_no(text))


def _late(timeout: float) -> UnusableAnswerError:
    """Return the error of an answer that is not whole in time."""
    text = f"no whole answer from Prometheus within {timeout:g} s"
    return UnusableAnswerError(Missing(NoReading.TIMED_OUT, text))


def _words(error: BaseException) -> str:
    """Return the innermost cause; what wraps it repeats the whole query."""
    while error.__context__ is not None or error.__cause__ is not None:
        error = error.__cause__ or error.__context__ or error
    return str(error)[:_ERROR_TEXT] or type(error).__name__
