"""Checks the commands that test and reload an NGINX on the host, before the daemon needs them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from autoscaler.cli.findings import Finding, fail, ok, warn
from autoscaler.settings.names import variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autoscaler.settings import Settings

_QUIET = "-q"
_SAID = "successful"
"""What `nginx -t` says of a good configuration, unless it is told to be quiet."""


def program_findings(settings: Settings) -> Iterator[Finding]:
    """Say which program cannot be found; nothing for an NGINX in a container."""
    nginx = settings.nginx
    if nginx.reach != "host":
        return
    for field, command in (
        ("test_command", nginx.test_command),
        ("reload_command", nginx.reload_command),
    ):
        name = variable(("nginx", field))
        item = f"nginx {field.partition('_')[0]} program"
        if shutil.which(command[0]) is None:
            yield fail(
                item,
                f"{name}={' '.join(command)}: there is no program {command[0]!r} that this user "
                "may run",
                f"set {name} to a program by its path, or one that PATH finds, with its arguments",
            )
        else:
            yield ok(item, f"{command[0]} is there")


def accepted(settings: Settings, output: str) -> Finding:
    """Say that a test ended well, and whether it looks like a test of NGINX at all."""
    nginx = settings.nginx
    host = nginx.reach == "host"
    field, command = ("test_command", nginx.test_command) if host else ("command", nginx.command)
    if _SAID in output or _QUIET in command:
        return ok("nginx test", "the configuration is accepted")
    name = variable(("nginx", field))
    said = f"said {output[:60]!r}" if output else "printed nothing"
    return warn(
        "nginx test",
        f"{name}={' '.join(command)} ended with 0 and {said}: NGINX would say that the test is "
        "successful, so this hardly tests it, and a file it refuses would be found out only when "
        "a reload has no effect",
        f"let {name} run NGINX's own test"
        + (", such as `nginx -t`" if host else ": its program, to which -t is added"),
    )
