"""Windows and rate limits answer as the real HorizontalPodAutoscaler controller did.

The answers are in `data/hpa-sample.json.gz`; another file of the same format can be named in the
environment variable HPA_ORACLE. Our own gap rule lies around the replayed functions and is not
part of this replay.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoscaler.model import (
    LimitKind,
    Memory,
    RateLimit,
    Reason,
    RolePolicy,
    ScalingRules,
    Select,
)
from autoscaler.policy.behavior import (
    apply_behavior,
    enforce_bounds,
    limit_down,
    limit_up,
    record_change,
    record_recommendation,
)

OWN_COPY = Path(__file__).parent / "data" / "hpa-sample.json.gz"
STATED_FOR_OWN_COPY = {
    "sequences compared": 77,
    "sequences skipped (no behavior)": 3,
    "ticks compared": 2328,
    "ticks with a recommendation": 2238,
    "ticks at a bound": 4,
    "ticks without metrics": 86,
    "ticks at zero": 0,
    "ticks compared with the full event history": 3,
    "limit rows compared": 120,
}

WINDOW_REASONS = {
    None: "ReadyForNewScale",
    Reason.SCALE_UP_STABILIZED: "ScaleUpStabilized",
    Reason.SCALE_DOWN_STABILIZED: "ScaleDownStabilized",
}
CLIP_REASONS = {
    None: "DesiredWithinRange",
    Reason.SCALE_UP_LIMITED: "ScaleUpLimit",
    Reason.SCALE_DOWN_LIMITED: "ScaleDownLimit",
    Reason.AT_MAX: "TooManyReplicas",
    Reason.AT_MIN: "TooFewReplicas",
}
BOUND_PATHS = {Reason.ABOVE_MAX: "above_max", Reason.BELOW_MIN: "below_min"}
DISABLED = ScalingRules(window_seconds=0, select=Select.DISABLED, limits=())

JsonObject = dict[str, Any]


def scaling_rules(given: JsonObject) -> ScalingRules:
    """Translate one direction of an HPA's behavior."""
    kinds = {"Percent": LimitKind.PERCENT, "Pods": LimitKind.MEMBERS}
    return ScalingRules(
        window_seconds=given["stabilizationWindowSeconds"],
        select=Select(given["selectPolicy"]),
        limits=tuple(
            RateLimit(kinds[p["type"]], p["value"], p["periodSeconds"]) for p in given["policies"]
        ),
    )


def role_policy(minimum: int, maximum: int, up: ScalingRules, down: ScalingRules) -> RolePolicy:
    """Return a policy of which only bounds, windows and limits matter here."""
    return RolePolicy(minimum, maximum, cpu_high=70, cpu_low=40, scale_up=up, scale_down=down)


def reduce_metrics(raw: int | list[int | None] | None, current: int) -> int | None:
    """Make one recommendation of several metrics as the controller does; None means to hold.

    The largest wins; an invalid one is ignored unless the valid ones ask for fewer.
    """
    if not isinstance(raw, list):
        return raw
    valid = [count for count in raw if count is not None]
    if not valid or (len(valid) < len(raw) and max(valid) < current):
        return None
    return max(valid)


class Replay:
    """One sequence on its own: the controller's state, ours, and where they differ."""

    def __init__(self, sequence: JsonObject, tally: Counter[str]) -> None:
        spec = sequence["spec_effective"]
        self.policy = role_policy(
            spec["min"],
            spec["max"],
            scaling_rules(spec["behavior"]["scaleUp"]),
            scaling_rules(spec["behavior"]["scaleDown"]),
        )
        self.sequence = sequence
        self.tally = tally
        self.fresh = True
        self.memory = Memory(sequence["initial_replicas"])
        self.differences: list[str] = []

    def run(self) -> list[str]:
        """Replay all ticks and return every difference."""
        for tick in self.sequence["ticks"]:
            self._prepare(tick)
            for key, ours in self._answer(tick).items():
                theirs = tick.get(key)
                if ours != theirs:
                    self.differences.append(
                        f"{self.sequence['id']} t={tick['t']} {key}: ours {ours}, theirs {theirs}"
                    )
            self.tally["ticks compared"] += 1
            self.memory = record_change(self.policy, self.memory, tick["desired"], tick["t"])
        return self.differences

    def _prepare(self, tick: JsonObject) -> None:
        """Do what happens before a tick: restart, changed bounds, a count set by hand."""
        if tick.get("restart"):
            self.memory = Memory(self.memory.desired)
            self.fresh = True
        if "set_current" in tick:
            self.memory = replace(self.memory, desired=tick["set_current"])
        self.policy = replace(
            self.policy,
            minimum=tick.get("set_min", self.policy.minimum),
            maximum=tick.get("set_max", self.policy.maximum),
        )
        if self.fresh:
            self._record(self.memory.desired, tick)
            self.fresh = False

    def _answer(self, tick: JsonObject) -> JsonObject:
        """Return our answer in the fields of the file; a field that is absent there is None."""
        current = self.memory.desired
        answer: JsonObject = {"current": current, "desired": current}
        bound = enforce_bounds(self.policy, current)
        recommended = reduce_metrics(tick["raw"], current)
        if current == 0:
            self.tally["ticks at zero"] += 1
            return answer | {"path": "scaling_disabled_at_zero"}
        if bound:
            self.tally["ticks at a bound"] += 1
            return answer | {"path": BOUND_PATHS[bound[1]], "desired": bound[0]}
        if recommended is None:
            self.tally["ticks without metrics"] += 1
            return answer | {"path": "metrics_error", "stabilized": None}
        self.tally["ticks with a recommendation"] += 1
        verdict = apply_behavior(self.policy, self.memory, recommended, tick["t"])
        self._record(recommended, tick)
        answer |= {
            "path": "metrics",
            "stabilized": verdict.stabilized,
            "stab_reason": WINDOW_REASONS[verdict.window],
        }
        if "desired_if_full_event_history" in tick:
            # The controller had overwritten an event; its count follows from that alone.
            self.tally["ticks compared with the full event history"] += 1
            return answer | {
                "desired": tick["desired"],
                "desired_if_full_event_history": verdict.desired,
            }
        answer["desired"] = verdict.desired
        if self.sequence["depends_on_event_slot_reuse"]:
            return answer
        return answer | {
            "rate_limit": verdict.limit,
            "limit_reason": CLIP_REASONS[verdict.clip],
            "limited": verdict.clip is not None,
        }

    def _record(self, recommended: int, tick: JsonObject) -> None:
        self.memory = record_recommendation(self.policy, self.memory, recommended, tick["t"])


