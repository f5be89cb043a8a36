"""What the rules were given at every round, on record, so that it can be played to them again.

The readings say what each member used; a round says the rest: the moment on the clock that the
rules follow, the containers, what operators had set, and where the memory was changed between
two rounds (a start of the daemon, a count set by hand). Decisions are not needed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from autoscaler.daemon.schema import Statement, memory_from, memory_state
from autoscaler.model import MemberLoad, Memory, Overrides, Reading

_NO_OVERRIDES = Overrides()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rules were given beside the readings. `monotonic` is seconds.

    `left` is the memory after the round before, None in a daemon's first round; `found` the count
    that a daemon took over at its start because so many members ran.
    """

    monotonic: float
    memory: Memory
    left: Memory | None
    containers: int
    protected: int = 0
    overrides: Overrides = _NO_OVERRIDES
    found: int | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """How the memory came to differ from what the round before had left.

    `adopted` are counts set by hand as (monotonic seconds, count). `begun` is the memory with which
    a daemon began, `found` as above.
    """

    adopted: tuple[tuple[float, int], ...] = ()
    begun: Memory | None = None
    found: int | None = None


def statements(
    role: str,
    wall: float,
    readings: Sequence[Reading],
    loads: Sequence[MemberLoad],
    around: Surroundings,
) -> list[Statement]:
    """Return the statements that store a round: what each member used, and what lay around it."""
    places = {load.name: (place, load) for place, load in enumerate(loads)}
    stored: list[Statement] = []
    for one in readings:
        place, load = places.get(one.member, (None, None))
        used = (wall, role, one.member, one.cpu_percent, one.memory_percent, one.reason)
        # A number that the rules did not take, because the member had ended meanwhile.
        refused = load is not None and load.cpu_percent is None and one.cpu_percent is not None
        ready = load is not None and load.ready and not refused
        stored.append(
            (
                "INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*used, one.source, place, ready, load.warming if load else None),
            )
        )
    overrides = around.overrides
    changed = None if overrides == _NO_OVERRIDES else json.dumps(asdict(overrides))
    values = (wall, role, around.monotonic, around.memory.desired, around.containers)
    stored.append(
        (
            "INSERT INTO rounds VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, around.protected, changed, _given(around)),
        )
    )
    return stored


def _given(around: Surroundings) -> str | None:
    """Return what happened to the memory since the round before, None for nothing."""
    memory, left = around.memory, around.left
    if memory is left:
        return None
    if left is not None:
        known = len(left.recommendations)
        adopted = memory.recommendations[known:]
        same = memory.recommendations[:known] == left.recommendations
        if same and adopted and adopted[-1][1] == memory.desired:
            return json.dumps({"adopted": adopted})
    return json.dumps({"begun": memory_state(memory), "found": around.found})


def given_from(text: str | None) -> Given | None:
    """Read back what `_given` wrote. Raises ValueError, LookupError or TypeError."""
    if text is None:
        return None
    state: Mapping[str, Any] = json.loads(text)
    if "adopted" in state:
        return Given(adopted=tuple((float(at), int(count)) for at, count in state["adopted"]))
    return Given(begun=memory_from(state["begun"]), found=state["found"])


def overrides_from(text: str | None) -> Overrides:
    """Read back what operators had set. Raises ValueError or TypeError."""
    return _NO_OVERRIDES if text is None else Overrides(**json.loads(text))
