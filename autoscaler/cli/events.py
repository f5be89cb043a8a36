"""`autoscaler events`: what happened, from the history file; the daemon need not run."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autoscaler.cli.envfile import add_env_file, load_from, path_despite_mistakes
from autoscaler.cli.operating import add_examples
from autoscaler.cli.plain import plain
from autoscaler.cli.times import moment
from autoscaler.daemon.reading_history import StoredEvent, events_after, roles_on_record
from autoscaler.errors import SettingsError, UsageError
from autoscaler.files import identity

FOLLOW_SECONDS = 0.5

_TOLD = (
    *("kind", "direction", "count", "was", "by", "ended_by"),
    *("window", "min", "max", "until", "hint"),
)
"""Fields told as they are: what operators have set, windows of a schedule, what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `events`."""
    add_env_file(parser)
    parser.add_argument(
        "--since",
        type=moment,
        default="24h",
        metavar="TIME",
        help="from then on: 2h (ago) or 2026-03-01T03:00 (default: 24h)",
    )
    parser.add_argument(
        "--until", type=moment, metavar="TIME", help="until then, written likewise (default: now)"
    )
    parser.add_argument("--role", metavar="ROLE", help="only events of this role")
    parser.add_argument("--follow", action="store_true", help="go on with what happens now")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    add_examples(
        parser,
        "autoscaler events --since 2h",
        "autoscaler events --since 2026-03-01T03:00 --until 2026-03-01T03:10",
        "autoscaler events --role validator --follow",
        "autoscaler events --since 7d --json | jq 'select(.event == \"scale.decided\")'",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the events, oldest first; with `--follow` until interrupted."""
    if arguments.until is not None and arguments.follow:
        raise UsageError("--follow goes on until it is interrupted; leave --until out")
    if arguments.until is not None and arguments.until <= arguments.since:
        raise UsageError("--until is not after --since")
    path, roles = _history(arguments)
    if arguments.role is not None and arguments.role not in (roles or ()):
        _refuse_unknown(arguments.role, path, roles)
    for one in _events(path, arguments):
        print(line(one, as_json=arguments.json), flush=arguments.follow)
    return 0


def _history(arguments: argparse.Namespace) -> tuple[Path, Collection[str] | None]:
    """Return the history's file and the roles of the settings, None if these have mistakes."""
    try:
        settings = load_from(arguments).settings
    except SettingsError:
        return path_despite_mistakes(arguments, "state_dir") / "history.db", None
    return settings.state_dir / "history.db", settings.roles


def _refuse_unknown(role: str, path: Path, roles: Collection[str] | None) -> None:
    """Raise UsageError for a role that is not on record, either: it may have been removed."""
    recorded = roles_on_record(path)
    if role in recorded:
        return
    in_settings = "have mistakes" if roles is None else _names(roles)
    others = _names(recorded.difference(roles or ()))
    raise UsageError(
        f"there is no role {role[:60]!r}; the settings: {in_settings}; "
        f"beside them the history: {others}"
    )


def _names(roles: Collection[str]) -> str:
    return ", ".join(sorted(roles)) or "none"


def _events(path: Path, arguments: argparse.Namespace) -> Iterator[StoredEvent]:
    """Yield what is stored, and with `--follow` what comes, also in a file begun anew."""
    last, file = 0, identity(path)
    while True:
        before, file = file, identity(path)
        if file != before:
            last = 0
        for one in events_after(path, last, arguments.since, arguments.role):
            last = one.number
            if arguments.until is None or one.wall < arguments.until:
                yield one
        if not arguments.follow:
            return
        sys.stdout.flush()
        time.sleep(FOLLOW_SECONDS)


def line(one: StoredEvent, *, as_json: bool) -> str:
    """Return an event as a line for machines or for people."""
    at = datetime.fromtimestamp(one.wall, UTC)
    if as_json:
        stamp = at.isoformat(timespec="milliseconds")
        return json.dumps({"event": one.event, "timestamp": stamp, **one.fields})
    who = one.fields.get("member") or one.fields.get("role") or ""
    stamp = f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
    return plain(f"{stamp}  {one.event:<24} {who:<16} {_words(one.fields)}")


def _words(fields: dict[str, Any]) -> str:
    """Say the fields in the order in which a person asks: what changed, why, the rest."""
    said = []
    if "desired_before" in fields:
        before, after = fields["desired_before"], fields.get("desired")
        said.append(f"stays at {after}" if before == after else f"{before} -> {after}")
    if fields.get("reason"):
        said.append(str(fields["reason"]))
    if isinstance(fields.get("mean"), int | float):
        said.append(f"mean {fields['mean']:.1f} %")
    said += [f"{name}={fields[name]}" for name in _TOLD if fields.get(name)]
    for one in fields.get("changes") or ():
        said.append(f"{one['variable']}: {one['old'] or '(empty)'} -> {one['new'] or '(empty)'}")
    return ", ".join(said)
