"""A hook's command in a real container: how it ends, how it fails, and what is told of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from autoscaler.engine.client import connect
from autoscaler.engine.command import OUTPUT_BYTES, run_command
from autoscaler.errors import HookFailedError
from autoscaler.hooks import HookFailure
from autoscaler.model import ContainerState, Health, Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autoscaler.engine.client import EngineClient
    from tests.engine.conftest import Containers, Serve

pytestmark = pytest.mark.engine

LONG = 20.0
SECRET = "correct-horse-battery"  # noqa: S105 not one


def member_of(container_id: str) -> Member:
    """Return a member with that id; a command looks at nothing else."""
    state = ContainerState.RUNNING
    return Member("validator", "node-1", 1, container_id, state, Health.NONE, "", 9003)


@pytest.fixture(scope="module")
def node(api: EngineClient) -> Iterator[tuple[EngineClient, Member]]:
    """A running container with a secret in its environment, for all of these tests."""
    from tests.engine.conftest import Containers  # noqa: PLC0415 the class, not the fixture

    made = Containers(api)
    try:
        environment = {"TOKEN": SECRET, "MODE": "on"}
        yield api, member_of(made.start("hooked", environment=environment))
    finally:
        made.remove()


def fails(node: tuple[EngineClient, Member], *words: str, seconds: float = LONG) -> HookFailedError:
    """Run a command that has to fail; return how it did."""
    with pytest.raises(HookFailedError) as told:
        run_command(*node, words, seconds)
    return told.value


def test_a_command_that_ends_with_0_is_done_and_no_shell_reads_it(
    node: tuple[EngineClient, Member],
) -> None:
    """What a shell would expand or split stands in the file's name as it was written."""
    name = "/a; touch b > $TOKEN `x` *"
    run_command(*node, ("touch", name), LONG)
    run_command(*node, ("test", "-e", name), LONG)


def test_another_exit_code_has_failed_with_what_the_command_wrote(
    node: tuple[EngineClient, Member],
) -> None:
    """To both of its outputs."""
    error = fails(node, "sh", "-c", "echo out; sleep 0.1; echo err >&2; exit 3")
    assert (error.code, error.output) == (HookFailure.EXIT_CODE, "out\nerr")
    assert str(error).endswith("ended with exit code 3")


@pytest.mark.parametrize("program", ["/no/such/program", "/etc"])
def test_a_command_that_is_no_program_is_told_as_such(
    node: tuple[EngineClient, Member], program: str
) -> None:
    """It is not there, or a directory."""
    error = fails(node, program)
    assert error.code == HookFailure.CANNOT_RUN
    assert f"{program} cannot be run in node-1".replace(program, repr(program)) in str(error)
    assert "is it in the image, and executable?" in str(error)


@pytest.mark.parametrize("words", ["sleep 30", "while :; do echo x; sleep 0.1; done"])
def test_a_command_that_is_too_slow_is_given_up_in_time_and_may_still_run(
    node: tuple[EngineClient, Member], words: str
) -> None:
    """Whether it is silent or goes on writing."""
    begun = time.monotonic()
    error = fails(node, "sh", "-c", words, seconds=0.7)
    assert time.monotonic() - begun < 0.7 + 5.0
    assert error.code == HookFailure.TIMED_OUT
    assert str(error).endswith("did not end within 0.7 s; it may still run in node-1")


def test_a_command_that_writes_and_then_hangs_is_given_up_at_the_same_time(
    node: tuple[EngineClient, Member],
) -> None:
    """Its last words do not begin its time anew."""
    begun = time.monotonic()
    error = fails(node, "sh", "-c", "sleep 2.5; echo x; sleep 30", seconds=3.0)
    assert time.monotonic() - begun < 5.3
    assert (error.code, error.output) == (HookFailure.TIMED_OUT, "x")


def test_a_command_that_leaves_something_running_ends_with_its_own_code(
    node: tuple[EngineClient, Member],
) -> None:
    """Though what was left holds its output open."""
    error = fails(node, "sh", "-c", "sleep 30 & exit 4")
    assert str(error).endswith("ended with exit code 4")


def test_of_a_long_output_the_end_is_kept(node: tuple[EngineClient, Member]) -> None:
    """A command that writes a lot is read to its end."""
    loop = f"i=0; while [ $i -lt 200 ]; do echo {'x' * 50} $i; i=$((i+1)); done; exit 1"
    error = fails(node, "sh", "-c", loop)
    assert error.output.endswith("x 198\n" + "x" * 50 + " 199")
    assert 0.9 * OUTPUT_BYTES < len(error.output) <= OUTPUT_BYTES


def test_no_value_of_the_containers_environment_is_told(node: tuple[EngineClient, Member]) -> None:
    """Its name stands in its place, also where the output was cut within it."""
    error = fails(node, "sh", "-c", "echo token=$TOKEN mode=$MODE; exit 1")
    assert error.output == "token=$TOKEN mode=on"
    padding = "y" * (OUTPUT_BYTES - 6)
    error = fails(node, "sh", "-c", f"echo ${{TOKEN}}{padding}; exit 1")
    assert error.output == padding


def test_a_container_that_does_not_run_or_is_gone_is_told_as_such(containers: Containers) -> None:
    """The engine's own words say so."""
    stopped = containers.api, member_of(containers.create("a"))
    error = fails(stopped, "true")
    assert error.code == HookFailure.ENGINE
    assert "is not running" in str(error)
    assert fails((containers.api, member_of("0" * 64)), "true").code == HookFailure.MEMBER_GONE


def test_a_container_that_dies_under_its_command_ends_it_at_once(containers: Containers) -> None:
    """Nobody waits for the timeout."""
    node = containers.api, member_of(containers.start("a"))
    threading.Timer(0.2, containers.api.kill, (node[1].container_id,)).start()
    begun = time.monotonic()
    fails(node, "sleep", "30", seconds=60.0)
    assert time.monotonic() - begun < 30.0


def test_an_engine_that_hangs_in_a_command_is_told_as_such(serve: Serve) -> None:
    """The command may have been run: the engine did not say."""
    over = threading.Event()

    def answer(path: str) -> tuple[int, bytes]:
        if path.endswith("/version"):
            return 200, b'{"ApiVersion": "1.41"}'
        if path.endswith("/start"):
            over.wait(20)
        return 201, b'{"Id": "x"}'

    node = connect(serve(answer).url, 1, 1), member_of("a" * 64)
    error = fails(node, "true", seconds=0.5)
    over.set()
    assert error.code == HookFailure.ENGINE
    assert "did not answer in time" in str(error)


def test_a_newer_engine_that_refuses_a_missing_program_is_understood(serve: Serve) -> None:
    """It answers with an error where older ones let the command end with 126."""
    words = (
        b'{"message": "OCI runtime exec failed: exec failed: unable to start container process: '
        b'exec: \\"flush\\": executable file not found in $PATH: unknown"}'
    )

    def answer(path: str) -> tuple[int, bytes]:
        if path.endswith("/version"):
            return 200, b'{"ApiVersion": "1.41"}'
        return (400, words) if path.endswith("/start") else (201, b'{"Id": "x"}')

    error = fails((connect(serve(answer).url, 1, 1), member_of("a" * 64)), "flush")
    assert error.code == HookFailure.CANNOT_RUN
    assert "executable file not found in $PATH" in str(error)
