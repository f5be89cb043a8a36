"""The commands and the pid file with which an NGINX on the host is reached."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from autoscaler.actuation.nginx_host import HostCommands, HostNginx
from autoscaler.actuation.workers import title_of
from autoscaler.errors import NginxError, NginxTestFailedError, NginxUnreachableError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.actuation.conftest import HostRig

NOBODY = pytest.param(str(2**22 - 1), id="of nobody")
NO_NGINX = pytest.param(str(os.getpid()), id="of another program")


def test_a_command_that_hangs_is_killed_with_all_it_started(host_rig: HostRig) -> None:
    """The test of a configuration may wait for a name server for ever."""
    note = host_rig.prefix / "grandchild"
    script = f"sleep 60 & echo $! > {note}; sleep 61"
    commands = HostCommands(("sh", "-c", script), ("true",), 0.5)
    reach = HostNginx(commands, host_rig.prefix / "pid", ("127.0.0.1", 1))
    begun = time.monotonic()
    with pytest.raises(NginxError, match=r"did not end within 0\.5 s"):
        reach.test()
    assert time.monotonic() - begun < 3
    host_rig.until(lambda: title_of(int(note.read_text())) == b"")


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_command_that_may_not_be_killed_holds_nobody_up(
    host_rig: HostRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that sudo made root's: the kernel refuses the signal, and it is not waited for."""

    def refused(_group: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "killpg", refused)
    note = host_rig.prefix / "child"
    commands = HostCommands(("sh", "-c", f"echo $$ > {note}; exec sleep 61"), ("true",), 0.5)
    reach = HostNginx(commands, host_rig.prefix / "pid", ("127.0.0.1", 1))
    begun = time.monotonic()
    with pytest.raises(NginxError, match="could not be killed: it still runs"):
        reach.test()
    assert time.monotonic() - begun < 30
    os.kill(int(note.read_text()), signal.SIGKILL)


def test_a_command_that_does_not_exist_is_named(host_rig: HostRig) -> None:
    """With its setting and what is allowed. Nothing was tested, and that is no refusal of NGINX."""
    commands = HostCommands(("/nowhere/nginx", "-t"), ("true",), 1.0)
    words = (
        r"'/nowhere/nginx -t' \(AUTOSCALER_NGINX__TEST_COMMAND\) cannot be run: No such file or "
        r"directory; it must begin with a program by its path, or one that PATH finds"
    )
    with pytest.raises(NginxError, match=words) as failed:
        HostNginx(commands, host_rig.prefix / "pid", ("127.0.0.1", 1)).test()
    assert not isinstance(failed.value, NginxTestFailedError)


@pytest.mark.parametrize("code", [126, 127])
def test_a_test_that_was_not_run_is_no_refusal_of_nginx(host_rig: HostRig, code: int) -> None:
    """A wrapper's words and code are passed on, so that the reason can be found."""
    script = f"echo permission to ask is missing; exit {code}"
    reach = HostNginx(
        HostCommands(("sh", "-c", script), ("true",), 5.0), host_rig.prefix / "pid", ("::1", 1)
    )
    words = f"could not be tested: .* ended with {code}: permission to ask is missing"
    with pytest.raises(NginxError, match=words) as failed:
        reach.test()
    assert not isinstance(failed.value, NginxTestFailedError)


@pytest.mark.parametrize("content", [NOBODY, NO_NGINX])
def test_a_stale_pid_file_is_no_nginx(host_rig: HostRig, content: str) -> None:
    """The number may belong to nobody or to another process by now."""
    (host_rig.prefix / "pid").write_text(content)
    with pytest.raises(NginxUnreachableError, match="is no NGINX master"):
        host_rig.reach().workers()


@pytest.mark.parametrize("content", [NOBODY, NO_NGINX, "", None])
def test_nobody_is_told_to_reload_by_a_pid_file_that_names_no_nginx(
    tmp_path: Path, content: str | None
) -> None:
    """`nginx -s reload` would send its signal to whatever process has that number now."""
    if content is not None:
        (tmp_path / "pid").write_text(content)
    told = tmp_path / "told"
    commands = HostCommands(("true",), ("touch", str(told)), 5.0)
    with pytest.raises(NginxUnreachableError, match="NGINX does not run"):
        HostNginx(commands, tmp_path / "pid", ("127.0.0.1", 1)).reload()
    assert not told.exists()


def test_a_pid_file_of_nonsense_is_explained(host_rig: HostRig) -> None:
    """It names the file and what must be in it."""
    (host_rig.prefix / "pid").write_text("x")
    with pytest.raises(NginxError, match=r"pid file .* must hold the master's pid"):
        host_rig.reach().workers()
