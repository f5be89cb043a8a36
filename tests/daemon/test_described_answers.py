"""The OpenAPI description has every field that the daemon's answers have, of that type."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autoscaler.daemon.viewing import view
from autoscaler.policy.overrides import Moment
from autoscaler.surface.counts import Counts
from autoscaler.surface.openapi import document
from autoscaler.surface.site import Site
from autoscaler.surface.view import Board
from tests.daemon.conftest import MakeWorld, World
from tests.surface.web import Shelf

TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
    "null": type(None),
}


def differences(value: Any, schema: dict[str, Any], where: str) -> list[str]:  # noqa: ANN401 - JSON
    """Say where an answer is not what the schema says, a field it does not name included."""
    if "anyOf" in schema:
        found = [differences(value, one, where) for one in schema["anyOf"]]
        return [] if [] in found else found[0]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    fits = [
        k for k in kinds if isinstance(value, TYPES[k]) and (k == "boolean" or value is not True)
    ]
    if not fits:
        return [f"{where} is {value!r}, not {schema['type']}"]
    if value is not None and value not in schema.get("enum", [value]):
        return [f"{where} is {value!r}, which is not listed"]
    if isinstance(value, list):
        inside = schema.get("items", {})
        return [d for i, v in enumerate(value) for d in differences(v, inside, f"{where}[{i}]")]
    if not isinstance(value, dict) or "properties" not in schema | {"properties": ""}:
        return []
    others = schema.get("additionalProperties")
    named = schema.get("properties", {})
    said = [
        f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value
    ]
    for name, one in value.items():
        inside = named.get(name, others)
        if inside is None:
            said.append(f"{where}.{name} is not described")
        else:
            said += differences(one, inside, f"{where}.{name}")
    return said


def answer(world: World) -> dict[str, Any]:
    """Return what /api/v1/status answers for a world as it is."""
    board = Board()
    now = Moment(world.time.monotonic(), world.time.wall().timestamp(), world.boot)
    board.put(view(world.controller.state, now))
    site = Site(board, Shelf(), Counts(), world.time, "1")
    found = site.answer("/api/v1/status", "")
    assert found.code == 200
    shown: dict[str, Any] = json.loads(found.body)
    return shown


@pytest.fixture
def schema() -> dict[str, Any]:
    """Return the schema of a status."""
    paths = document("1")["paths"]
    found: dict[str, Any] = paths["/api/v1/status"]["get"]["responses"]["200"]["content"][
        "application/json"
    ]["schema"]
    return found


def test_a_status_is_as_described(make_world: MakeWorld, schema: dict[str, Any]) -> None:
    """From the first moment on, in a window, after a growth, with overrides and a dead engine."""
    world = make_world(ROLES__VALIDATOR__SCHEDULE="always: 0 0 * * * -> 59 23 * * * min=1").start()
    assert differences(answer(world), schema, "status") == []
    world.grow(2)
    world.ask("pause", role="validator", reason="deploy", direction="down", seconds=60)
    world.ask("scale", role="validator", count=2, reason="sale", seconds=60)
    world.load("validator", 1.0)
    world.run(20.0)
    shown = answer(world)
    assert differences(shown, schema, "status") == []
    role = shown["roles"]["validator"]
    assert role["schedule"]["windows"] == ["always"]
    assert role["last_change"] is not None
    world.engine.down = True
    world.run(60.0)
    assert differences(answer(world), schema, "status") == []


def test_a_field_that_is_not_described_is_found(world: World, schema: dict[str, Any]) -> None:
    """So that the test above can fail."""
    shown = answer(world)
    shown["roles"]["validator"]["members"][0]["colour"] = "red"
    shown["pid"] = "7"
    assert differences(shown, schema, "status") == [
        "status.pid is '7', not integer",
        "status.roles.validator.members[0].colour is not described",
    ]
