"""`autoscaler simulate`: plays recorded readings to the rules, with other settings beside."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from autoscaler.cli.envfile import add_env_file
from autoscaler.cli.operating import add_examples
from autoscaler.cli.times import moment
from autoscaler.errors import AutoscalerError, SettingsError
from autoscaler.policy.behavior import longest_period, longest_window
from autoscaler.replay import plot
from autoscaler.replay.from_csv import csv_file
from autoscaler.replay.from_history import history
from autoscaler.replay.from_prometheus import prometheus_range
from autoscaler.replay.report import as_json, as_text
from autoscaler.replay.simulation import outcomes, simulate
from autoscaler.replay.source import Recording, Span
from autoscaler.replay.variants import Change, changed_settings
from autoscaler.settings import DEFAULT_ENV_FILE, Settings

PROMETHEUS_SINCE = 86400.0
"""How far back Prometheus is asked without --since, in seconds."""

_NO_HOST = {"AUTOSCALER_PROJECT": "simulated", "AUTOSCALER_NGINX__CONTAINER": "simulated"}
"""What must be set for a daemon and does not matter here, where no daemon is installed."""

_MODEL = """\
Recorded readings are played to the rules the daemon uses; what it decided then is not looked at.
While the played count is the recorded one, the rules see what the daemon saw, so with unchanged
settings they decide the same. At another count the load is modelled: the sum of the readings of
the ready members lies evenly on as many members as there would be, up to 100 % each, at once.
The report checks that: where the recorded count changed, it compares the mean that the model makes
of the load before with the recorded one, once all members are warm. The model hides two things.
A reading cannot exceed 100 %: what a full member was asked for beyond it is unknown, so the load of
more members may come out too low (the report says for how long). And a start takes no time here,
so minutes above the threshold come out a little too short.
In force are the settings of the env file as it is now, whatever it said when it was recorded;
schedules by the recorded times.
Counts set by hand and what operators had set are played again as they were. A MAX given with
--set takes the spares for it as made; otherwise the containers that existed limit the count.
A flap is a change that takes back the one before it within ten minutes.

