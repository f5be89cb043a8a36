"""`autoscaler status`: what the running daemon sees and wants."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

from autoscaler.cli.asking import ask_daemon
from autoscaler.cli.envfile import add_env_file
from autoscaler.cli.operating import add_examples, words
from autoscaler.cli.plain import plain
from autoscaler.cli.times import when
from autoscaler.errors import DaemonUnreachableError
from autoscaler.policy.explain import duration_words
from autoscaler.policy.schedule import moment_words, phase_words

BAR_WIDTH = 20
WATCH_SECONDS = 2.0
CLEAR = "\x1b[H\x1b[2J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `status`."""
    add_env_file(parser)
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--watch", action="store_true", help="show it again every 2 s")
    add_examples(
        parser,
        "autoscaler status --watch",
        "autoscaler status --json | jq '.roles.validator.desired'",
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask the daemon and print its answer, with --watch until it is interrupted."""
    try:
        _show(arguments)
        while arguments.watch:
            time.sleep(WATCH_SECONDS)
            _show_again(arguments)
    except KeyboardInterrupt:
        if not arguments.watch:
            raise
    return 0


def _show_again(arguments: argparse.Namespace) -> None:
    """Show it, or that no daemon answers now: it may be restarted while somebody watches."""
    try:
        _show(arguments)
    except DaemonUnreachableError as error:
        text, _, _ = str(error).partition(";")
        print(f"{_clear(arguments)}{datetime.now().astimezone():%H:%M:%S} {text}", file=sys.stderr)


def _show(arguments: argparse.Namespace) -> None:
    status = ask_daemon(arguments, "GET", "/v1/status")
    if arguments.json:
        print(json.dumps(status, indent=None if arguments.watch else 2), flush=True)
    else:
        print(_clear(arguments) + "\n".join(map(plain, lines(status))), flush=True)


def _clear(arguments: argparse.Namespace) -> str:
    return CLEAR if arguments.watch and not arguments.json and sys.stdout.isatty() else ""


def lines(status: dict[str, Any]) -> list[str]:
    """Return the status as lines for a terminal."""
    engine, nginx = status["engine"], status["nginx"]
    out = [
        f"daemon   process {status['pid']}, since {when(status['started'])}",
        "engine   " + _engine(engine),
        "nginx    "
        + (
            f"serves generation {nginx['generation']}"
            if nginx["settled"]
            else f"not up to date: {nginx['error'] or 'a publish is under way'}"
        ),
    ]
    if status.get("late"):
        out.append(f"late     {status['late']}; all counts are held")
    out += host_lines(status.get("host"))
    if status["history"]["error"]:
        out.append(f"history  {status['history']['error']}")
    out += [f"source   {name}: {text}" for name, text in status.get("sources", {}).items()]
    out += [f"warning  {text}" for text in status["warnings"]]
    out += [f"in force {words(one)}" for one in status.get("overrides", ())]
    for name, role in status["roles"].items():
        out += ["", *_role_lines(name, role)]
    return out


def _engine(engine: dict[str, Any]) -> str:
    if engine["up"] is None:
        return "was not asked yet"
    return "answers" if engine["up"] else f"does not answer: {engine['error']}"


def host_lines(host: dict[str, Any] | None) -> list[str]:
    """Return how busy the host itself is, and what that holds."""
    if host is None or host["cpu_percent"] is None:
        return []
    used = f"{host['cpu_percent']:.0f} % CPU in use, {host['memory_percent']:.0f} % memory left"
    lacks = [name for name in ("cpu", "memory") if host[f"{name}_saturated"]]
    held = (host["cpu_saturated"] and host["cpu_ceiling"] is not None) or (
        host["memory_saturated"] and host["memory_floor"] is not None
    )
    words = f": {' and '.join(lacks)} saturated" if lacks else ""
    return [f"host     {used}{words}{', growth is held' if held else ''}"]


def _role_lines(name: str, role: dict[str, Any]) -> list[str]:
    decision = role["decision"] or {}
    counts = (
        f"{role['desired']} wanted ({role['min']} to {role['max']}), "
        f"{role['running']} running, {role['healthy']} healthy, {role['published']} published"
    )
    rules = (
        f"mean {_percent(decision.get('mean'))}, starts above {role['cpu_high']:g} %, "
        f"stops below {role['cpu_low']:g} %: {decision.get('reason', 'not decided yet')}"
    )
    would_be = decision.get("would_be", role["desired"])
    if would_be != role["desired"]:
        rules += f"; without that the rules would want {would_be}"
    out = [f"{name}: {counts}", f"  {rules}", *schedule_lines(role.get("schedule"))]
    change = role["last_change"]
    if change:
        out.append(
            f"  last change {when(change['at'])}: {change['desired_before']} -> "
            f"{change['desired']} ({change['reason']})"
        )
    if role.get("turns_last_hour", 0) > 1:
        out.append(f"  changed its direction {role['turns_last_hour']} times in the last hour")
    coming = role.get("next_change")
    if coming:
        out.append(
            f"  becomes {coming['desired']} in {duration_words(coming['in_seconds'])}, at "
            f"{when(coming['at'])}, if the readings stay as they are"
        )
    if role.get("next_change_waits"):
        out.append(f"  nothing changes {role['next_change_waits']}")
    out += [f"  missing: {missing}" for missing in role["missing"]]
    if unseen := role.get("out_of_scope"):
        out += [f"  out of scope: {unseen['reason']}", f"    -> {unseen['hint']}"]
    for member in role["members"]:
        out += [_member_line(member), *_blocked_lines(member)]
    return out + _kept_lines(role["members"])


def _kept_lines(members: list[dict[str, Any]]) -> list[str]:
    """Return what says that members run on because of their label; the first is the primary."""
    return [
        f"  {member['name']} is protected (label autoscaler.protect), so it is never stopped"
        for member in members[1:]
        if member["protected"] and member["state"] == "running"
    ]


def _blocked_lines(member: dict[str, Any]) -> list[str]:
    """Return what says that a hook is in the way of a member's service or stop."""
    blocked = member.get("blocked")
    if not blocked:
        return []
    what = "not stopped" if blocked["hook"] == "before_stop" else "no requests"
    when = f"tried again in {blocked['in_seconds']:.0f} s"
    return [f"    blocked: {what}, its hook failed ({blocked['reason']}); {when}"]


def schedule_lines(schedule: dict[str, Any] | None) -> list[str]:
    """Return what a role's schedule has in force, until when, and what comes next."""
    if schedule is None:
        return []
    now = f"  schedule: {_phase(schedule)}"
    if schedule["next"] is None:
        return [f"{now}, no change in sight ({schedule['zone']})"]
    until = moment_words(datetime.fromisoformat(schedule["until"]), datetime.now(UTC))
    return [f"{now} until {until} ({schedule['zone']}), then {_phase(schedule['next'])}"]


def _phase(phase: dict[str, Any]) -> str:
    return phase_words(phase["windows"], phase["min"], phase["max"])


def _member_line(member: dict[str, Any]) -> str:
    if member["phase"] == "spare":
        return f"  {member['name']:<28} spare"
    cpu = member["cpu_percent"]
    missing = f"no reading: {member['no_reading'] or 'not read yet'}"
    seen = _percent(cpu) if cpu is not None else missing
    return f"  {member['name']:<28} {member['phase']:<12} {_bar(cpu)} {seen}"


def _bar(percent: float | None) -> str:
    filled = 0 if percent is None else min(BAR_WIDTH, round(percent / 100 * BAR_WIDTH))
    return "█" * filled + "·" * (BAR_WIDTH - filled)


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f} %"
