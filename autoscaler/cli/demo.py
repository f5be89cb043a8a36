"""`autoscaler demo`: a stack of its own, load, growth and shrinking, in under four minutes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from docker.errors import DockerException

from autoscaler.cli.operating import add_examples
from autoscaler.errors import AutoscalerError

INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `demo`."""
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/demo.json"),
        metavar="FILE",
        help="where the figures go (default: %(default)s)",
    )
    add_examples(parser, "autoscaler demo --output /tmp/demo.json")


def run(arguments: argparse.Namespace) -> int:
    """Play the demo; 0 only if no request failed and each role grew to its most and came back.

    Raises AutoscalerError when the engine or the daemon does not do its part, or when what only
    the demo needs is not installed.
    """
    return run_demo(arguments)


def run_demo(arguments: argparse.Namespace) -> int:
    """See `run`. What only the demo needs is imported here, so that it can be named if missing."""
    try:
        from autoscaler.demo.play import Play  # noqa: PLC0415 - needs the extra `demo`
        from autoscaler.demo.scenario import REQUESTS_WANTED  # noqa: PLC0415
        from autoscaler.demo.story import complaints  # noqa: PLC0415
        from autoscaler.demo.workspace import one_interrupt, workspace  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise AutoscalerError(
            f"the demo needs the Python package {error.name}: pip install 'autoscaler[demo]'"
        ) from error
    try:
        with one_interrupt(), workspace() as directory:
            result = Play(directory).run()
    except KeyboardInterrupt:
        print("\ninterrupted; everything that was made has been removed")
        return INTERRUPTED
    except DockerException as error:
        raise AutoscalerError(
            f"the Docker engine did not play along: {error}\nThe demo needs a local engine that "
            "this user may use; `make demo` starts one if none answers"
        ) from error
    found = complaints(result, REQUESTS_WANTED)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    figures = json.dumps({"ok": not found, **result}, indent=2)
    arguments.output.write_text(figures + "\n", encoding="utf-8")
    _print_summary(result, arguments.output)
    for complaint in found:
        print(f"NOT AS IT SHOULD BE: {complaint}")
    return 1 if found else 0


def _print_summary(result: dict[str, Any], output: Path) -> None:
    """Print the figures people care about."""
    slow = ", ".join(f"{name} {value:g} ms" for name, value in result["latency_ms"].items())
    print(f"\n{result['requests']} requests, {result['failed']} failed; latency {slow}")
    for kind, count in result["failures"].items():
        print(f"  {count} x {kind}")
    for example in result["failure_examples"]:
        print(f"    {example}")
    for role, seen in result["roles"].items():
        print(
            f"{role}: 1 -> {seen['max_reached']} -> {seen['final']} "
            f"({seen['scale_ups']} up, {seen['scale_downs']} down)"
        )
    for change in result["changes"]:
        done = "not finished" if change["seconds"] is None else f"done in {change['seconds']:.1f} s"
        mean = "" if change["mean"] is None else f" at a mean of {change['mean']:.0f} %"
        print(
            f"  {change['at_seconds']:6.1f} s  {change['role']} {change['before']} -> "
            f"{change['after']}: {change['reason']}{mean}, {done}"
        )
    print(f"{result['seconds']:g} s in all; figures in {output}")
