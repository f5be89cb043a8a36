"""`python -m tests.bench [--rows KEY,KEY]`: see the README's section "What it costs"."""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import docker

from autoscaler.demo.sweep import sweep_leftovers
from autoscaler.demo.workspace import one_interrupt
from autoscaler.surface import logs
from tests.bench import deciding, idling, machine, reacting, replaying, sampling, ticking
from tests.bench.rows import Row, document, table

Measure = Callable[[frozenset[str]], list[Row]]

GROUPS: tuple[tuple[Measure, tuple[str, ...]], ...] = (
    (
        sampling.measure,
        (
            "sample_cgroup_100",
            "sample_cgroup_list_100",
            "sample_docker_100",
            "sample_naive_100",
        ),
    ),
    (ticking.measure, ("tick_scaling",)),
    (deciding.measure, ("decide_us",)),
    (
        replaying.measure,
        ("simulate_month_s", "simulate_month_two_s", "simulate_month_mib"),
    ),
    (idling.measure, (*idling.PLAIN, *idling.ALL)),
    (reacting.measure, ("reaction_s", "publish_ms")),
)
KEYS = tuple(key for _, keys in GROUPS for key in keys)


def main() -> int:
    """Measure the rows asked for; 0 if every one is within its limit."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure what the daemon costs.")
    parser.add_argument("--rows", default="", help=f"only these, of {','.join(KEYS)}")
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    words = parser.parse_args()
    asked = frozenset(filter(None, words.rows.split(","))) or frozenset(KEYS)
    if unknown := asked - set(KEYS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(KEYS)}")
    logs.configure("error", "json", io.StringIO())
    words.output.parent.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    try:
        with one_interrupt():
            sweep_leftovers(docker.from_env(timeout=60))
            about = machine.describe()
            for measure, keys in GROUPS:
                if wanted := asked.intersection(keys):
                    rows += _measured(measure, wanted)
                    words.output.write_text(document(rows, about) + "\n", encoding="utf-8")
    except KeyboardInterrupt:
        _say("interrupted; what was made for it is removed")
        return 1
    _say(table(rows))
    _say(f"raw times are in {words.output}")
    return 0 if all(row.holds for row in rows) else 1


def _measured(measure: Measure, wanted: frozenset[str]) -> list[Row]:
    """Measure some rows, saying so: it takes a while."""
    _say(f"measuring {', '.join(sorted(wanted))} ...")
    began = time.monotonic()
    rows = [row for row in measure(wanted) if row.key in wanted]
    _say(f"  {time.monotonic() - began:.0f} s")
    return rows


def _say(line: str) -> None:
    """Show a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
