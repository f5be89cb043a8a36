"""Starts and stops members. There is no way to remove or create one here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from autoscaler.engine.client import translated
from autoscaler.errors import EngineError, EngineUnavailableError, MemberUnusableError
from autoscaler.model import ContainerState

if TYPE_CHECKING:
    import docker

    from autoscaler.model import Member


class Lifecycle:
    """Starts and stops containers by id, so that a recreated one of the same name is not hit.

    Both calls block, `stop` for up to its timeout and the client's; both may be repeated.
    """

    def __init__(self, api: docker.APIClient) -> None:
        self._api = api

    def start(self, member: Member) -> None:
        """Start the member; one that runs already is fine.

        Raises MemberUnusableError with the remedy if it cannot run as it is, NoSuchMemberError
        if it is gone, EngineUnavailableError if the engine did not answer and the member does not
        run (the engine may still start it), else EngineError.
        """
        what = f"start {member.name}"
        try:
            with translated(what):
                self._api.start(member.container_id)
        except EngineUnavailableError:
            self._confirm(member, what, running=True)

    def stop(self, member: Member, timeout_seconds: float) -> None:
        """Stop the member: SIGTERM (or its stop signal), then SIGKILL after the timeout.

        The timeout is rounded up to whole seconds; 0 kills at once. A member that does not run
        is fine. Raises like `start`; MemberUnusableError for a paused member, which is left alone.
        """
        what = f"stop {member.name}"
        if self._state(member, what) is ContainerState.PAUSED:
            raise MemberUnusableError(
                f"could not {what}: it is paused, and paused containers are not touched;"
                f" run `docker unpause {member.name}` or stop it by hand"
            )
        try:
            with translated(what):
                # docker-py adds the timeout to the client's own for this call.
                self._api.stop(member.container_id, timeout=math.ceil(timeout_seconds))
        except EngineUnavailableError:
            self._confirm(member, what, running=False)

    def _confirm(self, member: Member, what: str, *, running: bool) -> None:
        """Look whether an unanswered call took effect; raise EngineUnavailableError if not."""
        try:
            state = self._state(member, what)
        except EngineUnavailableError as error:
            raise EngineUnavailableError(
                f"could not {what}: the engine answered neither that nor what became of it;"
                " it may have happened"
            ) from error
        if (state is ContainerState.RUNNING) is not running:
            raise EngineUnavailableError(
                f"could not {what}: the engine did not answer in time and the container is"
                f" {state.value}; the engine may still do it"
            )

    def _state(self, member: Member, what: str) -> ContainerState:
        """Ask for the container's state now."""
        with translated(what):
            status = str(self._api.inspect_container(member.container_id)["State"]["Status"])
        try:
            return ContainerState(status)
        except ValueError as error:
            raise EngineError(f"could not {what}: unknown state {status!r}") from error
