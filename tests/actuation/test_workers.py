"""Finding NGINX's workers in /proc; the real ones are looked at in the tests of both reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.actuation.workers import Worker, is_master, workers_under
from autoscaler.errors import NginxError

if TYPE_CHECKING:
    from pathlib import Path

MASTER = "nginx: master process /nginx"
SERVING = "nginx: worker process"
LEAVING = "nginx: worker process is shutting down"


def process(proc: Path, pid: int, parent: int, title: str, command: str = "nginx") -> None:
    """Write a process into a /proc of the test; its start is at tick 100 + pid."""
    folder = proc / str(pid)
    folder.mkdir()
    (folder / "cmdline").write_bytes(title.encode() + b"\0" * 3)
    fields = ["S", str(parent), *["0"] * 17, str(100 + pid), "0"]
    (folder / "stat").write_text(f"{pid} ({command}) {' '.join(fields)}\n")


def test_workers_are_told_from_other_processes(tmp_path: Path) -> None:
    """Helpers of NGINX are none, and workers of another NGINX are not ours."""
    (tmp_path / "self").mkdir()
    process(tmp_path, 10, 1, MASTER)
    process(tmp_path, 11, 10, SERVING)
    process(tmp_path, 12, 10, LEAVING)
    process(tmp_path, 13, 10, "nginx: cache manager process")
    process(tmp_path, 20, 1, MASTER)
    process(tmp_path, 21, 20, SERVING)
    assert workers_under(10, tmp_path) == {Worker(11, 111), Worker(12, 112, shutting_down=True)}


def test_a_worker_that_has_no_title_yet_is_one(tmp_path: Path) -> None:
    """Just forked, it still has its master's; a reload now makes it an old one."""
    process(tmp_path, 10, 1, MASTER)
    process(tmp_path, 11, 10, MASTER)
    assert workers_under(10, tmp_path) == {Worker(11, 111)}


def test_the_master_of_an_upgraded_program_is_no_worker(tmp_path: Path) -> None:
    """It is a child of the old master, and its workers count."""
    process(tmp_path, 10, 1, MASTER)
    process(tmp_path, 11, 10, MASTER)
    process(tmp_path, 12, 11, SERVING)
    assert workers_under(10, tmp_path) == {Worker(12, 112)}


def test_a_name_with_brackets_and_blanks_does_not_shift_the_fields(tmp_path: Path) -> None:
    """A process may call itself anything."""
    process(tmp_path, 10, 1, MASTER)
    process(tmp_path, 11, 10, SERVING, "a) S 99 (b")
    assert workers_under(10, tmp_path) == {Worker(11, 111)}


def test_a_process_that_ends_during_the_look_is_passed_over(tmp_path: Path) -> None:
    """Its folder is there, its files are not."""
    process(tmp_path, 10, 1, MASTER)
    (tmp_path / "11").mkdir()
    assert workers_under(10, tmp_path) == frozenset()


def test_a_hidden_master_is_an_error_and_not_an_nginx_without_workers(tmp_path: Path) -> None:
    """Else a drain would take a hidden /proc for "no old worker is left"."""
    process(tmp_path, 11, 10, SERVING)
    with pytest.raises(NginxError, match=r"process 10 cannot be seen .* hidepid"):
        workers_under(10, tmp_path)


def test_only_a_master_is_a_master(tmp_path: Path) -> None:
    """A pid may belong to somebody else by now, or to nobody."""
    process(tmp_path, 10, 1, MASTER)
    process(tmp_path, 11, 10, SERVING)
    assert [is_master(pid, tmp_path) for pid in (10, 11, 12)] == [True, False, False]
