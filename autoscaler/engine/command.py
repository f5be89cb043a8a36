"""Runs a hook's command in a member's container. No shell is involved, here or there.

What it wrote comes with a failure only: its end, without values of the container's environment.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autoscaler.engine.client import translated
from autoscaler.engine.container_exec import converse
from autoscaler.errors import EngineError, HookFailedError, MemberUnusableError, NoSuchMemberError
from autoscaler.hooks import HookFailure

if TYPE_CHECKING:
    import docker

    from autoscaler.model import Member

OUTPUT_BYTES = 4096
"""How much of the end of its output is kept."""

_HEADER = 8
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
            code = converse(api, member.container_id, list(words), timeout_seconds, end.add)
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
    _head: bytearray = field(default_factory=bytearray)
    _left: int = 0

    def add(self, chunk: bytes) -> bool:
        """Take in the next bytes of the stream, of a frame also before it is whole."""
        while chunk:
            if self._left:
                part, chunk = chunk[: self._left], chunk[self._left :]
                self._left -= len(part)
                self.cut = self.cut or len(self.text) + len(part) > OUTPUT_BYTES
                self.text = (self.text + part)[-OUTPUT_BYTES:]
                continue
            missing = _HEADER - len(self._head)
            self._head += chunk[:missing]
            chunk = chunk[missing:]
            if len(self._head) == _HEADER:
                self._left = int.from_bytes(self._head[4:], "big")
                self._head.clear()
        return True


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
