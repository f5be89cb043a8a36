"""Answers what operators ask over the control socket. Runs in the controller thread."""

from __future__ import annotations

import os
from collections.abc import Callable

from autoscaler.daemon import explaining
from autoscaler.daemon.inbox import Answer, Command
from autoscaler.daemon.overriding import Overriding, no_such_role
from autoscaler.daemon.reloading import Reloading
from autoscaler.daemon.report import status
from autoscaler.daemon.service import Service
from autoscaler.daemon.state import State
from autoscaler.policy.overrides import Moment
from autoscaler.settings import Settings
from autoscaler.surface.requests import RefusedError, ReloadBody, Reply, RoleBody

UNSTORED = "this override is in force, but will not survive a restart of the daemon"
"""What is added when history cannot take it."""


class Commands:
    """Turns commands into answers. `apply` uses settings that a reload has changed."""

    def __init__(
        self,
        state: State,
        overriding: Overriding,
        reloading: Reloading,
        service: Service,
        apply: Callable[[Settings], None],
    ) -> None:
        self._state = state
        self._overriding = overriding
        self._reloading = reloading
        self._service = service
        self._apply = apply

    def answer(self, command: Command, now: Moment) -> bool:
        """Put the answer into `command.reply`; tell whether the rules are to be asked again."""
        if command.verb == "status":
            command.reply.put(Answer(Reply(status(self._state, now))))
        elif isinstance(command.body, RoleBody):
            command.reply.put(Answer(self._explain(command.body, now)))
        elif command.verb == "reload":
            return self._reload(command, now.monotonic)
        else:
            return self._override(command)
        return False

    def _explain(self, body: RoleBody, now: Moment) -> Reply:
        role = self._state.roles.get(body.role)
        if role is None:
            return Reply({"error": no_such_role(body.role, self._state)}, 404)
        return Reply(explaining.answer(role, self._state, now))

    def _override(self, command: Command) -> bool:
        try:
            body, record = self._overriding.handle(command.body, command.by)
        except RefusedError as error:
            command.reply.put(Answer(Reply({"error": str(error)}, error.code)))
            return False
        trouble = self._state.history_trouble
        if record is not None and trouble is not None:
            body["warning"] = "; ".join(filter(None, [body.get("warning"), trouble, UNSTORED]))
            record = None
        command.reply.put(Answer(Reply(body), record))
        return True

    def _reload(self, command: Command, now: float) -> bool:
        self._service.reloading(now)
        answer, changed = self._reloading.reload(os.environ)
        if "problems" not in answer:
            self._state.scope_meant = isinstance(command.body, ReloadBody) and command.body.force
        if changed is not None:
            self._apply(changed)
        self._service.reloaded(len(answer.get("problems", ())), now)
        command.reply.put(Answer(Reply(answer)))
        return self._state.scope_meant
