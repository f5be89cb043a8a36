"""Errors by consequence: settings (exit), engine and source (hold), actuation (retry).

Adapters translate what an SDK raises into these, and nothing else crosses a port.
"""

from __future__ import annotations


class AutoscalerError(Exception):
    """Base of every error of this program; its text is written for the person on call."""


class SettingsError(AutoscalerError):
    """The settings cannot be used. `problems` has one line per mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UsageError(AutoscalerError):
    """A command was given what does not exist."""


class EngineError(AutoscalerError):
    """The Docker engine did not do what it was asked."""


class EngineUnavailableError(EngineError):
    """The engine cannot be reached or did not answer in time; what was asked may have happened."""


class NoSuchMemberError(EngineError):
    """The container does not exist (any more)."""


class MemberUnusableError(EngineError):
    """The container cannot be started as it is; the text says the remedy."""


class NginxError(AutoscalerError):
    """NGINX could not be tested, reloaded or proven."""


class NginxTestFailedError(NginxError):
    """NGINX refuses the configuration; `output` holds its own words."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


class NginxUnreachableError(NginxError):
    """NGINX does not run or its container is gone."""


class LockedError(AutoscalerError):
    """Another daemon holds the lock."""


class DaemonUnreachableError(AutoscalerError):
    """No daemon answers on the control socket."""


class HookFailedError(AutoscalerError):
    """A lifecycle hook failed. `code` says how in one word, `output` is what its command wrote."""

    def __init__(self, message: str, code: str, output: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.output = output
