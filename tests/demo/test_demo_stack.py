"""The demo's stack on the real engine: made as compose would make it, removed without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from autoscaler.demo.owner import OWNER_LABEL
from autoscaler.demo.spec import RoleSpec
from autoscaler.demo.stack import Stack
from autoscaler.demo.sweep import sweep_leftovers
from autoscaler.errors import EngineError

pytestmark = pytest.mark.engine
LABELS = {"autoscaler.test": "demo"}
ROLES = (
    RoleSpec("validator", count=2, port=9003, cpus=0.5),
    RoleSpec("slim", port=9013, cpus=0.5, labels={"autoscaler.protect": "true"}),
)
CHILD = """
import sys
from pathlib import Path
from autoscaler.demo.spec import RoleSpec
from autoscaler.demo.stack import Stack
with Stack(sys.argv[1], [RoleSpec("slim")], Path(sys.argv[2]), labels={"autoscaler.test": "demo"}):
    print("up", flush=True)
    sys.stdin.read()
"""


def everything(client: docker.DockerClient, project: str) -> list[str]:
    """Return the names of all the engine holds of a project."""
    wanted = {"label": f"com.docker.compose.project={project}"}
    containers = client.api.containers(all=True, filters=wanted)
    networks = client.api.networks(filters=wanted)
    images = client.api.images(filters=wanted)
    return [
        *(c["Names"][0] for c in containers),
        *(n["Name"] for n in networks),
        *(i["RepoTags"][0] for i in images),
    ]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give a stack with two roles and NGINX, with upstreams written by hand."""
    project = f"demo-{uuid.uuid4().hex[:8]}"
    with Stack(project, ROLES, tmp_path_factory.mktemp("stack"), labels=LABELS) as made:
        lines = []
        for role, spec in made.roles.items():
            first = made.container(made.members(role)[0])
            address = first.attrs["NetworkSettings"]["Networks"][made.network_name]["IPAddress"]
            lines.append(f"upstream autoscaler_{role} {{ server {address}:{spec.port}; }}\n")
        (made.generated / "autoscaler.conf").write_text("".join(lines), encoding="utf-8")
        made.start_nginx()
        yield made


def fetch(url: str) -> bytes:
    """Return the body of a URL, trying while the node behind it starts."""
    end = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 our own NGINX
                body: bytes = answer.read()
                return body
        except OSError:
            assert time.monotonic() < end, url
            time.sleep(0.1)


def test_the_first_member_of_each_role_runs_and_the_spares_exist(stack: Stack) -> None:
    """One validator of two runs, the other is created."""
    first, second = stack.members("validator")
    assert stack.running("validator") == (first,)
    assert stack.container(second).status == "created"


def test_members_carry_the_labels_of_compose_and_their_role(stack: Stack) -> None:
    """A member has the compose labels, its role, the spec's own labels and the owner."""
    labels = stack.container(stack.members("slim")[0]).labels
    assert labels["com.docker.compose.project"] == stack.project
    assert labels["com.docker.compose.service"] == "slim"
    assert labels["com.docker.compose.container-number"] == "1"
    assert labels["autoscaler.role"] == "slim"
    assert labels["autoscaler.protect"] == "true"
    assert labels["autoscaler.test"] == "demo"
    assert OWNER_LABEL in labels


def test_routes_lead_to_the_right_role(stack: Stack) -> None:
    """The platform's paths and each role's own prefix are answered by that role's member."""
    assert fetch(stack.url("/api/v11/consensus")).strip().endswith(b"validator-1")
    assert fetch(stack.url("/api/v11/health")).strip().endswith(b"slim-1")
    assert fetch(stack.url("/validator/api/v11/health")).strip().endswith(b"validator-1")


def test_a_member_keeps_its_address_over_a_restart(stack: Stack) -> None:
    """Members have fixed addresses, so a restart changes none."""
    name = stack.members("slim")[0]

    def address() -> str:
        networks = stack.container(name).attrs["NetworkSettings"]["Networks"]
        return str(networks[stack.network_name]["IPAddress"])

    before = address()
    stack.stop(name)
    stack.start(name)
    assert before
    assert address() == before


def test_the_env_file_is_what_the_settings_accept(stack: Stack) -> None:
    """The lines for the daemon load without a mistake and name this stack's project."""
    path = stack.write_env({"INTERVAL": "1s", "AVERAGE_OVER": "3s"})
    program = [sys.executable, "-m", "autoscaler", "status", "--env-file", str(path)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr  # settings good, and no daemon runs
    assert f"AUTOSCALER_PROJECT={stack.project}" in path.read_text(encoding="utf-8")


def test_nginx_is_not_started_before_there_is_an_upstream_file(tmp_path: Path) -> None:
    """Without a generated file `start_nginx` gives up and says what is missing."""
    project = f"demo-{uuid.uuid4().hex[:8]}"
    with (
        Stack(project, ROLES[1:], tmp_path, labels=LABELS) as made,
        pytest.raises(EngineError, match="no upstream file"),
    ):
        made.start_nginx(deadline_seconds=0.2)


def test_removing_takes_all_of_it_and_nothing_else(stack: Stack, tmp_path: Path) -> None:
    """After a stack is removed the engine holds nothing of it, and all of its neighbour."""
    project = f"demo-{uuid.uuid4().hex[:8]}"
    neighbour = everything(stack.client, stack.project)
    with Stack(project, ROLES[1:], tmp_path, labels=LABELS) as made:
        assert len(everything(made.client, project)) == 4  # two containers, network, image
    assert everything(stack.client, project) == []
    assert everything(stack.client, stack.project) == neighbour


def test_a_stack_that_fails_half_way_is_removed(stack: Stack, tmp_path: Path) -> None:
    """When a container cannot be created, what was made before it is removed."""
    project = f"demo-{uuid.uuid4().hex[:8]}"
    broken = RoleSpec("slim", cpus=1e6)
    with pytest.raises(docker.errors.APIError), Stack(project, [broken], tmp_path, labels=LABELS):
        pass
    assert everything(stack.client, project) == []


def test_what_a_killed_run_left_is_removed_by_the_next(stack: Stack, tmp_path: Path) -> None:
    """The stack of a killed process is swept, that of a living one is left alone."""
    project = f"demo-{uuid.uuid4().hex[:8]}"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, project, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    assert not any(project in name for name in sweep_leftovers(stack.client))
    child.kill()
    child.communicate()
    assert any(project in name for name in sweep_leftovers(stack.client))
    assert everything(stack.client, project) == []
    assert stack.running("validator")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing(tmp_path: Path, number: int) -> None:
    """Ctrl-C or SIGTERM while load runs: exit code 130, no container, network, image or daemon."""
    output = tmp_path / "demo.json"
    demo = subprocess.Popen(
        [sys.executable, "-m", "autoscaler", "demo", "--output", str(output)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert demo.stdout is not None
    for line in demo.stdout:
        if "load begins" in line:
            break
    demo.send_signal(number)
    words = demo.communicate(timeout=60)[0]
    assert demo.returncode == 130, words
    assert "interrupted" in words
    assert everything(docker.from_env(), f"autoscaler-demo-{demo.pid}") == []
    assert not output.exists()


def test_an_engine_that_answers_is_left_alone() -> None:
    """`engine.sh start` does nothing and says nothing while an engine answers."""
    root = Path(__file__).parents[2]
    engine = docker.from_env().info()["ID"]
    done = subprocess.run(
        ["sh", str(root / "config/dev/engine.sh"), "start"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout + done.stderr == ""
    assert docker.from_env().info()["ID"] == engine
