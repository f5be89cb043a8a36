"""Why an answer of Prometheus, or the lack of one, cannot be used, and what to do. Pure."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoscaler.model import NoReading
from autoscaler.sampling.cpu import Missing

if TYPE_CHECKING:
    from collections.abc import Mapping

_ERROR_TEXT = 300
_EXCERPT = 120
_OK = 200
_NOT_FOUND = 404
_URL = "AUTOSCALER_PROMETHEUS__URL"
_REFUSES = "cannot use the query"
_OTHER_NAME = {62, 64}
"""OpenSSL's codes of a certificate for another name or address."""

_EXPIRED = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `sent` is the kind of credentials the request had: Basic, Bearer or ""."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent: str = ""


def judge_answer(answer: Answer, wanted: str = "vector") -> Missing | None:
    """Return why an answer cannot be used, None if it is whole, successful and of that type."""
    status, headers = answer.status, answer.headers
    if status in (401, 403):
        return unusable(f"answered {status}: {_refused(answer.sent)}")
    if 300 <= status < 400:  # noqa: PLR2004 - the redirects
        to = headers.get("Location", "").partition("?")[0][:_EXCERPT] or "somewhere"
        return unusable(f"answered {status}, a redirect to {to}: set {_URL} to where it leads")
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if headers.get("Content-Encoding", "identity") != "identity" or kind != "application/json":
        shown = kind or "a text"
        return unusable(f"answered {status} with {shown} instead of JSON{_instead(answer)}")
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return unusable(f"answered {status} with a text that is no JSON: {_who_listens()}")
    if not isinstance(found, dict):
        return unusable(f"answered {status} with JSON that is no object: {_who_listens()}")
    return _judge_object(status, found, wanted)


def _judge_object(status: int, answer: Mapping[str, Any], wanted: str) -> Missing | None:
    """Return why the object of an answer cannot be used, None if its result is as wanted."""
    if status != _OK or answer.get("status") != "success":
        kind, text = answer.get("errorType", "error"), str(answer.get("error", ""))[:_ERROR_TEXT]
        said = f"{status}, status {answer.get('status')}: {kind}: {text}"
        return unusable(f"{_REFUSES} ({said})" if status in (400, 422) else f"answered {said}")
    if answer.get("warnings"):
        shown = str(answer["warnings"])[:_ERROR_TEXT]
        return unusable(f"answered with a warning, so a part may be missing: {shown}")
    data = answer.get("data")
    shape = data.get("resultType") if isinstance(data, dict) else None
    if shape == wanted:
        return None
    return unusable(f"{_REFUSES}: it gives a {shape} where an instant {wanted} is needed")


def blames_query(detail: str) -> bool:
    """Whether it is the query that a failure of the source is due to."""
    return detail.startswith(f"Prometheus {_REFUSES}")


def _refused(sent: str) -> str:
    """Say what to correct where Prometheus refuses those credentials."""
    if sent == "Bearer":
        return "it refuses the token in AUTOSCALER_PROMETHEUS__TOKEN_FILE (not a user and password)"
    if sent == "Basic":
        return (
            "it refuses AUTOSCALER_PROMETHEUS__USERNAME with the password in "
            "AUTOSCALER_PROMETHEUS__PASSWORD_FILE"
        )
    return (
        "it wants to know who asks: set AUTOSCALER_PROMETHEUS__USERNAME and "
        "AUTOSCALER_PROMETHEUS__PASSWORD_FILE, or AUTOSCALER_PROMETHEUS__TOKEN_FILE"
    )


def _instead(answer: Answer) -> str:
    """Say what came instead of JSON, and what that may mean."""
    text = answer.body[: 4 * _EXCERPT].decode("utf-8", "replace").strip()
    line = text.partition("\n")[0][:_EXCERPT]
    excerpt = f" ({line!r})" if line.isprintable() and line and not line.startswith("<") else ""
    if "HTTPS server" in text:
        why = f"it wants https:// in {_URL}"
    elif answer.status == _NOT_FOUND:
        why = f"is the path in {_URL} right? It is what comes before /api/v1"
    elif answer.status == _OK:
        why = "is it a proxy or a page to log in that listens there?"
    else:
        why = "is there a proxy that does not reach Prometheus?"
    return f"{excerpt}: {why}"


def _who_listens() -> str:
    return f"is it Prometheus that listens at {_URL}?"


def unreached(error: BaseException) -> Missing:
    """Word a connection that failed before there was an answer."""
    error, words = _innermost(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return unusable(f"is not trusted: {error.verify_message.rstrip('.')}: {_distrusted(error)}")
    if isinstance(error, ssl.SSLError):
        return unusable(f"cannot be asked by TLS: {words}: {_no_tls(error)}")
    return unusable(f"cannot be reached: {words}: does it run, and is {_URL} right?")


def broken(error: BaseException) -> Missing:
    """Word an answer that broke off."""
    _, words = _innermost(error)
    return unusable(f"broke off in the middle of its answer: {words}")


def _innermost(error: BaseException) -> tuple[BaseException, str]:
    """Return the innermost cause, and its words: what wraps it repeats the query."""
    while error.__context__ is not None or error.__cause__ is not None:
        error = error.__cause__ or error.__context__ or error
    return error, " ".join(str(error).split())[:_ERROR_TEXT] or type(error).__name__


def _distrusted(error: ssl.SSLCertVerificationError) -> str:
    """Say what to do about a certificate that did not convince."""
    if error.verify_code in _OTHER_NAME:
        return f"write in {_URL} a name or address that its certificate has"
    if error.verify_code == _EXPIRED:
        return "renew its certificate"
    return (
        "set AUTOSCALER_PROMETHEUS__CA_FILE to the certificate of the authority that signed that "
        "of Prometheus"
    )


def _no_tls(error: ssl.SSLError) -> str:
    """Say what to do where TLS did not begin."""
    if error.library == "X509" or error.reason == "NO_CERTIFICATE_OR_CRL_FOUND":
        return "the file in AUTOSCALER_PROMETHEUS__CA_FILE holds no certificate (PEM)"
    return f"if it speaks plain HTTP, write http:// in {_URL}"


def late(timeout: float) -> Missing:
    """Word an answer that is not whole in time; seconds."""
    return Missing(
        NoReading.TIMED_OUT,
        f"no whole answer from Prometheus within {timeout:g} s: is it overloaded or paused? If it "
        "needs so long, raise AUTOSCALER_PROMETHEUS__TIMEOUT",
    )


def unusable(text: str) -> Missing:
    """Word an answer that cannot be used."""
    return Missing(NoReading.SOURCE_FAILED, f"Prometheus {text}")
