"""A comparison of runs is told in words that claim no more than the data, with everything that weakens it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from pipeline.report.compare_cautions import cautions
from pipeline.report.compare_terminal import changed_lines, comparison_table, opening_lines
from pipeline.report.compare_words import measures, regressions, verdict
from tests.support.compare import make_change, make_compared_run, make_difference, make_found, make_paid

UNCLEAR = {"difference": -0.05, "ci95": [-0.2, 0.1], "p": 0.4, "p_adjusted": 0.8, "gained": 5, "lost": 7}


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def found(*comparisons: dict[str, Any], metrics: dict[str, Any] | None = None, **pair: Any) -> dict[str, Any]:
    made = make_found()
    even = [make_paid(ci95=None)]
    made["pairs"][0] |= {"costs": even, "latencies": even, **pair}
    if comparisons:
        made["pairs"][0]["comparisons"] = list(comparisons)
    for name, changes in (metrics or {}).items():
        made["metrics"][name] = {**made["metrics"]["exact"], **changes}
    return made


def told(made: dict[str, Any]) -> tuple[str, str]:
    words = verdict(made["pairs"][0], measures(made))
    return words.headline, plain(" ".join(words.sentences))


GRADED = {"pass_fail": False, "scale": "number"}


@pytest.mark.parametrize(
    ("comparisons", "headline"),
    [
        ([make_difference()], "B is worse than A."),
        ([make_difference(difference=0.25, ci95=[0.08, 0.42])], "B is better than A."),
        ([make_difference(**UNCLEAR)], "The data cannot tell B from A."),
        ([make_difference(p_adjusted=None)], "The data cannot tell B from A."),
        ([make_difference(), make_difference()], "B is worse than A in all 2 comparisons."),
        (
            [make_difference(), make_difference(difference=0.25, ci95=[0.08, 0.42]), make_difference(**UNCLEAR)],
            "B is better than A in 1 of 3 comparisons and worse than A in 1 of 3 comparisons; for the other 1 the data "
            "cannot tell.",
        ),
        ([make_difference(metric="ter", difference=-5.0, ci95=[-8.0, -2.0])], "B is better than A."),
        ([make_difference(metric="ter", difference=5.0, ci95=[2.0, 8.0])], "B is worse than A."),
        (
            [make_difference(metric="length", difference=5.0, ci95=[2.0, 8.0])],
            "B differs from A in the one comparison; neither direction is better.",
        ),
    ],
)
def test_the_headline_claims_no_more_than_the_data(comparisons: list[dict[str, Any]], headline: str) -> None:
    metrics = {"ter": {**GRADED, "better": "lower"}, "length": {**GRADED, "better": "neither"}}
    assert told(found(*comparisons, metrics=metrics))[0] == headline


def test_a_clear_difference_is_told_with_its_evidence_and_the_rows_that_moved() -> None:
    assert told(found())[1] == (
        "On exact, m · p is lower in B by 25.0 points (75.0 % in A, 50.0 % in B; 95 % interval −42.0 to −8.0 points, "
        "adjusted p = 0.013): 2 gained, 12 lost of 40 rows."
    )


def test_a_change_of_cost_or_latency_is_told_where_the_interval_excludes_0() -> None:
    dearer, slower = make_paid(), make_paid(mean_a=800.0, mean_b=950.0, ci95=[100.0, 200.0])
    even = make_paid(ci95=[-1.0, 1.0])
    words = told(found(costs=[dearer], latencies=[slower]))[1]
    assert words.endswith(
        "1,000 jobs of m · p cost $2.00 instead of $1.00 and an answer takes 950 ms instead of 800 ms."
    )
    assert told(found(costs=[even], latencies=[slower]))[1].endswith(
        "An answer of m · p takes 950 ms instead of 800 ms."
    )
    assert "instead" not in told(found(costs=[even], latencies=[even]))[1]


def test_an_unclear_difference_is_told_with_the_reason_and_what_could_have_been_seen() -> None:
    words = told(found(make_difference(**UNCLEAR)))[1]
    assert "the interval includes 0" in words
    assert "With 40 rows, only a difference of about 24.0 points would reliably show." in words


def test_a_lower_figure_that_is_better_says_so() -> None:
    metrics = {"ter": {**GRADED, "better": "lower"}}
    better = make_difference(metric="ter", difference=-5.0, ci95=[-8.0, -2.0], test="paired_bootstrap")
    assert "is lower in B by 5.000, which is better" in told(found(better, metrics=metrics))[1]
    assert "2 higher, 12 lower of 40 rows" in told(found(better, metrics=metrics))[1]


def test_only_what_is_significantly_worse_is_a_regression() -> None:
    metrics = {"ter": {**GRADED, "better": "lower"}, "length": {**GRADED, "better": "neither"}}
    up = {"difference": 5.0, "ci95": [2.0, 8.0]}
    made = found(
        make_difference(), make_difference(**UNCLEAR), make_difference(**up), make_difference(metric="ter", **up),
        make_difference(metric="length", **up), metrics=metrics,
    )  # fmt: skip
    assert [entry["metric"] for entry in regressions(made)] == ["exact", "ter"]


def test_slices_are_told_where_they_are_sure() -> None:
    sure = make_difference(column="topic", value="sums")
    assert told(found(slices=[sure]))[1].endswith(
        "By slice, on exact, m · p is worse where topic is sums (−25.0 points)."
    )
    many = [make_difference(column="topic", value=f"t{number}") for number in range(5)]
    assert (
        "m · p is worse for 5 of 5 values of topic, most where it is t0 (−25.0 points)." in told(found(slices=many))[1]
    )
    unclear = make_difference(column="topic", value="sums", **UNCLEAR)
    assert told(found(slices=[unclear]))[1].endswith("In none of 1 comparison by slice can the two be told apart.")


def warned(made: dict[str, Any]) -> str:
    return plain(" ".join(cautions(made, made["pairs"][0])))


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ({"rows": {"common": 0}}, "The two runs have no row in common"),
        ({"rows": {"only_a": 3, "only_b": 1}}, "left out: 3 rows only in A and 1 row only in B."),
        ({"rows": {"changed": 9, "changed_ids": ["r1", "r2"]}}, "The content of 9 rows with the same key differs"),
        ({"rows": {"columns_only_b": ["hint"]}}, "Only the dataset of B has hint."),
        ({"differing": [{"kind": "template", "text": "prompt 'p': x", "detail": []}]}, "Prompt 'p': x."),
        ({"only_b": [{"model": "n", "prompt": "p", "params": "{}"}]}, "Only in B, and not compared: n · p."),
        ({"comparisons": [make_difference(only_a=4)]}, "4 rows scored in A have no score in B and are left out"),
    ],
)
def test_each_weakness_is_said_aloud(pair: dict[str, Any], words: str) -> None:
    made = found()
    for name, value in pair.items():
        made["pairs"][0][name] = {**made["pairs"][0][name], **value} if isinstance(value, dict) else value
    assert words in warned(made)


def test_a_clean_comparison_needs_no_care() -> None:
    assert warned(found()) == ""


def test_unfinished_runs_and_reused_answers_are_told() -> None:
    jobs = {"total": 30, "planned": 40, "error": 0, "reused": 12}
    made = make_found(runs=[make_compared_run("A"), make_compared_run("B", jobs=jobs)])
    assert "Run B is not finished: 30 of 40 jobs are done." in warned(made)
    assert "12 of 30 jobs of B reuse answers of earlier runs" in warned(made)


def test_the_terminal_says_it_in_words_first_and_obeys_no_name() -> None:
    evil = make_change(row_id="\x1b[2Jr1")
    made = found(changes=[evil])
    made["metrics"]["exact"]["unit"] = ""
    lines = [plain(line) for line in opening_lines(made, made["pairs"][0])]
    assert lines[:4] == ["A: reports/e/A (40 rows)", "B: reports/e/B (40 rows)", "", "B is worse than A."]
    shown = changed_lines(made, made["pairs"][0])
    assert shown[0] == "exact of m · p, 12 worse, 5 of them:"
    assert shown[1] == "  ␛[2Jr1: A right “It is 4”; B wrong “It is 5”"
    out = io.StringIO()
    Console(file=out, width=120, force_terminal=False).print(comparison_table(made, made["pairs"][0]))
    assert "−25.0 points" in plain(out.getvalue())
