"""What the daemon's process costs over one life, and whether that stays flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

WARM_UP_SECONDS = 15.0
LIFE_SECONDS = 60.0
"""A shorter life says nothing about growth."""

RSS_MIB = 100.0
RSS_GROWTH_MIB = 6.0
DESCRIPTORS = 128
DESCRIPTORS_GROWTH = 8
THREADS = 64
THREADS_GROWTH = 4
HISTORY_MIB = 24.0


@dataclass(frozen=True, slots=True)
class Vitals:
    """One sample. `at` is monotonic seconds."""

    at: float
    rss_mib: float
    descriptors: int
    threads: int


def read_vitals(pid: int, at: float) -> Vitals | None:
    """Return a process's figures, None if it is gone."""
    try:
        folder = Path(f"/proc/{pid}")
        lines = (folder / "status").read_text(encoding="utf-8").splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        descriptors = len(list((folder / "fd").iterdir()))
        return Vitals(
            at, int(fields["VmRSS"].split()[0]) / 1024, descriptors, int(fields["Threads"])
        )
    except (OSError, KeyError):
        return None


def judge_life(samples: Sequence[Vitals]) -> list[str]:
    """Return a sentence for each figure of one life that is too high or grew.

    Growth is the median of the last quarter over that of the first, after the warm-up.
    """
    if not samples:
        return []
    peaks = (
        ("memory in MiB", max(s.rss_mib for s in samples), RSS_MIB),
        ("descriptors", max(s.descriptors for s in samples), DESCRIPTORS),
        ("threads", max(s.threads for s in samples), THREADS),
    )
    found = [f"{name}: {peak:.0f} is over {most}" for name, peak, most in peaks if peak > most]
    warm = [s for s in samples if s.at - samples[0].at >= WARM_UP_SECONDS]
    if not warm or warm[-1].at - warm[0].at < LIFE_SECONDS:
        return found
    quarter = len(warm) // 4
    first, last = warm[:quarter], warm[-quarter:]
    growths = (
        ("memory in MiB", _growth([s.rss_mib for s in first], [s.rss_mib for s in last]),
         RSS_GROWTH_MIB),
        ("descriptors", _growth([s.descriptors for s in first], [s.descriptors for s in last]),
         DESCRIPTORS_GROWTH),
        ("threads", _growth([s.threads for s in first], [s.threads for s in last]),
         THREADS_GROWTH),
    )  # fmt: skip
    return found + [
        f"{name}: grew by {growth:.1f}, more than {most}"
        for name, growth, most in growths
        if growth > most
    ]


def _growth(first: Sequence[float], last: Sequence[float]) -> float:
    return median(last) - median(first)


def history_mib(directory: Path) -> float:
    """Return the size of the history file with what SQLite keeps beside it."""
    return sum(path.stat().st_size for path in directory.glob("history.db*")) / 1024 / 1024
