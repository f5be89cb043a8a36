"""Where counters are found and how they are read: trees as v1 and v2 hosts show them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from autoscaler.model import ContainerState, Health, Member, NoReading
from autoscaler.sampling.cgroup import CgroupSource, field
from autoscaler.sampling.cgroup_paths import Files, find_files, own_path, slice_path

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Protocol

    class Make(Protocol):
        """Writes a container's files with its CPU counter in the kernel's own unit."""

        def __call__(self, root: Path, group: str, counter: int = ..., /) -> None:
            """Write them."""


ID = "0123456789abcdef" * 4
NODE = replace(
    Member("validator", "node-1", 1, ID, ContainerState.RUNNING, Health.NONE, "t1", 9003), pid=42
)


def write(root: Path, files: dict[str, str]) -> None:
    """Write a tree of kernel files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")


def v1(root: Path, group: str, nanoseconds: int = 5_000_000_000) -> None:
    """Write a container's files as v1 shows them."""
    cpu, memory = f"cpuacct/{group}", f"memory/{group}"
    write(
        root,
        {
            f"{cpu}/cpuacct.usage": f"{nanoseconds}\n",
            f"{memory}/memory.usage_in_bytes": "600\n",
            f"{memory}/memory.limit_in_bytes": "1000\n",
            f"{memory}/memory.stat": "inactive_file 7\ntotal_inactive_file 100\n",
        },
    )


def v2(root: Path, group: str, microseconds: int = 5_000_000, limit: str = "1000") -> None:
    """Write a container's files as v2 shows them."""
    write(
        root,
        {
            "cgroup.controllers": "cpu memory\n",
            f"{group}/cpu.stat": f"usage_usec {microseconds}\nuser_usec 1\n",
            f"{group}/memory.current": "600\n",
            f"{group}/memory.max": f"{limit}\n",
            f"{group}/memory.stat": "anon 1\ninactive_file 100\n",
        },
    )


def source(root: Path) -> CgroupSource:
    """Return a source with windows of 15 s on a tree; its /proc is beside it."""
    return CgroupSource(15, 5, 2000, str(root), str(root / "proc"))


@pytest.mark.parametrize(
    ("parent", "group"),
    [
        ("", f"docker/{ID}"),
        ("", f"system.slice/docker-{ID}.scope"),
        ("/mine/sub", f"mine/sub/{ID}"),
        ("mine.slice", f"mine.slice/docker-{ID}.scope"),
        ("a-b.slice", f"a.slice/a-b.slice/docker-{ID}.scope"),
    ],
)
@pytest.mark.parametrize("make", [v1, v2])
def test_counters_are_found_with_both_drivers_and_a_parent_of_ones_own(
    tmp_path: Path, make: Make, parent: str, group: str
) -> None:
    """The cgroupfs driver puts the id below the parent, systemd a scope into a slice."""
    make(tmp_path, group)
    found = find_files(replace(NODE, cgroup_parent=parent), str(tmp_path), "/nonexistent")
    assert isinstance(found, Files)
    assert group in found.cpu
    assert group in found.memory_usage


@pytest.mark.parametrize(
    ("make", "lines"),
    [
        (v1, "3:cpuacct,cpu:/odd/place-{}/inner\n0::/elsewhere\n"),
        (v2, "1:name=systemd:/x\n0::/odd/place-{}/inner\n"),
    ],
)
def test_counters_in_an_unexpected_place_are_found_through_the_process(
    tmp_path: Path, make: Make, lines: str
) -> None:
    """Rootless and nested engines; a process further down counts for the container's group."""
    make(tmp_path, f"odd/place-{ID}")
    write(tmp_path, {"proc/42/cgroup": lines.format(ID)})
    found = find_files(NODE, str(tmp_path), str(tmp_path / "proc"))
    assert isinstance(found, Files)
    assert f"/odd/place-{ID}/c" in found.cpu


def test_a_process_that_got_the_pid_of_a_dead_member_is_not_taken_for_it() -> None:
    """Its path does not hold the container's id."""
    assert list(own_path("0::/docker/ffff\n", ID, "")) == []


def test_a_path_outside_of_this_namespace_is_not_followed() -> None:
    """A daemon in a container sees paths that climb out of its own root."""
    assert list(own_path(f"0::/../../docker/{ID}\n", ID, "")) == []


def test_a_slice_lies_in_the_slices_its_name_tells() -> None:
    """It nests by dashes."""
    assert slice_path("a-b-c.slice") == "a.slice/a-b.slice/a-b-c.slice"


