"""`autoscaler check`: whether the settings are right and the host is ready for them."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from autoscaler.cli.driftcheck import ask_status
from autoscaler.cli.envfile import add_env_file, load_from
from autoscaler.cli.findings import Finding, Level
from autoscaler.cli.hookcheck import hook_findings
from autoscaler.cli.hostcheck import check_host
from autoscaler.cli.httpcheck import http_findings
from autoscaler.cli.notifycheck import notify_findings
from autoscaler.cli.operating import add_examples
from autoscaler.cli.plain import plain
from autoscaler.cli.rolecheck import threshold_findings
from autoscaler.cli.schedulecheck import schedule_findings
from autoscaler.clock import SystemClock
from autoscaler.errors import SettingsError
from autoscaler.settings import Loaded, effective
from autoscaler.settings.masking import hide_users

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

FINE, FAILED, BAD_SETTINGS = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_env_file(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--settings-only", action="store_true", help="check the settings, not the host"
    )
    parser.add_argument(
        "--notify", action="store_true", help="send a test message to everybody who is told"
    )
    add_examples(
        parser,
        "autoscaler check                    the settings, then the host; changes nothing",
        "autoscaler check --settings-only    before a reload: all mistakes at once",
        "autoscaler check --json | jq '.checks[] | select(.level != \"ok\")'",
    )


def run(args: argparse.Namespace) -> int:
    """Print all mistakes, or the settings and what the host lacks.

    Returns 0 if all is well apart from warnings, 1 if a check failed, 2 if the settings are wrong.
    """
    try:
        loaded = load_from(args)
    except SettingsError as error:
        _print_mistakes(error, as_json=args.json)
        return BAD_SETTINGS
    if not args.json:
        _print_settings(loaded, args.env_file)
    findings = [*threshold_findings(loaded.settings), *hook_findings(loaded.settings)]
    findings += schedule_findings(loaded.settings, SystemClock().wall())
    if not args.settings_only:
        findings += check_host(loaded.settings, SystemClock(), time.sleep)
        findings += http_findings(loaded.settings, ask_status(loaded.settings.run_dir).status)
    if args.notify or not args.settings_only:
        findings += notify_findings(loaded.settings.notify, send=args.notify)
    if args.json:
        print(json.dumps(_as_object(loaded, findings), indent=2))
    else:
        _print_findings(findings)
    return FAILED if any(one.level is Level.FAIL for one in findings) else FINE


def _print_mistakes(error: SettingsError, *, as_json: bool) -> None:
    """Print every mistake in the settings."""
    if as_json:
        print(json.dumps({"errors": error.problems}, indent=2))
        return
    count = len(error.problems)
    print(f"{count} mistake{'s' if count != 1 else ''} in the settings:", file=sys.stderr)
    for problem in error.problems:
        print(f"  {problem}", file=sys.stderr)


def _print_settings(loaded: Loaded, env_file: Path) -> None:
    """Print every setting with the origin of its value."""
    values = _public(loaded)
    if not env_file.exists():
        print(f"{env_file} does not exist: defaults and environment only")
    width = max(len(f"{name}={value}") for name, value in values.items())
    for name, value in values.items():
        print(f"{f'{name}={value}':{width}}  {loaded.origins[name]}")
    for name in loaded.masked:
        print(f"note: {name} in {env_file} does not count: the environment sets it too")


def _public(loaded: Loaded) -> dict[str, str]:
    """Return every setting as text, without users and passwords of addresses in it."""
    return {name: hide_users(text) for name, text in effective(loaded.settings).items()}


def _print_findings(findings: Sequence[Finding]) -> None:
    """Print one line per finding, and what to do below it."""
    print()
    for one in findings:
        said = f"{one.level:4}  {one.item}: {one.text}"
        print("\n".join(map(plain, said.split("\n"))))
        if one.remedy:
            print(f"      -> {one.remedy}")
    failed = [one.item for one in findings if one.level is Level.FAIL]
    warned = sum(one.level is Level.WARN for one in findings)
    named = f" ({', '.join(failed)})" if failed else ""
    fine = len(findings) - len(failed) - warned
    print(f"{len(failed)} failed{named}, {warned} warnings, {fine} ok")


def _as_object(loaded: Loaded, findings: Sequence[Finding]) -> dict[str, object]:
    """Return everything as one object for machines."""
    return {
        "settings": [
            {"variable": name, "value": value, "origin": str(loaded.origins[name])}
            for name, value in _public(loaded).items()
        ],
        "masked": list(loaded.masked),
        "checks": [asdict(one) for one in findings],
    }
