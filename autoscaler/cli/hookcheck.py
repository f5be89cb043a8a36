"""Says which lifecycle hooks the roles have. None is run: that is no harmless thing to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.cli.findings import Finding, ok, warn
from autoscaler.settings.names import variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autoscaler.settings import Settings


def hook_findings(settings: Settings) -> Iterator[Finding]:
    """Yield each hook, and what is doubtful about its time."""
    for name, role in settings.roles.items():
        hooks = {"after healthy": role.after_healthy, "before stop": role.before_stop}
        for when, hook in hooks.items():
            if hook is not None:
                yield ok(
                    f"hook {name}",
                    f"{when}: {hook}, for at most {role.hook_timeout:g} s (read, not run: whether "
                    "it is there and works shows when it is due)",
                )
        if role.after_healthy is not None and role.hook_timeout >= role.start_timeout:
            yield warn(
                f"hook {name}",
                f"may take {role.hook_timeout:g} s, but a member that is not ready within "
                f"{role.start_timeout:g} s is given up, so it is never tried twice",
                f"raise {variable(('roles', name, 'start_timeout'))}, or lower "
                f"{variable(('roles', name, 'hook_timeout'))}",
            )
