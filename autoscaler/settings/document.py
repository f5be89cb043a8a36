"""The documented env file: every setting with its default, unit and meaning, from the code.

`python -m autoscaler.settings.document PATH` writes it, without PATH it is printed; `--check PATH`
exits 1 and shows the difference when the file is not what the code says.
"""

from __future__ import annotations

import argparse
import difflib
import inspect
import sys
import textwrap
from pathlib import Path

from autoscaler.settings import names
from autoscaler.settings.changes import effective
from autoscaler.settings.durations import FORMS
from autoscaler.settings.role import BUILT_IN_ROLES, RoleSettings
from autoscaler.settings.schema import NginxSettings, Settings

_HEADER = """\
# Settings of the autoscaler, one NAME=value a line. Generated from the code: every setting with
# its default, commented out. Uncomment what you change; `autoscaler check` shows the result.
#
# Two must be set: which containers belong to it (AUTOSCALER_PROJECT, or MEMBERS of a role), and
# where NGINX runs (AUTOSCALER_NGINX__CONTAINER, or AUTOSCALER_NGINX__REACH=host).
#
# A value may be put in single or double quotes; # after a blank starts a comment; nothing is
# expanded. A duration is 300, 300s, 5m, 1h30m or 250ms; a bare number is seconds. A variable of
# the same name in the daemon's own environment wins over this file. After a change:
# `systemctl reload autoscaler`; where a setting says so, `systemctl restart autoscaler`.
"""

_ROLES_HEADER = """\
# Roles. Every role has the settings below, written AUTOSCALER_ROLES__<ROLE>__<SETTING>. A setting
# that is given keeps the role's other defaults. A new role needs only its port:
#   AUTOSCALER_ROLES__GATEWAY__PORT=8080
# A role name has up to 32 lower-case letters, digits and -, a letter first; in a variable's name
# write _ for its -. So AUTOSCALER_ROLES__API_GATEWAY__PORT makes the role `api-gateway`.
"""


def render() -> str:
    """Return the whole env file."""
    settings = Settings(nginx=NginxSettings.model_construct())
    values = effective(settings)
    blocks = [_HEADER, _title("General")]
    group = ""
    for path in names.paths(()):
        if len(path) > 1 and path[0] != group:
            group = path[0]
            blocks.append(_title((inspect.getdoc(names.GROUPS[group]) or "").rstrip(".")))
        name = names.variable(path)
        blocks.append(_explain(path) + f"#{name}={values[name]}\n")
    blocks += [_title("Roles"), _ROLES_HEADER]
    blocks += [_explain(path) + _any_role(path) for path in names.paths(["x"]) if len(path) > 2]  # noqa: PLR2004 - roles, role, field
    for role in BUILT_IN_ROLES:
        lines = [
            f"#{names.variable(path)}={values[names.variable(path)]}"
            for path in names.paths([role])
            if path[:2] == ("roles", role)
        ]
        blocks += [_title(f"The built-in role {role}"), "\n".join(lines) + "\n"]
    return "\n".join(blocks)


def _title(text: str) -> str:
    """Return a heading line."""
    return f"# --- {text} ".ljust(100, "-") + "\n"


def _explain(path: names.Path) -> str:
    """Return the comment above a setting: meaning, what is allowed, whether it needs a restart."""
    kind, field = names.kind_of(path), names.field_of(path)
    allowed = kind.allowed.removesuffix(f", {FORMS}")
    parts = [
        " ".join((field.description or "").split()),
        f"Allowed: {allowed}" + ("; or empty." if kind.accepts_empty else "."),
    ]
    if names.needs_restart(path):
        parts.append("Changing it needs a restart.")
    return "".join(
        textwrap.fill(part, 100, initial_indent="# ", subsequent_indent="# ") + "\n"
        for part in parts
    )


def _any_role(path: names.Path) -> str:
    """Return the line that gives a setting's default in a role of one's own."""
    field = RoleSettings.model_fields[path[-1]]
    name = f"AUTOSCALER_ROLES__<ROLE>__{path[-1].upper()}"
    if field.is_required():
        return f"#   {name}   (no default)\n"
    return f"#   {name}={names.kind_of(path).show(field.default)}\n"


def main(arguments: list[str] | None = None) -> int:
    """Print, write or check the file; return 0, or 1 when the checked file differs."""
    parser = argparse.ArgumentParser(prog="python -m autoscaler.settings.document")
    parser.add_argument("path", nargs="?", type=Path, help="file to write, or to check")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args(arguments)
    text = render()
    if options.path is None:
        if options.check:
            parser.error("--check needs the path of the file to compare")
        sys.stdout.write(text)
        return 0
    if not options.check:
        options.path.write_text(text, encoding="utf-8")
        return 0
    written = options.path.read_text(encoding="utf-8") if options.path.exists() else ""
    difference = difflib.unified_diff(
        written.splitlines(keepends=True),
        text.splitlines(keepends=True),
        str(options.path),
        "what the code says",
    )
    sys.stdout.writelines(difference)
    return int(written != text)


if __name__ == "__main__":
    sys.exit(main())