CSV: the first line names the columns time, role, member, cpu_percent, and if wanted ready and
warming (1 or 0). time is Unix seconds or ISO 8601 with its zone; an empty cpu_percent is no
reading. One line for each member that was meant to run, sorted by time.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `simulate`."""
    add_env_file(parser)
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--history", type=Path, metavar="PATH", help="a daemon's history.db (default: this host's)"
    )
    source.add_argument("--csv", type=Path, metavar="PATH", help="a CSV file, see below")
    source.add_argument(
        "--prometheus", action="store_true", help="a range of the Prometheus in the settings"
    )
    parser.add_argument(
        "--query",
        action="append",
        default=[],
        metavar="ROLE=PROMQL",
        help="with --prometheus: one series for each member, in percent of what it may use",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="ROLE.SETTING=VALUE",
        help="try this; may be repeated",
    )
    parser.add_argument(
        "--role", action="append", metavar="ROLE", help="only this role; may be repeated"
    )
    parser.add_argument(
        "--since",
        type=moment,
        metavar="TIME",
        help="from then on: 7d (ago) or 2026-03-01T12:00 (default: all; of Prometheus 24h)",
    )
    parser.add_argument("--until", type=moment, metavar="TIME", help="until then (default: now)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--plot", type=Path, metavar="PATH", help="draw it to a .png or .svg file")
    add_examples(
        parser,
        "autoscaler simulate --since 7d",
        "autoscaler simulate --since 7d --set validator.cpu_high=75 --set validator.cpu_low=45",
        "autoscaler simulate --role business --set business.max=3 --plot business.png",
        "autoscaler simulate --csv readings.csv --set validator.scale_down_window=10m --json",
        "autoscaler simulate --prometheus --since 2d --set validator.flap_guard=false",
    )
    parser.epilog = f"{_MODEL}\n{parser.epilog}"


def run(arguments: argparse.Namespace) -> int:
    """Play the recording and print what came out."""
    in_force, changed, changes = _settings(arguments)
    if arguments.plot is not None:
        plot.check_plot(arguments.plot)
    span = _span(arguments, in_force, changed)
    recording = _recording(arguments, in_force, span)
    roles = outcomes(in_force, changed, span.roles)
    with _progress(recording) as progress:
        simulate(
            recording.rounds(),
            roles,
            since=arguments.since,
            draws=arguments.plot is not None,
            progress=progress,
        )
    if all(outcome.began is None for outcome in roles.values()):
        raise AutoscalerError(
            f"{recording.name} has no readings of {', '.join(roles)} in that time"
        )
    said = _by_role(changes)
    if arguments.plot is not None:
        plot.draw(arguments.plot, roles)
    if arguments.json:
        print(json.dumps(as_json(recording.name, roles, said), indent=2))
    else:
        print(as_text(recording.name, roles, said))
    return 0


def _settings(arguments: argparse.Namespace) -> tuple[Settings, Settings | None, list[Change]]:
    """Return settings in force and changed. Raises SettingsError with all mistakes."""
    environ: Mapping[str, str] = os.environ
    if arguments.env_file == DEFAULT_ENV_FILE and not DEFAULT_ENV_FILE.exists():
        environ = {**_NO_HOST, **environ}
    in_force, changed, changes = changed_settings(arguments.env_file, environ, arguments.set)
    unknown = [
        f"--role {role}: there is no such role; there are: {', '.join(in_force.roles)}"
        for role in arguments.role or ()
        if role not in in_force.roles
    ]
    if unknown:
        raise SettingsError(unknown)
    return in_force, changed, changes


def _span(arguments: argparse.Namespace, *settings: Settings | None) -> Span:
    """Return which readings are wanted, with what the rules remember before them."""
    known = [one for one in settings if one is not None]
    names = tuple(known[0].roles)
    if not names:
        raise SettingsError(
            ["no role is enabled in the settings, so there are no rules to play to"]
        )
    roles = tuple(name for name in names if not arguments.role or name in arguments.role)
    policies = [one.roles[role].policy(one.average_over) for one in known for role in roles]
    lead = max(longest_window(p) + longest_period(p) + p.gap_seconds for p in policies)
    since, until = arguments.since, arguments.until
    if since is not None and until is not None and since >= until:
        raise SettingsError(["--until is not after --since"])
    if arguments.prometheus:
        until = min(until or math.inf, time.time())
        since = until - PROMETHEUS_SINCE if since is None else since
    return Span(roles, since, until, lead)


def _recording(arguments: argparse.Namespace, settings: Settings, span: Span) -> Recording:
    queries = dict(_query(word, settings) for word in arguments.query)
    if queries and not arguments.prometheus:
        raise SettingsError(["--query is for --prometheus only"])
    if arguments.prometheus:
        return prometheus_range(settings, span, queries)
    if arguments.csv is not None:
        return csv_file(arguments.csv, span, tuple(settings.roles))
    return history(arguments.history or settings.state_dir / "history.db", span)


def _query(word: str, settings: Settings) -> tuple[str, str]:
    role, _, query = word.partition("=")
    if role not in settings.roles or not query:
        known = ", ".join(settings.roles)
        raise SettingsError([f"--query {word}: write it ROLE=PROMQL; roles are: {known}"])
    return role, query


def _by_role(changes: list[Change]) -> dict[str, list[str]]:
    """Return what was set, in words, by role."""
    said: dict[str, list[str]] = {}
    for one in changes:
        said.setdefault(one.role.replace("_", "-"), []).append(one.shown)
    return said


@contextlib.contextmanager
def _progress(recording: Recording) -> Iterator[Callable[[float], None] | None]:
    """Show how far it is on a terminal, nowhere else; gone when it is done."""
    begin, end = recording.begin, recording.end
    if not sys.stderr.isatty():
        yield None
        return

    def show(wall: float) -> None:
        if begin is None or end is None or end <= begin:
            text = datetime.fromtimestamp(wall, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
        else:
            part = min(1.0, max(0.0, (wall - begin) / (end - begin)))
            text = f"[{'#' * int(30 * part):<30}] {100 * part:3.0f} %"
        print(f"\r{text}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
