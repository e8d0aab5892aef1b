"""Distributions on the pages: bars that are the summary's counts, words, tables, and pages without them."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.report.pages import render_pages
from pipeline.report.shapes import Shape, score_shape, time_shapes, token_shapes
from pipeline.report.view import RunView
from pipeline.stats.summary import SummaryBuilder
from tests.support.report import make_cell, make_grid_view, make_summary, make_view
from tests.support.stats import plain_metric, result, results_batch, score, scores_batch

Rows = list[dict[str, Any]]


def built(rows: Rows, values: list[float | None], *, graded: bool = True, **metric: Any) -> dict[str, Any]:
    found = plain_metric("mark", not graded, **metric)
    builder = SummaryBuilder("e", "r", simulated=True, metrics=[found], gates=[], budget_usd=None)
    marks = [
        score(row, value, "mark", passed=None if graded else value == 1)
        for row, value in zip(rows, values, strict=True)
    ]
    builder.add_pair(results_batch(rows), scores_batch(marks))
    return builder.finish()


def rows_of(count: int, model: str = "m", **columns: Any) -> Rows:
    rng = random.Random(count)
    return [
        result(str(n), model, input_tokens=100 + n % 7, output_tokens=int(rng.expovariate(0.01)) + 1, **columns)
        for n in range(count)
    ]


def bars(shape: Shape) -> list[dict[str, Any]]:
    assert shape.chart is not None
    assert json.loads(json.dumps(shape.chart.spec, allow_nan=False)) == shape.chart.spec
    return [
        row
        for layer in shape.chart.spec["layer"]
        for row in layer["data"]["values"]
        if "bottom" in row and "answers" in row
    ]


def page(summary: dict[str, Any], folder: Path) -> dict[str, str]:
    view: RunView = replace(make_view(), summary=summary, samples=(), total_jobs=summary["jobs"]["total"])
    return {path.name: path.read_text(encoding="utf-8") for path in render_pages(view, folder)}


def test_bars_are_the_counts_of_the_summary() -> None:
    summary = built(rows_of(300), [0.5] * 300)
    _, output = token_shapes(summary)
    counts = summary["cells"][0]["distributions"]["output_tokens"]["counts"]
    drawn = bars(output)
    assert [int(row["answers"].partition(" ")[0]) for row in drawn] == [count for count in counts if count]
    assert min(row["top"] for row in drawn) > 0
    assert {row["bottom"] for row in drawn} == {1}


def test_a_cell_has_its_own_row_in_the_order_of_the_summary() -> None:
    summary = built([*rows_of(50, "a"), *rows_of(40, "b")], [0.5] * 90)
    shape = token_shapes(summary)[0]
    assert {row["cell"]: row["bottom"] for row in bars(shape)} == {"a · p": 1, "b · p": 2}
    assert shape.chart is not None
    assert "2 cells" in shape.chart.alternative
    assert "Medians lie between" in shape.chart.alternative


def test_the_table_has_every_bin_and_the_unknown_answers() -> None:
    summary = built([*rows_of(30), result("x")], [0.5] * 31)
    quantiles, bins = token_shapes(summary)[1].grids
    assert [entry.text for entry in quantiles.rows[0][:3]] == ["m · p", "30", "1"]
    assert [row[1].text for row in bins.rows][-1] == "1"
    assert sum(int(row[1].text) for row in bins.rows) == 31
    names = [row[0].text for row in bins.rows]
    assert len(set(names)) == len(names)


def test_times_are_drawn_in_seconds_on_an_axis_that_says_when_it_is_logarithmic() -> None:
    rows = [result(str(n), latency_ms=1.5**n) for n in range(1, 30)]
    (shape,) = time_shapes(built(rows, [0.5] * 29))
    assert shape.chart is not None
    x = shape.chart.spec["layer"][1]["encoding"]["x"]
    assert x["title"] == "latency in seconds (log scale)"
    assert x["scale"]["type"] == "log"
    assert x["scale"]["domain"][0] <= 0.0015
    assert x["scale"]["domain"][1] >= 1.5**29 / 1000


def test_a_zero_on_a_logarithmic_axis_has_a_place() -> None:
    rows = [result(str(n), output_tokens=0 if n < 3 else 10 ** (n % 6)) for n in range(60)]
    (shape,) = token_shapes(built(rows, [0.5] * 60))
    assert min(row["low"] for row in bars(shape)) > 0
    assert shape.grids[1].rows[0][0].text == "0"


def test_few_answers_make_a_table_and_no_picture() -> None:
    shape = token_shapes(built(rows_of(3), [0.5] * 3))[0]
    assert shape.chart is None
    assert len(shape.grids) == 2


def test_scores_that_are_all_alike_are_not_drawn() -> None:
    assert score_shape(built(rows_of(20), [0.75] * 20), "mark") is None


def test_marks_of_a_judge_have_a_bar_each_named_by_the_mark() -> None:
    summary = built(rows_of(20), [float(n % 5 + 1) for n in range(20)])
    shape = score_shape(summary, "mark")
    assert shape is not None
    assert [row["value"] for row in bars(shape)] == ["1", "2", "3", "4", "5"]
    assert {row["answers"].partition("(")[0].strip() for row in bars(shape)} == {"4"}


def test_shares_are_named_in_percent() -> None:
    rng = random.Random(2)
    shape = score_shape(built(rows_of(200), [rng.random() for _ in range(200)], scale="share"), "mark")
    assert shape is not None
    assert all(row["value"].endswith("%") for row in bars(shape))


def test_repeats_show_how_many_answers_of_a_row_pass() -> None:
    rows = [result(str(n), repeat=repeat) for n in range(12) for repeat in range(3)]
    shape = score_shape(built(rows, [float(n % 3 >= k) for n in range(12) for k in range(3)], graded=False), "mark")
    assert shape is not None
    assert [row[0].text for row in shape.grids[0].rows] == ["0 of 3", "1 of 3", "2 of 3", "3 of 3", "unknown"]
    assert [row[1].text for row in shape.grids[0].rows] == ["0", "4", "4", "4", "0"]
    assert shape.chart is not None
    assert "all 3 times" in shape.chart.alternative


def test_a_pass_fail_metric_without_repeats_has_no_distribution() -> None:
    assert score_shape(built(rows_of(20), [1.0, 0.0] * 10, graded=False), "mark") is None


def test_an_older_summary_has_its_percentiles_and_no_distributions(tmp_path: Path) -> None:
    older = make_view().summary
    assert token_shapes(older) == time_shapes(older) == []
    pages = {path.name: path.read_text(encoding="utf-8") for path in render_pages(make_view(), tmp_path)}
    assert 'id="plot-latency"' in pages["cost.html"]
    assert 'id="lengths"' not in pages["cost.html"]


def test_pages_show_distributions_with_their_numbers(tmp_path: Path) -> None:
    pages = {path.name: path.read_text(encoding="utf-8") for path in render_pages(make_grid_view(), tmp_path)}
    for name in ("input_tokens", "output_tokens", "latency_ms"):
        assert f'id="plot-{name}"' in pages["cost.html"]
    assert 'id="plot-latency"' not in pages["cost.html"]
    assert "Passes of each row" in pages["quality.html"]
    assert "Scores of single answers" in pages["quality.html"]


@pytest.mark.parametrize(
    "summary",
    [
        make_summary([make_cell("m", "p", None, n=0)], []),
        built([result("a", input_tokens=3, output_tokens=1, latency_ms=4.0)], [0.5]),
        built([result("a"), result("b")], [None, None]),
        built(
            [result("a", output_tokens=0, latency_ms=0.0)] + [result(str(n), output_tokens=0) for n in range(9)],
            [0.0] * 10,
        ),
    ],
)
def test_pages_of_few_or_unknown_answers_are_whole(summary: dict[str, Any], tmp_path: Path) -> None:
    found = page({**make_view().summary, **summary}, tmp_path)
    assert all(text.rstrip().endswith("</html>") for text in found.values())


def test_very_many_cells_have_their_quantiles_and_no_picture() -> None:
    rows = [row for number in range(61) for row in rows_of(6, f"m{number:02d}")]
    shape = token_shapes(built(rows, [0.5] * len(rows)))[0]
    assert shape.chart is None
    assert [len(grid.rows) for grid in shape.grids] == [61]
