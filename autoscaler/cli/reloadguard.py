"""Looks, before a reload, whether new settings would take all that serves a role off the air.

A typo in the project or in a list of names makes running members strangers. The daemon keeps in
NGINX those that are all a role has, but they no longer scale; so the person who reloads is asked
first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autoscaler.cli.driftcheck import ask_status
from autoscaler.clock import SystemClock
from autoscaler.engine.client import connect, info
from autoscaler.engine.inventory import Inventory
from autoscaler.errors import EngineError
from autoscaler.settings.sight import remedy, unseen

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from autoscaler.settings import Settings

_POOL_SIZE = 2


def emptied_roles(settings: Settings) -> list[str]:
    """Return one sentence per role that the reload of these settings would empty.

    None if that cannot be told: without a daemon or an engine the reload itself says what is wrong.
    """
    status = ask_status(settings.run_dir).status
    if not status or "roles" not in status:
        return []
    try:
        api = connect(settings.docker.url, settings.docker.timeout, _POOL_SIZE)
        inventory = Inventory(api, settings.scope(), info(api).cpus, SystemClock())
        found = {(m.role, m.name) for m in inventory.members().members if m.running}
    except EngineError:
        return []
    return sentences(settings, status["roles"], found)


def sentences(
    settings: Settings, told: Mapping[str, Any], found: Collection[tuple[str, str]]
) -> list[str]:
    """Say of which roles no published member is among the running ones that were `found`.

    `told` are the roles of the daemon's status; `found` are pairs of role and member. A role that
    the settings switch off is meant to go.
    """
    problems = []
    for name in sorted(settings.roles.keys() & told.keys()):
        unseen_now = told[name].get("out_of_scope") or {}
        serving = [one["name"] for one in told[name]["members"] if one["published"]]
        serving += unseen_now.get("members", ())
        if serving and not any((name, member) in found for member in serving):
            problems.append(
                f"role {name}: {unseen(settings, name, serving)}; {remedy(settings, name)}"
            )
    return problems