@pytest.mark.parametrize("make", [v1, v2])
def test_cpu_is_percent_of_the_allowed_and_memory_without_cache(tmp_path: Path, make: Make) -> None:
    """From 5 s to 12.5 s of CPU time in 15 s: 50 % of one CPU; (600 - 100) of 1000 bytes."""
    make(tmp_path, f"docker/{ID}")
    one = source(tmp_path)
    first = one.sample([NODE], lambda: 100.0)["node-1"]
    later = 12_500_000 * (1000 if make is v1 else 1)
    make(tmp_path, f"docker/{ID}", later)
    second = one.sample([NODE], lambda: 115.0)["node-1"]
    assert (first.cpu_percent, first.reason) == (None, NoReading.FIRST_SIGHT)
    assert second.cpu_percent == pytest.approx(50)
    assert second.memory_percent == pytest.approx(50)


@pytest.mark.parametrize("limit", ["max", "9223372036854771712"])
def test_without_a_limit_memory_is_percent_of_the_hosts(tmp_path: Path, limit: str) -> None:
    """Both ways a kernel writes "no limit"."""
    v2(tmp_path, f"docker/{ID}", limit=limit)
    assert source(tmp_path).sample([NODE], lambda: 0.0)["node-1"].memory_percent == 25.0


def test_where_the_hosts_memory_is_unknown_a_limit_still_counts(tmp_path: Path) -> None:
    """The engine did not tell it: (600 - 100) of the limit of 1000 bytes."""
    v2(tmp_path, f"docker/{ID}")
    one = CgroupSource(15, 5, 0, str(tmp_path), str(tmp_path / "proc"))
    assert one.sample([NODE], lambda: 0.0)["node-1"].memory_percent == 50.0


def test_memory_of_a_container_that_may_use_none_is_unknown(tmp_path: Path) -> None:
    """A limit of 0 bytes: no percentage, and the CPU is read all the same."""
    v2(tmp_path, f"docker/{ID}", limit="0")
    reading = source(tmp_path).sample([NODE], lambda: 0.0)["node-1"]
    assert (reading.memory_percent, reading.reason) == (None, NoReading.FIRST_SIGHT)


@pytest.mark.parametrize("text", ["", "\n", "max\n", "usage_usec\n", "user_usec 5\n"])
def test_a_counter_that_cannot_be_read_is_a_failure_not_zero(tmp_path: Path, text: str) -> None:
    """An empty file in the middle of a removal, or a kernel that writes something else."""
    v2(tmp_path, f"docker/{ID}")
    (tmp_path / f"docker/{ID}/cpu.stat").write_text(text, encoding="ascii")
    reading = source(tmp_path).sample([NODE], lambda: 0.0)["node-1"]
    assert (reading.cpu_percent, reading.reason) == (None, NoReading.SOURCE_FAILED)


def test_a_member_of_another_host_has_no_counter_and_the_detail_says_where_it_was_sought(
    tmp_path: Path,
) -> None:
    """The next source then serves its role."""
    v2(tmp_path, "docker/other")
    reading = source(tmp_path).sample([NODE], lambda: 0.0)["node-1"]
    assert reading.reason is NoReading.NO_COUNTER
    assert str(tmp_path) in reading.detail


def test_counters_that_moved_are_found_again(tmp_path: Path) -> None:
    """The place is remembered for a run, but not for longer than it is there."""
    v2(tmp_path, f"docker/{ID}")
    one = source(tmp_path)
    one.sample([NODE], lambda: 0.0)
    (tmp_path / f"docker/{ID}/cpu.stat").unlink()
    v2(tmp_path, f"system.slice/docker-{ID}.scope", 20_000_000)
    assert one.sample([NODE], lambda: 15.0)["node-1"].cpu_percent == pytest.approx(100)


def test_a_field_is_found_by_its_whole_name() -> None:
    """`inactive_file` is not the end of `total_inactive_file`."""
    text = b"total_inactive_file 9\nactive_file 1\ninactive_file 5\n"
    assert (field(text, b"inactive_file"), field(text, b"total_inactive_file")) == (5, 9)


def test_a_tree_that_cannot_be_looked_at_is_told_and_fails_nothing_else() -> None:
    """So the next source serves: one that raised would leave all members without a reading."""
    root = "/" + 300 * "x"  # longer than any name may be; one that is forbidden fails alike
    assert find_files(NODE, root, "/proc") == (
        f"the cgroup files below {root} cannot be looked for: File name too long"
    )
