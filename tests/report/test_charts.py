"""Charts and tables show the figures of the summary, and what is unknown is left out."""

from __future__ import annotations

import json
from itertools import combinations

import pytest

from pipeline.report import charts, front_chart, labels, tables
from pipeline.report.spans import span
from tests.support.report import make_cell, make_comparison, make_grid_view, make_summary, make_view

SUMMARY = make_view().summary


def test_every_chart_is_plain_json_with_a_text_alternative() -> None:
    drawn = [
        charts.quality(SUMMARY, "number"),
        charts.stop_reasons(SUMMARY),
        front_chart.cost_against_quality(SUMMARY, "number"),
        charts.latency(SUMMARY),
    ]
    for chart in drawn:
        assert chart is not None
        assert json.loads(json.dumps(chart.spec, allow_nan=False)) == chart.spec
        assert "sonnet" in chart.alternative or "end_turn" in chart.alternative


def test_no_chart_loads_data_or_evaluates_text() -> None:
    told = json.dumps([charts.quality(SUMMARY, "number"), charts.latency(SUMMARY)], default=lambda chart: chart.spec)
    assert '"url"' not in told
    assert '"href"' not in told
    assert '"expr"' not in told
    assert '"signal"' not in told


def test_the_quality_chart_holds_mean_and_interval_of_each_cell_best_first() -> None:
    chart = charts.quality(SUMMARY, "number")
    assert chart is not None
    rows = chart.spec["data"]["values"]
    assert [row["mean"] for row in rows] == sorted(
        (cell["metrics"]["number"]["mean"] for cell in SUMMARY["cells"]), reverse=True
    )
    assert all(row["low"] < row["mean"] < row["high"] for row in rows)


def test_stop_shares_of_a_cell_add_up_to_one() -> None:
    chart = charts.stop_reasons(SUMMARY)
    assert chart is not None
    for name in {row["name"] for row in chart.spec["data"]["values"]}:
        assert sum(row["share"] for row in chart.spec["data"]["values"] if row["name"] == name) == pytest.approx(1)


def test_a_cell_of_unknown_cost_is_not_drawn_at_zero() -> None:
    cells = [make_cell("a", "p", 0.9), make_cell("b", "p", 0.8, cost_per_1k_jobs_usd=None)]
    chart = front_chart.cost_against_quality(make_summary(cells, []), "number")
    assert chart is not None
    assert [row["model"] for row in chart.spec["data"]["values"]] == ["a"]


def test_without_figures_there_is_no_chart() -> None:
    bare = make_cell("a", "p", None, stop_reasons={}, latency_ms={"p50": None, "p95": None, "p99": None})
    summary = make_summary([bare], [])
    assert charts.quality(summary, "number") is None
    assert charts.stop_reasons(summary) is None
    assert front_chart.cost_against_quality(summary, "number") is None
    assert charts.latency(summary) is None


def test_values_far_apart_get_a_logarithmic_axis() -> None:
    cells = [make_cell("a", "p", 0.9, cost_per_1k_jobs_usd="30"), make_cell("b", "p", 0.8, cost_per_1k_jobs_usd="0.4")]
    chart = front_chart.cost_against_quality(make_summary(cells, []), "number")
    assert chart is not None
    x = chart.spec["layer"][0]["encoding"]["x"]
    assert x["scale"]["type"] == "log"
    assert x["axis"]["values"] == [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]


@pytest.mark.parametrize("gap", [0.0, 0.03, 0.1, 0.5])
def test_names_of_neighbouring_points_do_not_cover_each_other(gap: float) -> None:
    points = [(0.4, 0.5), (0.4 + gap, 0.5)]
    names = ["한국어-모델", "sonnet"]
    sides = labels.place(points, names)
    boxes = [
        labels._box((x * 300, y * 260), name, side) for (x, y), name, side in zip(points, names, sides, strict=True)
    ]
    assert all(one.shared(other) == 0 for one, other in combinations(boxes, 2))


def test_a_cell_without_a_mean_is_ranked_last_and_shown_as_unknown() -> None:
    summary = make_summary([make_cell("a", "p", None), make_cell("b", "p", 0.5)], [])
    rows = tables.ranking(summary, "number")
    assert [row.model for row in rows] == ["b", "a"]
    assert (rows[1].mean, rows[1].interval, rows[1].whisker) == ("–", "–", None)


