"""The generated file and its directory: read-only, removed, edited, taken by somebody else."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import BY_HAND, role
from tests.e2e.waiting import until
from tests.faults.counts import has, nothing_failed, runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.conftest import MakeHost
    from tests.e2e.harness import Host

pytestmark = pytest.mark.engine

RATE = 80.0
NOT_OURS = "# written by hand\n"


@pytest.fixture(scope="module")
def shared(make_shared_host: MakeHost) -> Host:
    """A host under load."""
    host = make_shared_host(role("validator", 2, running=2, settings={**BY_HAND, "min": "2"}))
    host.start()
    host.load(RATE, "validator")
    return host


@pytest.fixture
def host(shared: Host) -> Iterator[Host]:
    """The host with two members in service; no request fails, whatever is done to it."""
    has(shared, 2)
    yield shared
    nothing_failed(shared.loads[0])


@pytest.fixture
def file(host: Host) -> Path:
    """The generated file."""
    return host.stack.generated / "autoscaler.conf"


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody on this host write into a folder."""
    for words in (("--bind", folder, folder), ("-o", "remount,ro,bind", folder)):
        subprocess.run(["mount", *words], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_read_only_directory_stops_nobody_and_is_written_when_it_can_be(host: Host) -> None:
    """The log names the file and what the directory must be."""
    daemon, before = host.daemon, runs(host)
    with read_only(host.stack.generated):
        host.bounds("validator", 1, 1)
        told = daemon.wait_for("nginx.reload_failed")
        assert "Read-only file system" in told.fields["reason"]
        assert "belong to the daemon's user and have space" in told.fields["reason"]
        assert runs(host) == before
    host.wait_published("validator", 1)


def test_a_removed_file_is_written_again(host: Host, file: Path) -> None:
    """Before NGINX's next start needs it, with the same content; and it is told."""
    text = file.read_text(encoding="utf-8")
    file.unlink()
    told = host.daemon.wait_for("nginx.file_changed")
    until(lambda: file.exists() and file.read_text(encoding="utf-8") == text, "it is back")
    host.wait_settled()
    assert "changed or removed by somebody else" in told.fields["reason"]
    assert runs(host).keys() == set(host.stack.members("validator"))


def test_an_edit_by_hand_that_nginx_has_taken_is_undone(host: Host, file: Path) -> None:
    """Somebody takes a member out and reloads NGINX: it gets requests again."""
    text = file.read_text(encoding="utf-8")
    second = host.name("validator", 2)
    count = len(host.daemon.of("nginx.file_changed"))
    kept = [line for line in text.splitlines(keepends=True) if second not in line]
    file.write_text("".join(kept), encoding="utf-8")
    host.stack.container(host.stack.nginx_name).kill("HUP")
    host.daemon.wait_for("nginx.file_changed", count=count + 1)
    until(lambda: file.read_text(encoding="utf-8") == text, "the edit is undone")
    host.wait_settled()
    served = host.loads[0].report().nodes[second]
    until(lambda: host.loads[0].report().nodes[second] > served, "the member gets requests")


def test_somebody_elses_file_in_its_place_is_never_overwritten(host: Host, file: Path) -> None:
    """NGINX goes on with what it has, nobody is stopped, and the log says to move it away."""
    daemon, before = host.daemon, runs(host)
    count = len(daemon.of("nginx.reload_failed"))
    file.write_text(NOT_OURS, encoding="utf-8")
    told = daemon.wait_for("nginx.reload_failed", count=count + 1)
    assert "was not written by this program" in told.fields["reason"]
    assert "move it away" in told.fields["reason"]
    host.bounds("validator", 1, 1)
    until(lambda: host.role("validator")["desired"] == 1, "fewer are wanted")
    assert file.read_text(encoding="utf-8") == NOT_OURS
    assert runs(host) == before
    file.unlink()
    host.wait_published("validator", 1)
