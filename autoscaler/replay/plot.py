"""Draws CPU, thresholds and counts of both sets of rules; needs the extra `plot`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autoscaler.errors import AutoscalerError, SettingsError
from autoscaler.replay.simulation import Outcome

FORMATS = (".png", ".svg")

_COLOURS = ("tab:blue", "tab:orange")
_LABELS = ("in force", "changed")
_INCHES = (12.0, 4.5)
_WIDTHS = (2.6, 1.0)
"""Those in force are drawn broad and pale below the changed ones: seen also where both agree."""
_OPACITIES = (0.45, 1.0)
_DASHES = ("--", ":")
_BESIDE = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "fontsize": "small"}


def check_plot(path: Path) -> None:
    """Make sure, before any work, that a picture can be drawn there.

    Raises SettingsError if the name cannot be used, AutoscalerError if the library is missing.
    """
    if path.suffix.lower() not in FORMATS:
        raise SettingsError(
            [f"--plot {path}: allowed are names that end in {' or '.join(FORMATS)}"]
        )
    if not path.absolute().parent.is_dir():
        raise SettingsError([f"--plot {path}: there is no directory {path.absolute().parent}"])
    _library()


def draw(path: Path, roles: Mapping[str, Outcome]) -> None:
    """Write the picture: for each role CPU with both thresholds, below it the counts."""
    drawn = {role: outcome for role, outcome in roles.items() if outcome.curve.buckets}
    if not drawn:
        raise AutoscalerError("there is nothing to draw: no readings")
    figure_type, dates = _library()
    figure = figure_type(figsize=(_INCHES[0], _INCHES[1] * len(drawn)), layout="constrained")
    axes = figure.subplots(
        2 * len(drawn), 1, sharex=True, squeeze=False, height_ratios=[3, 1] * len(drawn)
    )
    for number, (role, outcome) in enumerate(drawn.items()):
        _draw_role(role, outcome, axes[2 * number][0], axes[2 * number + 1][0])
    axes[-1][0].xaxis.set_major_formatter(dates.ConciseDateFormatter(dates.AutoDateLocator()))
    axes[-1][0].set_xlabel("UTC")
    try:
        figure.savefig(path, format=path.suffix[1:].lower(), dpi=100)
    except OSError as error:
        raise AutoscalerError(f"cannot write {path}: {error.strerror}") from error


def _draw_role(role: str, outcome: Outcome, cpu: Any, counts: Any) -> None:  # noqa: ANN401 - the library's axes
    buckets = outcome.curve.buckets
    times = [datetime.fromtimestamp(bucket.wall, UTC) for bucket in buckets]
    for number, policy in enumerate(outcome.policies):
        look = {
            "color": _COLOURS[number],
            "linewidth": _WIDTHS[number],
            "alpha": _OPACITIES[number],
        }
        label, dashes = _LABELS[number], _DASHES[number]
        means = [bucket.means[number] for bucket in buckets]
        values = [float("nan") if mean is None else mean for mean in means]
        cpu.plot(times, values, label=f"mean CPU, {label}", **look)
        high, low = policy.cpu_high, policy.cpu_low
        cpu.axhline(high, linestyle=dashes, label=f"{low:g} and {high:g} %, {label}", **look)
        cpu.axhline(low, linestyle=dashes, **look)
        steps = [bucket.counts[number] for bucket in buckets]
        counts.step(times, steps, where="post", label=label, **look)
    cpu.set_title(f"{role}: CPU in percent of what is allowed, and members")
    _, top = cpu.get_ylim()
    cpu.set_ylim(0, max(100.0, top))
    cpu.legend(**_BESIDE)
    counts.set_ylim(0, max(max(bucket.counts) for bucket in buckets) + 0.5)
    counts.set_ylabel("members")
    counts.yaxis.get_major_locator().set_params(integer=True)
    counts.legend(**_BESIDE)


def _library() -> tuple[Any, Any]:
    """Return the types of matplotlib that are used. Raises AutoscalerError saying what to do."""
    try:
        from matplotlib import dates  # noqa: PLC0415 - optional, and slow to import
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise AutoscalerError(
            "--plot needs matplotlib, which is not installed: run "
            "`/opt/autoscaler/bin/pip install matplotlib` (or `pip install 'autoscaler[plot]'` in "
            "the environment the command runs in)"
        ) from error
    return Figure, dates
