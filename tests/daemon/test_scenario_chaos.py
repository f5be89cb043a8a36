"""The whole controller on virtual time while people, engine and NGINX do as they please."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoscaler.errors import (
    EngineError,
    HookFailedError,
    NginxError,
    NginxTestFailedError,
    NginxUnreachableError,
)
from autoscaler.events import EngineEvent, EventKind
from autoscaler.hooks import HookFailure
from autoscaler.model import (
    ContainerState,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.daemon.conftest import MakeWorld, World

NAMES = ("validator-1", "validator-2", "validator-3")
HOOKS = {
    "ROLES__VALIDATOR__AFTER_HEALTHY": "exec: join --all",
    "ROLES__VALIDATOR__BEFORE_STOP": "http://:9004/leave",
}
REFUSED = EngineError("no space left on device")
NOT_YET = HookFailedError("it ended with exit code 3", HookFailure.EXIT_CODE, "not yet")
TO_BOXES: dict[str, dict[str, object]] = {
    "sick": {"answers": False},
    "late": {"late": True},
    "well": {"answers": True, "late": False},
    "cut off": {"cut_off": True},
    "joined": {"cut_off": False},
    "hook fails": {"hook_error": NOT_YET},
    "hook succeeds": {"hook_error": None},
    "engine refuses": {"start_error": REFUSED, "stop_error": REFUSED},
    "engine does as told": {"start_error": None, "stop_error": None},
}
TROUBLES = {
    "nginx refuses": NginxTestFailedError("NGINX refuses", "[emerg] no"),
    "nginx fails": NginxError("not proven"),
    "nginx gone": NginxUnreachableError("it does not run"),
    "nginx well": None,
}
DEEDS = (
    "crash", "stop", "start", "recreate", "rename", "pause", "unpause", "busy", "idle",
    "engine down", "engine up", "engine anew", "deaf", "hearing", "freeze", "thaw", "nginx lost",
    "kill the daemon", *TO_BOXES, *TROUBLES,
)  # fmt: skip
STORY = st.lists(
    st.tuples(st.sampled_from(DEEDS), st.sampled_from(NAMES), st.sampled_from([0.1, 2.0, 70.0])),
    max_size=14,
)


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
    elif deed == "rename":
        engine.rename(name, name.removesuffix("-b") if name.endswith("-b") else f"{name}-b")
    elif deed == "pause" and box.running:
        engine.pause(name)
    elif deed == "unpause" and box.state is ContainerState.PAUSED:
        engine.pause(name, again=True)
    for field, value in TO_BOXES.get(deed, {}).items():
        setattr(box, field, value)


def begin_anew(world: World, name: str) -> None:
    """Let the engine restart unseen: what ran answers again, two at exchanged addresses."""
    engine = world.engine
    heard, engine.deaf = engine.deaf, True
    ran = [box for box in engine.boxes.values() if box.running]
    for box in ran:
        engine.end(box.name, 0, stop=True)
    one, other = engine.boxes[name], next(iter(engine.boxes.values()))
    one.ip, other.ip = other.ip, one.ip
    for box in ran:
        engine.begin(box.name)
        box.up_at = float("-inf")
    engine.deaf = heard
    for kind in (EventKind.DISCONNECTED, EventKind.CONNECTED):
        world.post(EngineEvent(kind))


def do(world: World, deed: str, name: str) -> None:
    """Let something happen."""
    engine, freeze = world.engine, world.folder / "freeze"
    do_to_member(world, deed, name if name in engine.boxes else f"{name}-b")
    if deed in {"busy", "idle"}:
        world.load("validator", 95.0 if deed == "busy" else 5.0)
    elif deed in {"engine down", "engine up"}:
        engine.down = deed == "engine down"
        world.post(EngineEvent(EventKind.DISCONNECTED if engine.down else EventKind.CONNECTED))
    elif deed == "engine anew":
        begin_anew(world, name if name in engine.boxes else f"{name}-b")
    elif deed == "freeze":
        freeze.write_text("an audit", encoding="utf-8")
    elif deed == "thaw":
        freeze.unlink(missing_ok=True)
    elif deed in {"deaf", "hearing"}:
        engine.deaf = deed == "deaf"
    elif deed in TROUBLES:
        world.nginx.error = TROUBLES[deed]
        world.nginx.takes_it_anyway = deed == "nginx fails" and name == "validator-1"
    elif deed == "nginx lost":
        world.nginx.generation = "older"
    elif deed == "kill the daemon":
        world.start()


def mend(world: World) -> None:
    """Let everything be well and the load be moderate."""
    for deed in ("engine up", "hearing", "thaw", "nginx well"):
        do(world, deed, "validator-1")
    for name in NAMES:
        for deed in ("unpause", "well", "joined", "hook succeeds", "engine does as told"):
            do(world, deed, name)
    world.load("validator", 55.0)


@settings(
    max_examples=30,
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
