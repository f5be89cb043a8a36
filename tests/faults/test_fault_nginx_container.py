"""NGINX in a container: broken by others, paused, replaced, and mounted in the wrong way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.demo.containers import ContainerMaker
from autoscaler.demo.image import GENERATED_DIRECTORY
from tests.e2e.harness import BY_HAND, none_failed, role
from tests.e2e.waiting import until
from tests.faults.counts import has, nginx_workers, runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from autoscaler.demo.load import Load
    from tests.e2e.conftest import MakeHost
    from tests.e2e.harness import Host

pytestmark = pytest.mark.engine

RATE = 80.0
ELSEWHERE = 3
"""Host number of another address for NGINX."""


@pytest.fixture(scope="module")
def shared(make_shared_host: MakeHost) -> Host:
    """A host whose NGINX is mistreated."""
    host = make_shared_host(role("validator", 2, running=2, settings={**BY_HAND, "min": "2"}))
    host.start()
    return host


@pytest.fixture
def host(shared: Host) -> Iterator[Host]:
    """The host with two members in service."""
    has(shared, 2)
    yield shared
    shared.wait_settled()


def goes_on(load: Load) -> None:
    """Wait until a hundred more requests were made."""
    requests = load.report().requests
    until(lambda: load.report().requests > requests + 100, "requests go on")


def test_a_configuration_broken_by_others_reloads_nothing_until_it_is_mended(host: Host) -> None:
    """Nobody is stopped and NGINX's workers stay the same; NGINX's own words name the file; what
    was wished is done when it is mended.
    """
    daemon, load, before = host.daemon, host.load(RATE, "validator"), runs(host)
    workers = nginx_workers(host)
    others = host.stack.generated / "others.conf"
    others.write_text("upstream broken { this is no configuration; }\n", encoding="utf-8")
    try:
        host.bounds("validator", 1, 1)
        told = daemon.wait_for("nginx.test_failed")
        goes_on(load)
        assert "others.conf" in told.fields["output"]
        assert told.fields["consequence"] == "NGINX keeps what it serves; no member is stopped"
        assert nginx_workers(host) == workers
        assert runs(host) == before
    finally:
        others.unlink()
    host.wait_published("validator", 1)
    assert daemon.of("nginx.reloaded")[-1].fields["after"] == told.fields["reason"]
    none_failed(load)


def test_a_paused_nginx_loses_no_request_and_nobody_is_stopped_for_it(host: Host) -> None:
    """Requests wait in its socket; the log says `docker unpause`; then the shrink goes on."""
    daemon, load, before = host.daemon, host.load(RATE, "validator"), runs(host)
    goes_on(load)
    unreachable = len(daemon.of("nginx.unreachable"))
    nginx = host.stack.container(host.stack.nginx_name)
    nginx.pause()
    try:
        host.bounds("validator", 1, 1)
        told = daemon.wait_for("nginx.unreachable", count=unreachable + 1)
        assert f"docker unpause {host.stack.nginx_name}" in told.fields["reason"]
        until(lambda: host.status()["nginx"]["error"], "the status says so too")
        assert runs(host) == before
    finally:
        nginx.unpause()
    host.wait_published("validator", 1)
    none_failed(load)


def test_an_nginx_removed_and_made_anew_under_its_name_is_served_at_once(host: Host) -> None:
    """The new container has another id and address; meanwhile nobody is stopped, and the member
    that dies while there is no NGINX is not in the file it starts with.
    """
    daemon, load = host.daemon, host.load(RATE, "validator")
    goes_on(load)
    none_failed(load)
    stack = host.stack
    stack.container(stack.nginx_name).remove(force=True)
    gone = f"the NGINX container {stack.nginx_name} does not exist; create it"
    until(
        lambda: any(gone in e.fields["reason"] for e in daemon.of("nginx.unreachable")),
        "the log says that it is gone",
    )
    image = f"autoscaler-demo:{stack.project}"
    maker = ContainerMaker(stack.client, image, stack.network_name, stack._labels)
    folders = (stack.directory / "nginx", stack.generated)
    address = stack._address(ELSEWHERE)
    maker.create_nginx(stack.nginx_name, address, folders, from_host=False)
    stack.start(stack.nginx_name)

    host.wait_settled()
    host.wait_published("validator", 1, 2)
    assert not daemon.of("member.stopped", reason="surplus: wanted are 2")
    load = host.load(RATE, "validator")
    host.bounds("validator", 1, 1)
    host.wait_published("validator", 1)
    none_failed(load)


def test_an_nginx_that_mounts_the_single_file_is_told_and_nobody_is_stopped(
    make_host: MakeHost,
) -> None:
    """It never sees a renamed file, so no reload can be proven: the log says to mount the
    directory, and requests go on with what it has.
    """
    settings = {**BY_HAND, "min": "2"}
    host = make_host(
        role("validator", 2, running=2, settings=settings), settings={"NGINX__TIMEOUT": "1s"}
    )
    daemon = host.launch()
    file = host.stack.generated / "autoscaler.conf"
    until(lambda: file.exists() and "validator-2" in file.read_text("utf-8"), "the file is there")
    mount_single_file(host, file)
    host.stack.start(host.stack.nginx_name)
    host.wait_settled()
    load, before = host.load(RATE, "validator"), runs(host)

    host.bounds("validator", 1, 1)
    told = daemon.wait_for("nginx.reload_failed")
    assert "mounts the directory, not the single file" in told.fields["reason"]
    goes_on(load)
    assert runs(host) == before
    assert not daemon.of("member.stopped")
    none_failed(load)


def mount_single_file(host: Host, file: Path) -> None:
    """Make the NGINX container anew with the generated file mounted alone."""
    stack = host.stack
    old = stack.container(stack.nginx_name)
    settings = old.attrs["HostConfig"]
    old.remove(force=True)
    stack.client.containers.create(
        old.attrs["Config"]["Image"],
        old.attrs["Config"]["Cmd"],
        name=stack.nginx_name,
        labels=old.attrs["Config"]["Labels"],
        volumes={
            str(stack.directory / "nginx"): {"bind": "/etc/nginx", "mode": "ro"},
            str(file): {"bind": f"{GENERATED_DIRECTORY}/autoscaler.conf", "mode": "ro"},
        },
        environment=old.attrs["Config"]["Env"],
        ports={"80/tcp": ("127.0.0.1", int(settings["PortBindings"]["80/tcp"][0]["HostPort"]))},
        working_dir=old.attrs["Config"]["WorkingDir"],
        network=stack.network_name,
    )