def test_marks_stay_on_their_line_and_in_order() -> None:
    for row in tables.ranking(SUMMARY, "number"):
        mark = row.whisker
        assert mark is not None
        assert mark.low is not None
        assert mark.high is not None
        assert 0 < mark.low < mark.mean < mark.high < tables.WHISKER_WIDTH


def test_a_comparison_reads_as_b_against_a() -> None:
    found = make_comparison(("sonnet", "steps"), ("haiku", "steps"), -0.1, ci95=[-0.14, -0.06])
    cells = [make_cell("sonnet", "steps", 0.9), make_cell("haiku", "steps", 0.8)]
    (row,) = tables.comparisons(make_summary(cells, [found]))
    assert (row.b, row.verdict, row.a) == ("haiku · steps", "worse", "sonnet · steps")
    assert (row.interval, row.gained, row.lost) == ("−14.0 to −6.0", "20", "8")


def test_token_totals_keep_unknown_apart_from_zero() -> None:
    totals = tables.token_totals(make_summary([make_cell("a", "p", 0.9), make_cell("b", "p", 0.9)], []))
    assert totals == {"input": 2000, "cache_read": None, "cache_write": None, "output": 1000, "thinking": None}


def test_grid_parameters_are_part_of_a_cells_name() -> None:
    summary = make_summary([make_cell("a", "p", 0.9, params='{"temperature":0.7}')], [])
    assert tables.has_params(summary)
    assert tables.ranking(summary, "number")[0].params == "temperature 0.7"


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([0.2, 0.9], True, (0.2, 0.9)),
        ([1.0, 1.0], True, (0.95, 1.0)),
        ([0.0], True, (0.0, 0.05)),
        ([0.0], False, (-1.0, 1.0)),
        ([200.0], False, (190.0, 210.0)),
    ],
)
def test_an_axis_never_collapses(values: list[float], share: bool, expected: tuple[float, float]) -> None:
    assert span(values, share=share) == pytest.approx(expected)


def test_cells_that_are_all_equal_have_room_in_chart_and_table() -> None:
    cells = [make_cell(name, "p", 1.0) for name in "ab"]
    for cell in cells:
        cell["metrics"]["number"] |= {"ci95": None}
    summary = make_summary(cells, [])
    chart = charts.quality(summary, "number")
    assert chart is not None
    scales = [layer["encoding"]["x"]["scale"]["domain"] for layer in chart.spec["layer"]]
    assert scales == [[0.95, 1.0]] * 2
    assert tables.whisker_ends(summary, "number") == ("90%", "100%")


def test_free_answers_have_a_cost_axis_too() -> None:
    cells = [make_cell(name, "p", 0.5, cost_per_1k_jobs_usd="0") for name in "ab"]
    chart = front_chart.cost_against_quality(make_summary(cells, []), "number")
    assert chart is not None
    assert chart.spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 1]


def test_more_series_than_colours_are_named_one_by_one() -> None:
    chart = charts.quality(make_grid_view(models=("a", "b"), rows=2, repeats=1).summary, "number")
    assert chart is not None
    assert chart.spec["encoding"]["y"]["field"] == "short"
    assert len({row["short"] for row in chart.spec["data"]["values"]}) == 12
    assert chart.spec["usermeta"] == {"rows": 12, "lines": 3}


def pairs(**metrics: tuple[bool, str]) -> tables.GainedLost:
    """Compare two cells in metrics given as (pass/fail, test)."""
    cells = [make_cell(name, "p", 0.5) for name in "ab"]
    for cell in cells:
        figures = cell["metrics"].pop("number")
        for name, (pass_fail, _) in metrics.items():
            cell["metrics"][name] = figures | {"passed": 100 if pass_fail else None}
    found = [
        make_comparison(("a", "p"), ("b", "p"), 0.1, metric=name, test=test) for name, (_, test) in metrics.items()
    ]
    return tables.gained_lost(make_summary(cells, found))


def test_rows_won_and_lost_are_explained_as_the_metric_means_them() -> None:
    right, graded = (True, "mcnemar_exact"), (False, "paired_t")
    assert "right and the second wrong" in pairs(number=right).words
    assert "more often than the second" in pairs(number=(True, "paired_t")).words
    mixed = pairs(number=right, rouge=graded)
    assert mixed.heads == ("Gained", "Lost")
    assert "For the graded rouge: rows with a higher and with a lower score." in mixed.words
    alone = pairs(rouge=graded)
    assert alone.heads == ("Higher", "Lower")
    assert "right" not in alone.words
