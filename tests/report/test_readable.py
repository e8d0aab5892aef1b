"""Pages of large and odd runs stay readable: what matters is in sight, names do not cover each other, words fit."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from pipeline.report import contexts, tables
from pipeline.report.front import axes_words
from pipeline.report.front_chart import cost_against_quality
from pipeline.report.key_figures import cost_figures
from pipeline.report.markdown import markdown
from pipeline.report.pages import render_comparison, render_pages
from pipeline.report.runs import RunEntry, measured
from pipeline.report.trends import over_time
from tests.support.browser import Watched
from tests.support.compare import make_difference, make_found
from tests.support.quality import make_full_summary
from tests.support.report import METRIC, make_cell, make_comparison, make_summary, make_view

Summary = dict[str, Any]


def many(models: int) -> Summary:
    """A run of so many models by one prompt, each a little better and dearer than the one before."""
    cells = [
        make_cell(f"m{number:02}", "p", 0.5 + number / 100, cost_per_1k_jobs_usd=str(1 + number))
        for number in range(models)
    ]
    names = [(cell["model"], "p") for cell in cells]
    pairs = [make_comparison(a, b, 0.01) for a, b in combinations(names, 2)]
    return make_summary(cells, pairs)


def fronted(summary: Summary, on: set[str]) -> Summary:
    """Put the models `on` the front."""
    cells = [
        {**{name: cell[name] for name in ("model", "prompt", "params")}, "on_front": cell["model"] in on,
         "probability": 0.5, "dominated_by": None}
        for cell in summary["cells"]
    ]  # fmt: skip
    return {**summary, "frontier": {"metric": METRIC, "draws": 100, "seed": 1, "cells": cells}}


def named(summary: Summary) -> set[str]:
    chart = cost_against_quality(summary, METRIC)
    assert chart is not None
    rows = chart.spec["data"]["values"]
    return {row[side] for row in rows for side in ("right", "left", "above", "below") if row.get(side)}


def test_of_many_comparisons_those_of_the_leader_are_in_sight() -> None:
    rows = tables.leading(many(13))
    assert len(rows) == 12
    assert all("m12 · p" in (row.a, row.b) for row in rows)


def test_few_comparisons_are_all_in_sight() -> None:
    assert tables.leading(many(8)) == []


def test_among_many_points_only_the_front_has_names_and_the_page_says_so() -> None:
    few, crowd = fronted(many(8), {"m00", "m03"}), fronted(many(9), {"m00", "m03"})
    assert named(few) == {f"m{number:02}" for number in range(8)}
    assert named(crowd) == {"m00", "m03"}
    assert "the others are drawn quieter." in axes_words(few)
    assert "the others are drawn quieter and have no name." in axes_words(crowd)


def test_a_front_that_is_as_crowded_as_the_chart_has_no_names() -> None:
    assert named(fronted(many(14), {f"m{number:02}" for number in range(14)})) == set()


def test_a_single_cell_has_no_front_to_explain() -> None:
    assert "line" not in axes_words(fronted(many(1), {"m00"}))


def test_passed_answers_are_told_of_how_many_where_a_row_has_several() -> None:
    summary = many(2)
    summary["cells"][0]["metrics"][METRIC] |= {"scored": 400, "passed": 210}
    assert [row.passed for row in tables.ranking(summary, METRIC)] == ["102", "210 of 400"]


def test_what_weakens_the_quality_is_said_beside_it_and_money_is_not() -> None:
    view = make_view()
    kinds = [caution.kind for caution in contexts.quality(view)["cautions"]]
    assert kinds == ["error", "truncated", "policy", "unscored"]
    everywhere = {caution.kind for caution in contexts.overview(view)["cautions"]}
    assert everywhere - set(kinds) == {"gate", "unpriced", "estimated"}


def test_judges_that_are_not_finished_are_told_beside_the_quality_and_an_open_run_by_its_banner() -> None:
    view = make_view()
    jobs = {**view.summary["jobs"], "planned": 9_999}
    judged = make_full_summary()["judges"][0]
    half = {**view.summary, "judges": [{**judged, "open": 3}]}

    def said(summary: Summary) -> list[str]:
        return [caution.kind for caution in contexts.quality(replace(view, summary=summary))["cautions"]]

    assert "incomplete" not in said({**view.summary, "jobs": jobs})
    assert said(half)[0] == "incomplete"


def test_one_job_of_unknown_cost_is_one_job() -> None:
    summary = many(2)
    summary["cost"]["unpriced_jobs"] = 1
    assert cost_figures(summary)[0].note == "lower bound: 1 job of unknown cost"


def test_a_pull_request_reads_the_verdict_next_to_the_names() -> None:
    text = markdown(many(2), description="", created_at="2026-11-27T09:30:00+00:00")
    assert "| metric | first | second | second is | second less first | 95 % interval | adjusted p |" in text
    assert "| --- | --- | --- | --- | ---: | ---: | ---: |" in text


@pytest.mark.parametrize(
    ("models", "told"),
    [
        (5, ["when the runs began, UTC"]),
        (6, ["when the runs began, UTC", "the best 5 of 6 cells of the newest run"]),
    ],
)
def test_a_trend_says_which_cells_it_leaves_out(models: int, told: list[str]) -> None:
    runs = [
        RunEntry(
            key=f"e/{day}", run_id=day, evaluation="e", state="finished",
            created_at=f"2026-11-{day}T10:00:00+00:00", measured=measured(many(models)),
        )
        for day in ("23", "22")
    ]  # fmt: skip
    chart = over_time(runs, METRIC)
    assert chart is not None
    assert chart.spec["encoding"]["x"]["title"] == told
    assert len({row["series"] for row in chart.spec["data"]["values"]}) == 5


def overflowing(page: Any) -> list[str]:
    """Captions of the tables in sight that are wider than their place."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth + 1)"
        ".map((one) => one.innerText.slice(0, 60))"
    )
    return found


