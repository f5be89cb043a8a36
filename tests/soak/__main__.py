"""`python -m tests.soak --minutes 20 --seed 1`: see the README's section on the soak."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from autoscaler.demo.sweep import sweep_leftovers
from autoscaler.demo.workspace import one_interrupt, workspace
from tests.soak.plan import make_plan
from tests.soak.run import Run


def say(line: str) -> None:
    """Show a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run one soak; 0 if every rule held."""
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("build"))
    words = parser.parse_args()
    plan = make_plan(words.seed, 60 * words.minutes)
    say(f"seed {words.seed}: {len(plan.faults)} faults in {words.minutes:g} minutes")
    words.output.mkdir(parents=True, exist_ok=True)
    with one_interrupt(), workspace() as directory:
        run = Run(plan, directory, say)
        sweep_leftovers(run.host.stack.client)
        try:
            run.play()
        except KeyboardInterrupt:
            run.result.broken.append("interrupted")
        finally:
            (words.output / f"soak-{words.seed}.json").write_text(run.summary(), encoding="utf-8")
            (words.output / f"soak-{words.seed}.log").write_text(run.log(), encoding="utf-8")
    figures = run.result.figures
    say(
        f"{figures.get('requests')} requests, {figures.get('failed')} failed by a fault; "
        f"{run.result.faults.total()} faults; {len(run.result.broken)} rules broken; "
        f"see {words.output}/soak-{words.seed}.json"
    )
    return 1 if run.result.broken else 0


if __name__ == "__main__":
    sys.exit(main())
