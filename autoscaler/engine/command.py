"""Runs a hook's command in a member's container. No shell is involved, here or there.

What it wrote comes with a failure only: its end, without values of the container's environment.
"""

from __future__ import annotations

import contextlib
import shlex
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import urllib3

from autoscaler.engine.client import translated
from autoscaler.errors import EngineError, HookFailedError, MemberUnusableError, NoSuchMemberError
from autoscaler.hooks import HookFailure

if TYPE_CHECKING:
    import docker
    import requests

    from autoscaler.model import Member

OUTPUT_BYTES = 4096
"""How much of the end of its output is kept."""

_CHUNK = 4096
_HEADER = 8
_LOOK_SECONDS = 0.02
_NOT_RUNNABLE = (126, 127)
_SECRET_LENGTH = 4
"""Shorter values of the environment are too common in any text to be taken out of it."""


def run_command(
    api: docker.APIClient, member: Member, words: tuple[str, ...], timeout_seconds: float
) -> None:
    """Run a command in the member's container; return when it ended with 0.

    Blocks for `timeout_seconds` and up to three timeouts of the client. Raises HookFailedError.
    """
    shown = repr(shlex.join(words))
    end = _End()
    try:
        with translated(f"run {shown} in {member.name}"):
            code = _execute(api, member.container_id, list(words), timeout_seconds, end)
    except NoSuchMemberError as error:
        raise HookFailedError(str(error), HookFailure.MEMBER_GONE) from error
    except EngineError as error:
        # Newer engines answer so; older ones let the command end with 126.
        missing = isinstance(error, MemberUnusableError) and "exec failed" in str(error).lower()
        if missing:
            raise _cannot_run(shown, member, _text(error.__cause__), "") from error
        raise HookFailedError(str(error), HookFailure.ENGINE) from error
    if code == 0:
        return
    output = _without_secrets(api, member, end)
    if code is None:
        raise HookFailedError(
            f"{shown} did not end within {timeout_seconds:g} s; it may still run in {member.name}",
            HookFailure.TIMED_OUT,
            output,
        )
    if code in _NOT_RUNNABLE:
        raise _cannot_run(shown, member, f"exit code {code}", output)
    raise HookFailedError(f"{shown} ended with exit code {code}", HookFailure.EXIT_CODE, output)


def _cannot_run(shown: str, member: Member, why: str, output: str) -> HookFailedError:
    """Return the error for a command that is not there or is no program."""
    text = f"{shown} cannot be run in {member.name} ({why}); is it in the image, and executable?"
    return HookFailedError(text, HookFailure.CANNOT_RUN, output)


def _text(error: BaseException | None) -> str:
    """Return the engine's own words."""
    return str(getattr(error, "explanation", None) or error).strip()


@dataclass(slots=True)
class _End:
    """The end of what a command wrote, taken out of the engine's stream as it comes.

    The stream is frames: 8 bytes of header, of which the last four say how long the text is.
    """

    text: bytes = b""
    cut: bool = False
    _rest: bytearray = field(default_factory=bytearray)

    def add(self, chunk: bytes) -> None:
        """Take in the next bytes of the stream."""
        self._rest += chunk
        while len(self._rest) >= _HEADER:
            size = int.from_bytes(self._rest[4:_HEADER], "big")
            if len(self._rest) < _HEADER + size:
                return
            self.text += self._rest[_HEADER : _HEADER + size]
            self.cut = self.cut or len(self.text) > OUTPUT_BYTES
            self.text = self.text[-OUTPUT_BYTES:]
            del self._rest[: _HEADER + size]


def _execute(
    api: docker.APIClient, container: str, words: list[str], timeout_seconds: float, end: _End
) -> int | None:
    """Return the exit code, None if it did not end in time.

    docker-py's own way to read the output waits without any timeout, hence the plain request.
    """
    made = api.exec_create(container, words)
    url = f"{api.base_url}/v{api.api_version}/exec/{made['Id']}/start"
    deadline = time.monotonic() + timeout_seconds
    options = {"Detach": False, "Tty": False}
    with api.post(url, json=options, stream=True, timeout=timeout_seconds) as answer:
        api._raise_for_status(answer)  # type: ignore[attr-defined] # noqa: SLF001 - the stubs leave it out
        while (left := deadline - time.monotonic()) > 0:
            _wait_at_most(answer, left)
            try:
                chunk = answer.raw.read1(_CHUNK)
            except urllib3.exceptions.TimeoutError:
                break
            if not chunk:
                break
            end.add(chunk)
    ended = api.exec_inspect(made["Id"])
    while ended["Running"] and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)  # the output ends a moment before the engine notices
        ended = api.exec_inspect(made["Id"])
    return None if ended["Running"] or ended["ExitCode"] is None else int(ended["ExitCode"])


def _wait_at_most(answer: requests.Response, seconds: float) -> None:
    """Let the next read wait so long: by itself each may wait as long as the whole command.

    The socket is where docker-py looks for it, too. Were it elsewhere, a command that writes and
    then hangs would be given up late, but still be given up.
    """
    with contextlib.suppress(AttributeError):
        answer.raw._fp.fp.raw._sock.settimeout(seconds)  # type: ignore[union-attr] # noqa: SLF001 - see above


def _without_secrets(api: docker.APIClient, member: Member, end: _End) -> str:
    """Return what the command wrote with `$NAME` for each value of the container's environment.

    Nothing if that cannot be had.
    """
    try:
        with translated(f"look at {member.name}"):
            container: dict[str, Any] = api.inspect_container(member.container_id)
    except EngineError:
        return ""
    text = end.text.decode(errors="replace")
    pairs = [str(one).partition("=")[::2] for one in container["Config"].get("Env") or ()]
    for name, value in sorted(pairs, key=lambda pair: -len(pair[1])):
        if len(value) >= _SECRET_LENGTH:
            text = _headless(text, value) if end.cut else text
            text = text.replace(value, f"${name}")
    return text.strip()


def _headless(text: str, value: str) -> str:
    """Return a text that was cut at its head without the end of a value that stood there."""
    for length in range(len(value) - 1, 0, -1):
        if text.startswith(value[-length:]):
            return text[length:]
    return text