def compare_sequences(oracle: JsonObject, tally: Counter[str]) -> list[str]:
    """Replay every sequence that has a behavior and return all differences."""
    differences: list[str] = []
    for sequence in oracle["sequences"]:
        if sequence["spec"].get("behavior") is None:
            tally["sequences skipped (no behavior)"] += 1
            continue
        differences += Replay(sequence, tally).run()
        tally["sequences compared"] += 1
    return differences


def compare_limit_rows(oracle: JsonObject, tally: Counter[str]) -> list[str]:
    """Answer every single rate-limit decision and return all differences."""
    differences: list[str] = []
    for row in oracle["limit_rows"]:
        growing = row["direction"] == "up"
        rules = scaling_rules(row["rules"])
        # The new recommendation alone must reach the limit: no window holds it back.
        rules = replace(rules, window_seconds=0)
        up, down = (rules, DISABLED) if growing else (DISABLED, rules)
        policy = role_policy(row["min"], row["max"], up, down)
        memory = Memory(
            desired=row["current"],
            up_events=events(row["scale_up_events"]),
            down_events=events(row["scale_down_events"]),
        )
        limit = (limit_up if growing else limit_down)(policy, memory, 0.0)
        verdict = apply_behavior(policy, memory, row["desired"], 0.0)
        ours = (limit, verdict.desired, CLIP_REASONS[verdict.clip])
        theirs = (row["limit"], row["result"], row["reason"])
        if ours != theirs:
            differences.append(f"{row['id']}: ours {ours}, theirs {theirs}")
        tally["limit rows compared"] += 1
    return differences


def events(given: list[JsonObject]) -> tuple[tuple[float, int], ...]:
    """Return scale events with their age at time 0, oldest first."""
    return tuple(sorted((-event["age_s"], event["change"]) for event in given))


def expected_counts(oracle: JsonObject) -> dict[str, int]:
    """Derive from the file alone how much there is to compare and to skip."""
    with_behavior = [s for s in oracle["sequences"] if s["spec"].get("behavior") is not None]
    ticks = [tick for sequence in with_behavior for tick in sequence["ticks"]]
    paths = Counter(tick["path"] for tick in ticks)
    return {
        "sequences compared": len(with_behavior),
        "sequences skipped (no behavior)": len(oracle["sequences"]) - len(with_behavior),
        "ticks compared": len(ticks),
        "ticks with a recommendation": paths["metrics"],
        "ticks at a bound": paths["above_max"] + paths["below_min"],
        "ticks without metrics": paths["metrics_error"],
        "ticks at zero": paths["scaling_disabled_at_zero"],
        "ticks compared with the full event history": sum(
            "desired_if_full_event_history" in tick for tick in ticks
        ),
        "limit rows compared": len(oracle["limit_rows"]),
    }


def load(path: Path) -> JsonObject:
    """Read an oracle file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        loaded: JsonObject = json.load(file)
    return loaded


@pytest.fixture(scope="module")
def oracle_path() -> Path:
    """Return the file that HPA_ORACLE names, else the copy beside this test."""
    named = os.environ.get("HPA_ORACLE")
    return Path(named) if named else OWN_COPY


def test_every_sequence_and_limit_row_agrees_with_the_real_controller(
    oracle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At every tick stabilized, rate limit, desired and both reasons are the controller's, and
    exactly as much was compared and skipped as the file holds.
    """
    oracle = load(oracle_path)
    tally: Counter[str] = Counter()
    differences = compare_sequences(oracle, tally) + compare_limit_rows(oracle, tally)
    expected = expected_counts(oracle)
    counted = {key: tally[key] for key in expected}
    with capsys.disabled():
        summary = ", ".join(f"{count} {key}" for key, count in counted.items())
        sys.stdout.write(f"\n{oracle_path.name}: {summary}\n")
    assert not differences, "\n".join([f"{len(differences)} differences", *differences[:20]])
    assert counted == expected
    assert counted["ticks compared"] > 0
    assert counted["limit rows compared"] > 0


def test_the_copy_kept_here_holds_exactly_what_is_stated() -> None:
    """A truncated or exchanged copy would be noticed: the numbers are written down here."""
    assert expected_counts(load(OWN_COPY)) == STATED_FOR_OWN_COPY


def test_the_replay_notices_a_single_wrong_answer() -> None:
    """One desired count changed by one in the file is one reported difference or more."""
    oracle = load(OWN_COPY)
    tick = oracle["sequences"][0]["ticks"][2]
    tick["desired"] += 1
    differences = compare_sequences(oracle, Counter())
    assert any("t=30 desired" in difference for difference in differences)


def test_the_replay_notices_a_wrong_limit() -> None:
    """One limit changed by one in the file is exactly one reported difference."""
    oracle = load(OWN_COPY)
    oracle["limit_rows"][0]["limit"] += 1
    assert len(compare_limit_rows(oracle, Counter())) == 1
