"""Figures and how they are shown."""

import pytest

from benchmarks.support.figures import (
    Figure,
    cells,
    long_table,
    markdown_table,
    median,
    number_text,
    percentile,
    wide_table,
)


def test_a_figure_beside_its_floor_has_a_ratio_and_a_verdict() -> None:
    figure = Figure(what="CPU", value=0.3, unit="ms", beside="bare loop", beside_value=0.1, at_most=0.25)
    assert cells(figure) == ("CPU", "0.300 ms", "bare loop: 0.100 ms", "3.00", "≤ 0.250 ms", "no")


def test_what_was_not_measured_is_a_dash_and_has_no_verdict() -> None:
    figure = Figure(what="pace", value=None, unit="s", at_least=1, note="no rows left")
    assert cells(figure) == ("pace", "– (no rows left)", "", "", "≥ 1 s", "")


def test_zero_failures_are_at_most_zero() -> None:
    assert Figure(what="failed", value=0, at_most=0).reached is True
    assert Figure(what="failed", value=0, beside="loop", beside_value=0).ratio is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1_234.6, "1,235"), (42.25, "42.2"), (1.0243, "1.024"), (0.0712, "0.071"), (250, "250")],
)
def test_numbers_have_about_three_digits(value: float, text: str) -> None:
    assert number_text(value) == text


def test_percentiles_are_values_that_were_seen() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert percentile([7.0], 0.99) == 7
    assert median([3, 1, 2, 9]) == 2


def test_a_long_table_leaves_out_empty_columns() -> None:
    header, rows = long_table([Figure(what="a", value=1), Figure(what="b", value=2, at_most=3)])
    assert header == ["what", "evalmill", "to reach", "reached"]
    assert rows == [["a", "1", "", ""], ["b", "2", "≤ 3", "yes"]]


def test_a_wide_table_has_a_row_per_name_and_a_column_per_unit() -> None:
    header, rows = wide_table(
        [
            Figure(what="evalmill", value=400, unit="jobs/s"),
            Figure(what="evalmill", value=1, unit="ms"),
            Figure(what="other", value=100, unit="jobs/s", beside="evalmill", beside_value=400),
            Figure(what="third", value=None, note="not installed"),
        ]
    )
    assert header == ["tool", "jobs/s", "ms"]
    assert rows == [["evalmill", "400", "1"], ["other", "100 (× 0.25)", "–"], ["third (not installed)", "–", "–"]]


def test_bars_in_cells_do_not_end_them() -> None:
    assert markdown_table(["a"], [["b|c"]]) == "| a |\n|---|\n| b\\|c |"
