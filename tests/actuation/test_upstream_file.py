"""The file on disk: whole at every moment, and able to go back."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from autoscaler.actuation.upstream_file import UpstreamFile
from autoscaler.errors import NginxError

ONE = "# managed by autoscaler\none\n"
TWO = "# managed by autoscaler\ntwo\n"
THREE = "# managed by autoscaler\nthree\n"


def names(folder: Path) -> set[str]:
    """Return what lies in the directory."""
    return {path.name for path in folder.iterdir()}


def test_no_file_reads_as_none(tmp_path: Path) -> None:
    """The first start."""
    assert UpstreamFile(tmp_path).read() is None


def test_a_text_is_in_place_and_readable_for_nginx(tmp_path: Path) -> None:
    """Whatever the umask of the daemon is."""
    before = os.umask(0o077)
    try:
        UpstreamFile(tmp_path).replace(ONE)
    finally:
        os.umask(before)
    assert (tmp_path / "autoscaler.conf").read_text() == ONE
    assert (tmp_path / "autoscaler.conf").stat().st_mode & 0o777 == 0o644


def test_no_other_file_is_ever_included(tmp_path: Path) -> None:
    """The copies are dotfiles, which `*.conf` does not match."""
    UpstreamFile(tmp_path).replace(ONE)
    assert [path.name for path in tmp_path.glob("*.conf") if path.name[0] != "."] == [
        "autoscaler.conf"
    ]
    assert names(tmp_path) == {"autoscaler.conf", ".autoscaler.conf.previous"}


def test_a_text_is_on_the_disk_before_its_name_and_the_name_before_all_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut leaves the old or the new file, whole: the new text is synced while the old one
    is in place, the directory once the new one is.
    """
    file = UpstreamFile(tmp_path)
    file.replace(ONE)
    synced: list[tuple[str, str | None]] = []

    def note(descriptor: int) -> None:
        what = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        synced.append((what.removeprefix(f"{tmp_path}/"), file.read()))

    monkeypatch.setattr(os, "fsync", note)
    file.replace(TWO)
    assert synced == [(".autoscaler.conf.new", ONE), (str(tmp_path), TWO)]


def test_a_settled_file_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """The previous one is kept until the proof only."""
    file = UpstreamFile(tmp_path)
    file.replace(ONE)
    file.settle()
    assert names(tmp_path) == {"autoscaler.conf"}


def test_restoring_brings_back_every_byte(tmp_path: Path) -> None:
    """Also bytes that are no text."""
    data = ONE.encode() + b"\xff\x00\r\n"
    (tmp_path / "autoscaler.conf").write_bytes(data)
    file = UpstreamFile(tmp_path)
    file.replace(TWO)
    file.restore()
    assert (tmp_path / "autoscaler.conf").read_bytes() == data
    assert names(tmp_path) == {"autoscaler.conf"}


def test_restoring_removes_a_first_file(tmp_path: Path) -> None:
    """There was none before."""
    file = UpstreamFile(tmp_path)
    file.replace(ONE)
    file.restore()
    assert names(tmp_path) == set()


def test_restoring_without_a_change_does_nothing(tmp_path: Path) -> None:
    """The file in place may be the good one."""
    file = UpstreamFile(tmp_path)
    file.replace(ONE)
    file.settle()
    file.restore()
    assert file.read() == ONE


def test_a_second_change_before_the_proof_goes_back_to_the_proven_file(tmp_path: Path) -> None:
    """Also when the daemon was killed in between: the copy is on disk."""
    file = UpstreamFile(tmp_path)
    file.replace(ONE)
    file.settle()
    file.replace(TWO)
    again = UpstreamFile(tmp_path)
    again.replace(THREE)
    again.restore()
    assert again.read() == ONE


def test_a_reader_sees_the_old_or_the_new_file_whole(tmp_path: Path) -> None:
    """The file is replaced, never rewritten: who has it open keeps what it was."""
    file = UpstreamFile(tmp_path)
    file.replace(ONE)
    with (tmp_path / "autoscaler.conf").open() as open_file:
        file.replace(TWO)
        assert open_file.read() == ONE


def test_a_file_of_someone_else_is_refused(tmp_path: Path) -> None:
    """The message names the file and what to do."""
    (tmp_path / "autoscaler.conf").write_text("upstream mine {}\n")
    with pytest.raises(NginxError, match=r"autoscaler\.conf was not written by .* move it away"):
        UpstreamFile(tmp_path).read()


def test_a_directory_in_the_files_place_is_named(tmp_path: Path) -> None:
    """As an engine makes one for a bind mount of a file that is not there."""
    (tmp_path / "autoscaler.conf").mkdir()
    with pytest.raises(NginxError, match=r"autoscaler\.conf is a directory, .* remove it"):
        UpstreamFile(tmp_path).read()


def test_a_missing_directory_is_explained(tmp_path: Path) -> None:
    """The message names the file and what must exist."""
    with pytest.raises(NginxError, match=r"could not be written: No such file .* must exist"):
        UpstreamFile(tmp_path / "absent").replace(ONE)


def test_a_disk_that_takes_no_more_leaves_the_file_in_place(tmp_path: Path) -> None:
    """Nothing half written stays behind; a limit of the kernel stands in for the full disk."""
    file = UpstreamFile(tmp_path)
    file.replace(ONE)
    file.settle()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(ONE) + 5, hard))
    try:
        with pytest.raises(NginxError, match="could not be written: File too large"):
            file.replace(ONE + "#" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert file.read() == ONE
    assert ".autoscaler.conf.new" not in names(tmp_path)


def test_a_half_written_copy_of_a_killed_daemon_is_overwritten(tmp_path: Path) -> None:
    """It holds nothing that counts."""
    (tmp_path / ".autoscaler.conf.new").write_text("half")
    file = UpstreamFile(tmp_path)
    file.replace(ONE)
    assert file.read() == ONE
    assert ".autoscaler.conf.new" not in names(tmp_path)
