"""The benchmark's verdicts: what holds, what does not, and how it is shown."""

from __future__ import annotations

import json

from tests.bench.rows import Limit, Row, document, table
from tests.bench.timing import Pair


def test_a_ratio_at_its_limit_holds() -> None:
    """A row limited by its ratio holds up to exactly that ratio, whatever its figure is."""
    assert Row("a", "", "ms", 300.0, 100.0, Limit(3.0, "ratio")).holds
    assert not Row("a", "", "ms", 300.1, 100.0, Limit(3.0, "ratio")).holds


def test_a_figure_is_judged_by_itself() -> None:
    """A row limited by its figure does not look at the floor."""
    assert Row("a", "", "us", 25.0, 1.0, Limit(25.0, "figure")).holds
    assert not Row("a", "", "us", 25.1, 1.0, Limit(25.0, "figure")).holds


def test_the_judged_figure_replaces_the_one_shown() -> None:
    """A row that shows one figure and is limited on another is judged by the other."""
    assert Row("a", "", "s", 5.0, 4.8, Limit(0.5, "figure"), judged=0.2).holds
    assert not Row("a", "", "s", 5.0, 4.8, Limit(0.5, "figure"), judged=0.6).holds


def test_a_ratio_without_a_floor_does_not_hold() -> None:
    """What could not be compared is not within its limit."""
    assert not Row("a", "", "ms", 1.0, None, Limit(3.0, "ratio")).holds


def test_a_row_without_limit_is_only_reported() -> None:
    """A row without a limit holds and has no verdict."""
    row = Row("publish_ms", "", "ms", 100.0, 50.0)
    assert row.holds
    assert row.cells() == ("publish_ms", "100 ms", "50 ms", "2 x", "report", "")


def test_the_table_names_what_is_too_much() -> None:
    """A row over its limit says so in the table, in line with the others."""
    rows = [
        Row("short", "", "ms", 4.0, 1.0, Limit(3.0, "ratio")),
        Row("much_longer", "", "us", 6.25, limit=Limit(25.0, "figure")),
    ]
    assert table(rows).splitlines() == [
        "key             ours  floor  ratio  at most",
        "short           4 ms   1 ms    4 x      3 x  TOO MUCH",
        "much_longer  6.25 us                  25 us  ok",
    ]


def test_a_pair_is_judged_by_its_medians() -> None:
    """One slow round of either side changes nothing."""
    row = Pair([0.002, 9.0, 0.002], [0.001, 0.001, 7.0]).row("a", "", 3.0)
    assert (row.ours, row.floor, row.ratio) == (2.0, 1.0, 2.0)


def test_the_document_holds_limit_verdict_and_raw_times() -> None:
    """JSON has everything that the table has, and the raw times."""
    text = document([Pair([0.004], [0.001]).row("a", "work", 3.0)], {"cpus": 2})
    read = json.loads(text)
    assert read["machine"] == {"cpus": 2}
    row = read["rows"]["a"]
    assert (row["judged"], row["at_most"], row["of"], row["holds"]) == (4.0, 3.0, "ratio", False)
    assert (row["ours_ms"], row["floor_ms"]) == ([4.0], [1.0])