@pytest.mark.browser
def test_the_tables_of_a_comparison_fit_a_laptop(browser: Browser, tmp_path: Path) -> None:
    found = make_found()
    folder = "reports/arithmetic-with-a-longer-name/20261127-194224-563b"
    for run in found["runs"]:
        run |= {"folder": folder, "run_id": folder.rpartition("/")[2], "eval": "arithmetic-with-a-longer-name"}
    found["pairs"][0]["slices"] = [make_difference(column="topic", value="geometry")]
    watched = Watched(browser, render_comparison(found, tmp_path / "compare.html"), width=1180)
    assert overflowing(watched.page) == []
    watched.page.close()


@pytest.mark.browser
def test_the_tables_of_a_run_fit_a_laptop_and_no_tick_is_cut(browser: Browser, tmp_path: Path) -> None:
    for path in render_pages(make_view(), tmp_path):
        watched = Watched(browser, path, width=1280)
        assert overflowing(watched.page) == []
        cut = watched.page.evaluate("""() => [...document.querySelectorAll(".plot")].flatMap((plot) => {
          const right = plot.getBoundingClientRect().right + 0.5;
          return [...plot.querySelectorAll(".role-axis-label text")]
            .filter((text) => text.getBoundingClientRect().right > right).map((text) => text.textContent);
        })""")
        assert cut == []
        watched.page.close()


def test_a_short_page_has_no_list_of_its_sections(tmp_path: Path) -> None:
    empty = {"cells": [], "comparisons": [], "gates": []}
    render_pages(make_view(samples=(), **empty), tmp_path)
    assert "On this page" not in (tmp_path / "quality.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("read", "written", "name", "note"),
    [
        (None, 0, "Input tokens", ""),
        (1200, None, "Fresh input tokens", "and 1.20 k read from a cache"),
        (1200, 400, "Fresh input tokens", "and 1.20 k read from and 400 written to a cache"),
    ],
)
def test_input_is_called_fresh_where_a_cache_was_used(
    read: int | None, written: int | None, name: str, note: str
) -> None:
    summary = many(1)
    summary["cells"][0]["tokens"] |= {"cache_read": read, "cache_write": written}
    figure = cost_figures(summary)[1]
    assert (figure.name, figure.note.replace("\N{NO-BREAK SPACE}", " ")) == (name, note)
