"""The whole controller on virtual time while people, engine and NGINX do as they please."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoscaler.errors import (
    HookFailedError,
    NginxError,
    NginxTestFailedError,
    NginxUnreachableError,
)
from autoscaler.events import EngineEvent, EventKind
from autoscaler.model import (
    ContainerState,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.daemon.conftest import MakeWorld, World

NAMES = ("validator-1", "validator-2", "validator-3")
DEEDS = (
    "crash", "stop", "start", "recreate", "sick", "well", "busy", "idle", "engine down",
    "engine up", "deaf", "hearing", "nginx refuses", "nginx fails", "nginx gone", "nginx well",
    "nginx lost", "kill the daemon", "hooks fail", "hooks work",
)  # fmt: skip
STORY = st.lists(
    st.tuples(st.sampled_from(DEEDS), st.sampled_from(NAMES), st.sampled_from([0.1, 2.0, 70.0])),
    max_size=14,
)
TROUBLES = {
    "nginx refuses": NginxTestFailedError("NGINX refuses", "[emerg] no"),
    "nginx fails": NginxError("not proven"),
    "nginx gone": NginxUnreachableError("it does not run"),
    "nginx well": None,
}


HOOKS = {
    "ROLES__VALIDATOR__AFTER_HEALTHY": "exec: join",
    "ROLES__VALIDATOR__BEFORE_STOP": "http:///leave",
}


def do_to_member(world: World, deed: str, name: str) -> None:
    """Let something happen to a container."""
    engine, box = world.engine, world.box(name)
    if deed == "crash" and box.running:
        engine.end(name, 1)
    elif deed == "stop" and box.running:
        engine.end(name, 0, stop=True)
    elif deed == "start" and not box.running:
        engine.begin(name)
    elif deed == "recreate" and box.running:
        engine.recreate(name)
    elif deed in {"sick", "well"}:
        box.answers = deed == "well"
    elif deed in {"hooks fail", "hooks work"}:
        box.hook_error = HookFailedError("it said no", "exit_code") if "fail" in deed else None


def do(world: World, deed: str, name: str) -> None:
    """Let something happen."""
    engine = world.engine
    do_to_member(world, deed, name)
    if deed in {"busy", "idle"}:
        world.load("validator", 95.0 if deed == "busy" else 5.0)
    elif deed in {"engine down", "engine up"}:
        engine.down = deed == "engine down"
        world.post(EngineEvent(EventKind.DISCONNECTED if engine.down else EventKind.CONNECTED))
    elif deed in {"deaf", "hearing"}:
        engine.deaf = deed == "deaf"
    elif deed in TROUBLES:
        world.nginx.error = TROUBLES[deed]
        world.nginx.takes_it_anyway = name == "validator-1"
    elif deed == "nginx lost":
        world.nginx.generation = "older"
    elif deed == "kill the daemon":
        world.start()


def mend(world: World) -> None:
    """Let everything be well and the load be moderate."""
    for deed in ("engine up", "hearing", "nginx well"):
        do(world, deed, "validator-1")
    for name in NAMES:
        do(world, "well", name)
        do(world, "hooks work", name)
    world.load("validator", 55.0)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(story=STORY, hooked=st.booleans())
def test_no_promise_is_broken_and_the_world_is_mended(
    make_world: MakeWorld, tmp_path: Path, story: list[tuple[str, str, float]], *, hooked: bool
) -> None:
    """Whatever happens, nobody is stopped, or runs a hook, who may get requests; afterwards exactly
    those serve.

    The world itself watches every stop and every publish.
    """
    for old in tmp_path.iterdir():
        old.unlink()
    world = make_world(**(HOOKS if hooked else {})).start().run(20.0)
    for deed, name, seconds in story:
        do(world, deed, name)
        world.run(seconds)
    mend(world)
    world.run(1500.0 if hooked else 800.0)
    before = (len(world.engine.calls), world.nginx.reloads)
    world.run(120.0)
    assert len(world.served()) == world.desired()
    assert world.running() == world.served()
    assert (len(world.engine.calls), world.nginx.reloads) == before
    states = {box.state for box in world.engine.boxes.values()}
    assert states <= {ContainerState.CREATED, ContainerState.EXITED, ContainerState.RUNNING}
