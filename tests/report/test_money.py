"""The cost page says where the money went, who is on the front, what was saved, and what more rows would cost."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.report import front_chart, numbers
from pipeline.report.cell_costs import cell_grid, name_heads, names_of, pass_line
from pipeline.report.front import axes_words, chance, front_grid, front_line, front_words
from pipeline.report.grid import Grid
from pipeline.report.markdown import markdown
from pipeline.report.money import money
from pipeline.report.pages import render_pages
from pipeline.report.projection import projected, projection
from pipeline.report.savings import reported_grid, reported_words, savings
from pipeline.report.spent import class_grid, parts_grid, parts_of, spent_chart, summed_grids
from tests.support.money import CLASSES, ROW_COST, money_cell, money_summary, money_view, place, told
from tests.support.report import make_cell, make_summary, make_view


def texts(grid: Grid | None) -> list[list[str]]:
    assert grid is not None
    return [[" ".join(filter(None, (entry.text, entry.below))) for entry in row] for row in grid.rows]


def text_of(folder: Path, name: str = "cost.html") -> str:
    return (folder / name).read_text(encoding="utf-8")


def test_the_parts_add_up_to_the_total_thinking_and_judges_among_them() -> None:
    parts = parts_of(money_summary())
    assert {part.name: round(float(part.usd), 9) for part in parts} == {
        "Fresh input": 0.6, "Read from a cache": 0.09, "Written to a cache": 0.06, "Output without thinking": 0.45,
        "Thinking": 0.15, "Attempts without a result": 0.15, "Judges": 0.2,
    }  # fmt: skip
    assert float(sum(part.usd for part in parts)) == pytest.approx(1.7)
    chart = spent_chart(parts)
    assert chart is not None
    assert [row["part"] for row in chart.spec["data"]["values"]] == [part.name for part in parts]
    assert texts(parts_grid(money_summary(), parts))[-1][:3] == ["all", "$1.70", "100.0\N{NO-BREAK SPACE}%"]


def test_what_is_neither_tokens_nor_waste_stands_apart() -> None:
    parts = {part.name: part.usd for part in parts_of(money_summary(cost={"other_usd": "0.4", "total_usd": "1.95"}))}
    assert parts["Attempts without a result"] == Decimal("0.15")
    assert parts["Not split by tokens"] == Decimal("0.25")


def test_the_tokens_beside_the_money_are_those_that_were_paid_for() -> None:
    paid = {"input": 1000, "cache_read": 3000, "cache_write": 100, "output": 800, "thinking": 200}
    summary = money_summary(cost={"class_tokens": paid})
    tokens = {part.name: part.tokens for part in parts_of(summary) if part.tone == "tokens"}
    assert tokens == {
        "Fresh input": 1000, "Read from a cache": 3000, "Written to a cache": 100, "Output without thinking": 600,
        "Thinking": 200,
    }  # fmt: skip
    (sentence,) = savings(summary)
    assert "3.00\N{NO-BREAK SPACE}k tokens read from it and 100 written" in sentence


def test_a_page_says_that_its_token_counts_hold_those_of_reused_answers(tmp_path: Path) -> None:
    for name in ("called", "reused"):
        (tmp_path / name).mkdir()
    render_pages(money_view(), tmp_path / "called")
    reused = money_view()
    reused.summary["jobs"]["reused"] = 3  # type: ignore[index]
    render_pages(reused, tmp_path / "reused")
    for words in ("written to a cache, with those of reused answers", "those of reused answers are counted too"):
        assert words in text_of(tmp_path / "reused").replace("\N{NO-BREAK SPACE}", " ")
        assert words not in text_of(tmp_path / "called")


def test_what_rounding_leaves_is_no_part_of_the_money() -> None:
    cells = [money_cell("fine", 0.9, "5", other_usd="-0.000000000019", wasted_usd="0")]
    summary = make_summary(cells, [])
    summary["cost"] |= {"total_usd": "0.449999999981", "classes_usd": CLASSES, "other_usd": "-0.000000000019"}
    assert {part.name for part in parts_of(summary)} == {
        "Fresh input", "Read from a cache", "Written to a cache", "Output without thinking", "Thinking",
    }  # fmt: skip
    grid = class_grid(summary, lambda cell: names_of(summary, cell), name_heads(summary))
    assert grid is not None
    assert grid.rows[0][-2].text == "$0"


def test_without_known_classes_there_are_no_parts() -> None:
    unknown = {"classes_usd": dict.fromkeys(CLASSES), "other_usd": "1.7"}
    assert parts_of(money_summary(cost=unknown)) == []
    assert parts_of(make_view().summary) == []
    assert spent_chart([]) is None


def test_cells_have_their_intervals_below_their_costs() -> None:
    row = texts(cell_grid(money_summary()))[0]
    assert row[4] == "$5.00 $4.50–$5.50"
    assert row[5] == "$0.00300 $0.00280–$0.00330"


def test_what_lost_attempts_may_have_cost_stands_below_what_was_wasted() -> None:
    cells = [money_cell("m", 0.9, "5", wasted_usd=None, possibly_paid=2, possibly_paid_usd="0.02")]
    (row,) = cell_grid(make_summary(cells, [])).rows
    assert (row[-1].text, row[-1].below) == ("–", "up to $0.0200 more")


def test_models_and_prompts_are_summed_where_there_are_several_of_both() -> None:
    grids = dict(summed_grids(make_view().summary))
    assert list(grids) == ["By model", "By prompt"]
    costs = {cell["model"]: Decimal(0) for cell in make_view().summary["cells"]}
    for cell in make_view().summary["cells"]:
        costs[cell["model"]] += Decimal(cell["cost_usd"])
    assert [(row[0], row[2]) for row in texts(grids["By model"])] == [
        (model, numbers.usd(usd)) for model, usd in costs.items()
    ]
    assert summed_grids(money_summary()) == []


def test_the_front_is_told_with_how_sure_it_is() -> None:
    summary = money_summary()
    assert front_words(summary) == [
        "On the front are good and cheap: no other cell is as good and cheaper, or better and no dearer. This holds "
        "in at least 95 of 100 draws. It cannot be told of bad (20.0\N{NO-BREAK SPACE}% of the draws)."
    ]
    assert [row[4:] for row in texts(front_grid(summary))] == [
        ["on the front", "99.0\N{NO-BREAK SPACE}%", "cheap"],
        ["on the front", ">\N{NO-BREAK SPACE}99.9\N{NO-BREAK SPACE}%", ""],
        ["cannot tell", "20.0\N{NO-BREAK SPACE}%", "cheap"],
    ]
    assert front_line(summary) == "On the front of quality and cost: good and cheap."


def front(*places: dict[str, object]) -> dict[str, object]:
    return {"metric": "number", "cells": list(places), "seed": 0, "draws": 10_000}


def test_an_unsure_place_on_the_front_is_not_claimed() -> None:
    places = place("good", True, 0.6, "cheap"), place("cheap", True, 1.0), place("bad", False, 0.01, "cheap")
    summary = money_summary(frontier=front(*places))
    first, second = front_words(summary)
    assert "For cheap this holds in at least 95 of 100 draws." in first
    assert "It cannot be told of good (60.0\N{NO-BREAK SPACE}% of the draws)." in first
    assert second == "Off the front, in at least 95 of 100 draws: bad (beaten most often by cheap)."
    unsure = "good (60.0\N{NO-BREAK SPACE}% of the draws)"
    assert front_line(summary) == f"On the front of quality and cost: {unsure} and cheap."


def test_several_unsure_cells_are_told_with_their_shares() -> None:
    places = place("good", True, 0.6, "cheap"), place("cheap", True, 1.0), place("bad", False, 0.3, "cheap")
    (words,) = front_words(money_summary(frontier=front(*places)))
    share = "60.0\N{NO-BREAK SPACE}% of the draws"
    assert words.endswith(f"It cannot be told of good ({share}) and bad (30.0\N{NO-BREAK SPACE}%).")


def test_a_single_row_a_lonely_cell_and_a_missing_cost_are_said() -> None:
    unknown = place("good", True, None), place("cheap", True, None), place("bad", False, None)
    single = money_summary(frontier=front(*unknown))
    assert front_words(single)[1] == "How sure that is cannot be told: a cell has a single row."
    alone = front_words(money_summary(frontier=front(place("good", True, 1.0))))
    assert alone[0] == "Only good has both a quality and a cost, so there is nothing to hold it against."
    assert alone[1] == "Not compared, since a figure of it is not known: cheap and bad."
    assert front_words(money_summary(frontier=None)) == []
    assert front_line(money_summary(frontier=front(place("good", True, 1.0)))) == ""


def test_no_probability_reads_as_certain() -> None:
    assert [chance(one) for one in (None, 0.0, 0.5, 1.0)] == [
        "–", "<\N{NO-BREAK SPACE}0.1\N{NO-BREAK SPACE}%", "50.0\N{NO-BREAK SPACE}%",
        ">\N{NO-BREAK SPACE}99.9\N{NO-BREAK SPACE}%",
    ]  # fmt: skip


def test_the_chart_draws_the_front_and_both_intervals_and_keeps_the_others_quiet() -> None:
    chart = front_chart.cost_against_quality(money_summary(), "number")
    assert chart is not None
    rows = {row["model"]: row for row in chart.spec["data"]["values"]}
    assert [rows[name]["front"] for name in ("good", "cheap", "bad")] == [True, True, False]
    assert (rows["good"]["cost low"], rows["good"]["cost high"]) == (4.5, 5.5)
    marks = [layer["mark"]["type"] for layer in chart.spec["layer"]]
    assert marks[:4] == ["line", "rule", "rule", "point"]
    older = front_chart.cost_against_quality(make_view().summary, "number")
    assert older is not None
    assert [layer["mark"]["type"] for layer in older.spec["layer"]][:2] == ["rule", "point"]


def test_the_direction_of_the_metric_is_said() -> None:
    summary = money_summary(metrics={"number": {"pass_fail": False, "better": "lower", "scale": "number"}})
    assert axes_words(summary).startswith("Down is better")
    assert axes_words(money_summary()).startswith("Up is better")
    assert "10,000 draws" in axes_words(money_summary())
    assert "draws" not in axes_words(make_view().summary)


def test_what_the_cache_saved_is_said_with_its_figures() -> None:
    assert savings(money_summary()) == [
        "The prompt cache saved $0.300: 27.0\N{NO-BREAK SPACE}k tokens read from it and 1.50\N{NO-BREAK SPACE}k "
        "written to it cost $0.150, and would have cost $0.450 as fresh input."
    ]


def test_a_cache_that_did_not_pay_is_said_as_a_loss() -> None:
    (sentence,) = savings(money_summary(cost={"cache_saved_usd": "-0.02"}))
    assert sentence.startswith("The prompt cache cost $0.0200 more than it saved: ")


def test_reused_answers_are_said_with_what_they_saved() -> None:
    summary = money_summary(cost={"reused_saved_usd": "0.084", "cache_saved_usd": None})
    summary["jobs"] = {**summary["jobs"], "reused": 40}
    assert savings(summary) == [
        "40 answers were taken from earlier runs, where they had cost $0.0840: so much this run saved."
    ]
    summary["cost"]["reused_saved_usd"] = None
    assert savings(summary) == ["40 answers were taken from earlier runs; what they cost there is not known."]


def test_a_reported_cost_that_agrees_is_said_in_a_sentence() -> None:
    (sentence,) = reported_words(money_summary(cost={"reported": [told(reported="0.5049")]}))
    assert sentence == (
        "For 200 answers the provider reported $0.505 itself; by the price table they cost $0.500, which is the same "
        "to within 1\N{NO-BREAK SPACE}%."
    )


@pytest.mark.parametrize(
    ("reported", "words"),
    [("0.55", "$0.0500 (10.0\N{NO-BREAK SPACE}%) more"), ("0.4", "$0.100 (20.0\N{NO-BREAK SPACE}%) less")],
)
def test_a_reported_cost_that_differs_by_more_than_a_hundredth_is_said_aloud(reported: str, words: str) -> None:
    (sentence,) = reported_words(money_summary(cost={"reported": [told(reported=reported)]}))
    assert f"the provider says {words}. One of the two is wrong" in sentence


def test_credits_stay_credits_and_answers_without_a_price_are_told() -> None:
    credits = told("credits", reported="1250", computed="0.5")
    unpriced = {**told(jobs=0), "unpriced_jobs": 7, "unpriced_usd": "0.07"}
    first, second = reported_words(money_summary(cost={"reported": [credits, unpriced]}))
    assert "reported 1,250 credits, which are not dollars; by the price table they cost $0.500" in first
    assert first.endswith("a credit would be $0.000400.")
    assert second.startswith("Of 7 answers that no price is known for, the provider reported $0.0700 in all")


def test_reported_costs_stand_cell_by_cell_where_several_have_them() -> None:
    summary = money_summary()
    summary["cells"][0]["reported"] = [told(reported="0.55")]
    assert reported_grid(summary) is None
    summary["cells"][1]["reported"] = [told(reported="0.45")]
    assert [row[-1] for row in texts(reported_grid(summary))] == [
        "+$0.0500 (10.0\N{NO-BREAK SPACE}%)", "\N{MINUS SIGN}$0.0500 (10.0\N{NO-BREAK SPACE}%)",
    ]  # fmt: skip


def test_a_projection_holds_the_mean_s_uncertainty_and_the_spread_of_new_rows() -> None:
    usd, ends = projected(ROW_COST, 100)
    assert usd == Decimal("0.25")
    assert ends is not None
    assert float(ends[1]) - 0.25 == pytest.approx(100 * 0.0001 * 3**0.5)
    _, wide = projected(ROW_COST, 10**9)
    assert wide is not None
    assert float(wide[1]) == pytest.approx(10**9 * (0.0025 + 0.0001), rel=1e-6)


def test_a_projection_is_never_below_zero_and_has_no_interval_from_one_row() -> None:
    _, ends = projected({**ROW_COST, "margin95_usd": "0.01"}, 10)
    assert ends is not None
    assert ends[0] == "0"
    assert projected({**ROW_COST, "margin95_usd": None}, 10) == (Decimal("0.025"), None)


def test_projections_are_there_for_four_sizes_and_only_with_a_known_cost() -> None:
    found = projection(money_summary(), False)
    assert found is not None
    assert found["sizes"] == ["1,000", "10,000", "100,000", "1,000,000"]
    assert found["lines"][0].figures[0] == ("$2.50", "$2.39–$2.61")
    assert found["each"] == ""
    repeated = money_cell("m", 0.5, "1", row_cost={**ROW_COST, "jobs": 3.0})
    again = projection(make_summary([repeated], []), False)
    assert again is not None
    assert again["each"] == ", each asked 3 times as here"
    assert projection(make_view().summary, False) is None


def test_a_pull_request_reads_the_cost_of_a_passed_answer_and_the_front() -> None:
    document = markdown(money_summary(), description="", created_at="today")
    assert "A passed answer costs from \\$0.00300 (good · p, \\$0.00280–\\$0.00330) to " in document
    assert "On the front of quality and cost: good and cheap." in document
    older = markdown(make_view().summary, description="", created_at="today")
    assert "On the front" not in older


def test_a_passed_answer_of_unknown_cost_is_not_told() -> None:
    assert pass_line(make_summary([make_cell("m", "p", 0.5, cost_per_pass_usd=None)], [])) == ""


def test_a_summary_of_an_older_version_still_has_its_page(tmp_path: Path) -> None:
    render_pages(make_view(samples=()), tmp_path)
    page = text_of(tmp_path)
    assert 'id="cells"' in page
    assert 'id="frontier"' in page
    assert 'id="spent"' not in page
    assert 'id="projected-rows"' not in page


def test_the_page_of_a_run_has_every_section(tmp_path: Path) -> None:
    render_pages(money_view(cost={"reported": [told()]}), tmp_path)
    page = text_of(tmp_path)
    for section in ("spent", "frontier", "cells", "projection", "saved", "reported", "tokens"):
        assert f'<h2 id="{section}"' in page
    data = page.split('id="projection-data">')[1].split("</script>")[0]
    assert json.loads(data)[0] == {"rows": 200, "usd": 0.0025, "margin95_usd": 0.0001}


def test_a_run_of_recorded_answers_says_that_nothing_was_bought(tmp_path: Path) -> None:
    nothing = {"cost_usd": None, "cost_per_1k_jobs_usd": None, "cost_per_pass_usd": None}
    summary = make_summary([make_cell("m", "p", 0.5, **nothing)], [])
    summary["cost"]["total_usd"] = None
    view = make_view(samples=(), **summary)
    assert money(view.summary)["nothing_bought"]
    render_pages(view, tmp_path)
    assert "No answer of this run was bought" in text_of(tmp_path)
    assert "nothing was bought" in text_of(tmp_path)


def test_a_run_of_unknown_costs_says_so_and_gives_no_total(tmp_path: Path) -> None:
    nothing = {"cost_usd": None, "cost_per_1k_jobs_usd": None, "cost_per_pass_usd": None, "unpriced_jobs": 200}
    summary = make_summary([make_cell("m", "p", 0.5, **nothing)], [])
    summary["cost"] |= {"total_usd": None, "unpriced_jobs": 200}
    render_pages(make_view(samples=(), **summary), tmp_path)
    page = text_of(tmp_path)
    assert "The cost of 200 jobs is unknown, so there is no total of money." in page
    assert "no job has a known cost" in page
    assert "No answer of this run was bought" not in page
