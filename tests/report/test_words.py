"""The verdict says who leads only where the data can tell, and what to be careful about."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.report.cautions import cautions
from pipeline.report.cells import compare, judge
from pipeline.report.words import gate_sentence, verdict
from tests.support.report import make_cell, make_comparison, make_summary, make_view

A, B, C = ("sonnet", "steps"), ("haiku", "steps"), ("opus", "steps")


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("changes", "judged"),
    [
        ({}, "better"),
        ({"ci95": [-0.14, -0.06]}, "worse"),
        ({"ci95": [-0.01, 0.14]}, "cannot tell"),
        ({"ci95": [0.0, 0.14]}, "cannot tell"),
        ({"p_adjusted": 0.05}, "cannot tell"),
        ({"p_adjusted": 0.0499}, "better"),
        ({"p_adjusted": None}, "cannot tell"),
        ({"ci95": None}, "cannot tell"),
    ],
)
def test_a_comparison_is_judged_by_interval_and_adjusted_p(changes: dict[str, Any], judged: str) -> None:
    assert judge(make_comparison(B, A, 0.1, **changes)) == judged


def test_a_comparison_is_turned_to_the_asked_direction() -> None:
    cells = [make_cell(*A, 0.9), make_cell(*B, 0.8)]
    summary = make_summary(cells, [make_comparison(A, B, -0.1, gained=5, lost=25)])
    found = compare(summary, "number", cells[1], cells[0])
    assert found is not None
    assert (found["difference"], found["gained"], found["lost"]) == (0.1, 25, 5)
    assert found["ci95"] == pytest.approx([0.06, 0.14])


def two(difference: float, **changes: Any) -> dict[str, Any]:
    return make_summary(
        [make_cell(*A, 0.9), make_cell(*B, 0.9 - difference)], [make_comparison(B, A, difference, **changes)]
    )


@pytest.mark.parametrize(
    ("summary", "headline"),
    [
        (two(0.1), "sonnet leads."),
        (two(0.02), "The data cannot tell which model is best."),
        (two(0.1, p_adjusted=0.2), "The data cannot tell which model is best."),
        (make_summary([make_cell(*A, 0.9), make_cell(*B, 0.5)], []), "The data cannot tell which model is best."),
        (make_summary([make_cell(*A, 0.9)], []), "sonnet reaches 90.0 %."),
        (make_summary([], []), "No answer was scored."),
        (make_summary([make_cell(*A, None)], []), "No answer was scored."),
        (
            make_summary(
                [make_cell(*A, 0.9), make_cell(*B, 0.88), make_cell(*C, 0.7)],
                [make_comparison(B, A, 0.02), make_comparison(C, A, 0.2), make_comparison(C, B, 0.18)],
            ),
            "sonnet and haiku lead; the data cannot tell them apart.",
        ),
        (
            make_summary(
                [make_cell(*A, 0.9), make_cell(*B, 0.88), make_cell(*C, 0.84)],
                [make_comparison(B, A, 0.02), make_comparison(C, A, 0.06), make_comparison(C, B, 0.04, p_adjusted=0.2)],
            ),
            "sonnet is better than opus; the data cannot tell it from haiku.",
        ),
        (
            make_summary(
                [make_cell("sonnet", "steps", 0.9), make_cell("sonnet", "direct", 0.8)],
                [make_comparison(("sonnet", "direct"), A, 0.1)],
            ),
            "sonnet · steps leads.",
        ),
    ],
)
def test_the_headline_claims_no_more_than_the_data(summary: dict[str, Any], headline: str) -> None:
    assert plain(verdict(summary).headline) == headline


def test_the_sentences_carry_difference_interval_and_p() -> None:
    told = plain(" ".join(verdict(two(0.1)).sentences))
    assert (
        "haiku comes next, 10.0 points lower (95 % interval of the lead +6.0 to +14.0 points, adjusted p = 0.010)"
        in told
    )
    assert "more than chance explains" in told
    assert told.endswith("The run of 400 jobs cost $1.50.")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ci95": [-0.02, 0.06]}, "the interval includes 0"),
        (
            {"ci95": [0.01, 0.06], "p_adjusted": 0.07},
            "after correction for the number of comparisons this can be chance",
        ),
        ({"ci95": [0.01, 0.06], "p_adjusted": None}, "no p value is known"),
    ],
)
def test_the_reason_for_not_telling_is_given(changes: dict[str, Any], reason: str) -> None:
    told = plain(" ".join(verdict(two(0.02, **changes)).sentences))
    assert reason in told
    assert "cannot tell the two apart" in told
    assert "only a difference of about 5.6 points would reliably show" in told


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"n": 1}, "there are too few rows for an interval"),
        ({"clusters": 1}, "there are too few clusters for an interval"),
        ({"difference": 0.0, "gained": 0, "lost": 0}, "not one row differs"),
        ({}, "the differences of the rows do not vary"),
    ],
)
def test_a_missing_interval_is_not_always_for_want_of_rows(changes: dict[str, Any], reason: str) -> None:
    without = {"ci95": None, "smallest_detectable": None}
    assert f": {reason}" in plain(" ".join(verdict(two(**{"difference": 0.02} | without | changes)).sentences))


def test_a_stronger_variant_without_a_direct_comparison_is_named() -> None:
    cells = [make_cell(*A, 0.9), make_cell(*B, 0.7), make_cell("haiku", "direct", 0.85)]
    told = plain(" ".join(verdict(make_summary(cells, [make_comparison(B, A, 0.2)])).sentences))
    assert "haiku reaches 85.0 % with prompt “direct”" in told
    assert "not compared with the leader" in told


def test_prompts_of_the_leader_are_judged_too() -> None:
    told = plain(" ".join(verdict(make_view().summary).sentences))
    assert "For sonnet, prompt “steps” is better than prompt “direct”" in told


def test_an_unknown_cost_is_said_to_be_unknown() -> None:
    summary = two(0.1) | {
        "cost": {"total_usd": None, "unpriced_jobs": 400, "reused_saved_usd": None, "budget_usd": None}
    }
    assert verdict(summary).sentences[-1] == "What the 400 jobs cost is unknown: no price applies to them."


def test_a_clean_run_needs_no_care() -> None:
    assert cautions(two(0.1)) == ()


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"simulated": True}, "simulated", "Simulated run"),
        ({"gates": [{"metric": "number", "passed": False}]}, "gate", "1 gate failed (number)."),
        ({"jobs": {"planned": 1000}}, "incomplete", "600 of its 1,000 jobs have not been done"),
        (
            {"jobs": {"planned": 1000}, "gates": [{"metric": "number", "passed": False}]},
            "incomplete",
            "no gate is decided",
        ),
        (
            {"unanswered": {"requests": 3, "usd": "0.12"}},
            "unanswered",
            "3 requests were sent whose answers were never stored; they may have cost up to $0.120, which is not in",
        ),
        ({"unanswered": {"requests": 1, "usd": None}}, "unanswered", "what it may have cost is unknown"),
        ({"jobs": {"error": 1}}, "error", "Left out of every mean: 1 job ending in an error."),
        ({"jobs": {"blocked": 2}}, "blocked", "2 jobs blocked by the guard"),
        ({"jobs": {"truncated": 9}}, "truncated", "2.2 % of the answers (9 of 409) cut off at a token limit"),
        ({"jobs": {"refused": 40}}, "refused", "9.1 % of the answers (40 of 440) refused"),
        ({"jobs": {"empty": 40}}, "empty", "(40 of 440) empty"),
        ({"cost": {"unpriced_jobs": 30}}, "unpriced", "lower bound"),
        (
            {"cost": {"possibly_paid": 3, "possibly_paid_usd": "0.045"}},
            "possibly paid",
            "3 attempts without an answer may have been billed, at up to $0.0450 as far as known, which is not in the",
        ),
        ({"cost": {"possibly_paid": 1, "possibly_paid_usd": None}}, "possibly paid", "at a cost that is not known"),
        (
            {"cost": {"usage_sources": {"reported": 399, "estimated": 1, "missing": 0}}},
            "estimated",
            "The token usage of 1 job is estimated",
        ),
    ],
)
def test_each_weakness_is_said_aloud(changes: dict[str, Any], kind: str, words: str) -> None:
    summary = two(0.1)
    for name, value in changes.items():
        summary[name] = {**summary.get(name, {}), **value} if isinstance(value, dict) else value
    assert [(caution.kind, words in plain(caution.text)) for caution in cautions(summary)] == [(kind, True)]


def test_two_per_cent_of_cut_answers_are_not_worth_a_word_unless_one_cell_has_them_all() -> None:
    summary = two(0.1)
    summary["jobs"]["truncated"] = 8
    assert cautions(summary) == ()
    summary["cells"][1]["statuses"] |= {"ok": 192, "truncated": 8}
    assert "haiku · steps has most, 4.0 %" in plain(cautions(summary)[0].text)


def test_unscored_answers_are_counted() -> None:
    summary = two(0.1)
    summary["cells"][0]["metrics"]["number"]["unscored"] = 3
    assert cautions(summary)[0].text == "Missing from the mean of number: 3 answers that could not be scored."


def test_an_unfinished_run_is_called_so_before_anything_else() -> None:
    summary = two(0.1) | {"simulated": True}
    summary["jobs"] |= {"planned": 1000, "ok": 390, "error": 10}
    told = verdict(summary)
    assert told.headline == "390 of 1,000 jobs answered: this run is not finished"
    assert told.sentences[0] == "So far: sonnet leads."
    assert told.sentences[-1] == "The 400 jobs so far cost $1.50."
    assert [caution.kind for caution in cautions(summary)][:2] == ["incomplete", "simulated"]


@pytest.mark.parametrize("planned", [400, 399])
def test_a_run_with_all_its_jobs_is_finished(planned: int) -> None:
    summary = two(0.1)
    summary["jobs"]["planned"] = planned
    assert verdict(summary).headline == "sonnet leads."
    assert cautions(summary) == ()


CELL = {"model": "lab-sonnet", "prompt": "plain", "params": '{"temperature":0.8}'}
GATE = {"metric": "number", "model": None, "prompt": None, "min": 0.99, "max": None, "pass_fail": True, "cell": CELL,
        "value": 0.8833, "passed": False, "note": None}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "lab-sonnet · plain · temperature 0.8: number 88.3 %, required at least 99.0 %"),
        ({"value": 0.98996}, "lab-sonnet · plain · temperature 0.8: number 98.996 %, required at least 99.000 %"),
        (
            {"pass_fail": False, "min": 0.5, "max": 0.75, "value": 0.883},
            "lab-sonnet · plain · temperature 0.8: number 0.883, required at least 0.500 and at most 0.750",
        ),
        (
            {"cell": None, "value": None, "model": "typo", "note": "no cell has it"},
            "typo: number, required at least 99.0 %; no cell has it",
        ),
        ({"cell": None, "value": None, "pass_fail": None}, "number, required at least 0.990"),
        ({"metric": "a\x1b[2J"}, "lab-sonnet · plain · temperature 0.8: a␛[2J 88.3 %, required at least 99.0 %"),
    ],
)
def test_a_gate_is_told_in_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    assert plain(gate_sentence(GATE | changes)) == sentence


def test_a_run_without_answers_says_so_and_does_not_blame_prices_for_what_was_not_bought() -> None:
    jobs = dict.fromkeys(("ok", "truncated", "refused", "empty", "blocked", "skipped", "reused"), 0)
    summary = make_summary([], [], jobs={**jobs, "total": 400, "error": 400})
    summary["cost"]["total_usd"] = None
    found = verdict(summary)
    assert found.headline == "No answer was scored."
    assert found.sentences == ("Of 400 jobs not one has an answer.", "No answer of this run was bought.")
