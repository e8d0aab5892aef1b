"""The quality page says of every metric, slice, repeat and judge what the data show, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.report.cautions import cautions
from pipeline.report.cells import ranked
from pipeline.report.equivalence import equivalence_sentences, sameness
from pipeline.report.judging import judge_sections, kin_sentences, raw_outside
from pipeline.report.leader import lead_line, standing
from pipeline.report.methods import interval_words, method_words
from pipeline.report.repeats import macro_words, repeats_words
from pipeline.report.slices import slice_sections
from pipeline.report.words import verdict
from tests.support.quality import (
    COUNTS,
    HAIKU,
    SONNET,
    graded,
    make_equivalence,
    make_full_summary,
    make_judges,
    make_metric,
    make_ratings,
    make_slice,
    make_slice_comparison,
)
from tests.support.report import METRIC, make_cell, make_comparison, make_summary


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def told(summary: dict[str, Any], metric: str) -> str:
    found = standing(summary, metric)
    assert found is not None
    return plain(" ".join((found.headline, *found.sentences)))


def test_the_lowest_leads_where_lower_is_better_and_its_lead_reads_upwards() -> None:
    summary = graded("lower", 48.0, 55.5, corpus="ter")
    assert [cell["model"] for cell in ranked(summary, "m")] == ["sonnet", "haiku"]
    words = told(summary, "m")
    assert words.startswith("sonnet leads. sonnet has the lowest corpus TER (m), 48.000, which is best (95 % interval")
    assert "haiku comes next, 7.500 higher (95 % interval of the lead +7.460 to +7.540, adjusted p = 0.010)" in words


def test_a_lower_figure_that_is_worse_never_leads() -> None:
    summary = graded("higher", 48.0, 55.5)
    assert told(summary, "m").startswith("haiku leads. haiku has the highest mean m, 55.500 (95 % interval")


def test_a_graded_share_reads_as_percentage_and_points_and_nothing_is_called_right() -> None:
    words = told(graded("higher", 0.71, 0.65, scale="share"), "m")
    assert "sonnet has the highest mean m, 71.0 % (95 % interval 69.0–73.0 %, 200 rows)." in words
    assert "haiku comes next, 6.0 points lower" in words
    assert "right" not in words


def test_where_neither_direction_is_better_nobody_leads() -> None:
    summary = graded("neither", 312.0, 290.0, unit="characters")
    words = told(summary, "m")
    assert words.startswith("Mean m differs in 1 of 1 comparisons; neither direction is better.")
    assert "sonnet · steps has the highest mean m, 312.0 characters" in words
    assert "The lowest is that of haiku · steps, 290.0 characters." in words
    assert "leads" not in words
    summary["comparisons"][0]["p_adjusted"] = 0.4
    assert told(summary, "m").startswith("The data cannot tell the models apart by mean m.")


def test_times_and_money_are_written_in_their_unit() -> None:
    assert "sonnet has the lowest mean m, 850 ms, which is best" in told(graded("lower", 850.0, 1240.0, unit="ms"), "m")
    assert "haiku comes next, $0.00200 higher" in told(graded("lower", 0.001, 0.003, unit="USD"), "m")


def test_each_metric_has_one_line_with_the_distance() -> None:
    summary = make_full_summary()
    assert plain(lead_line(summary, METRIC)) == "sonnet leads. haiku comes next, 10.0 points lower."
    assert plain(lead_line(summary, "ter")) == "sonnet leads. haiku comes next, 7.500 higher."
    assert (
        plain(lead_line(summary, "length")) == "Mean length differs in 1 of 1 comparisons; neither direction is better."
    )
    assert lead_line(graded("higher", 0.5, 0.5), "unknown") == "No answer was scored."


def test_clusters_are_said_aloud_and_few_ones_warned_about() -> None:
    summary = make_full_summary()
    assert "200 rows in 12 clusters" in told(summary, METRIC)
    found = next(caution.text for caution in cautions(summary) if caution.kind == "clusters")
    assert "over 12 clusters of rows" in found
    assert "So few clusters" in found
    for cell in summary["cells"]:
        cell["metrics"][METRIC]["clusters"] = 200
    assert "So few" not in next(caution.text for caution in cautions(summary) if caution.kind == "clusters")


def test_the_statistics_behind_the_figures_are_named() -> None:
    summary = make_full_summary()
    assert interval_words(summary, METRIC) == "Intervals: Student's t over clusters."
    assert "t-test over clusters, paired bootstrap of the corpus figure, paired t-test over rows" in method_words(
        summary
    )
    assert method_words(summary).endswith("corrected by Holm's method.")
    assert (
        method_words(make_summary([], [])) == interval_words(make_summary([make_cell("m", "p", 0.5)], []), METRIC) == ""
    )


def two(**changes: Any) -> dict[str, Any]:
    cells = [make_cell(*SONNET, 0.9), make_cell(*HAIKU, 0.8)]
    return make_summary(cells, [make_comparison(HAIKU, SONNET, 0.1, **changes)], metrics={METRIC: make_metric()})


def answered(summary: dict[str, Any], sonnet: float, haiku: float) -> dict[str, Any]:
    for cell, mean in zip(summary["cells"], (sonnet, haiku), strict=True):
        cell["metrics"][METRIC]["answered"] = {"mean": mean, "n": 180}
    return summary


def policy(summary: dict[str, Any]) -> list[str]:
    return [plain(caution.text) for caution in cautions(summary) if caution.kind == "policy"]


def test_a_headline_that_differs_from_that_of_complete_answers_is_warned_about() -> None:
    assert policy(answered(two(), 0.905, 0.805)) == []
    assert policy(answered(two(), 0.91, 0.86)) == [
        "What counts makes a difference: by number, haiku · steps has 80.0 %, over complete answers alone 86.0 %."
    ]
    assert policy(answered(two(), 0.91, 0.95))[0].endswith(
        "Over complete answers alone, haiku · steps would come first."
    )


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("wrong", "Counted as wrong: 9.1 % of the answers (40 of 440) refused"),
        ("scored", "Scored by what they say: 9.1 % of the answers (40 of 440) refused"),
        ("left_out", "Left out of every mean: 9.1 % of the answers (40 of 440) refused"),
    ],
)
def test_what_answers_count_as_is_what_the_policy_says(way: str, words: str) -> None:
    summary = two()
    summary["metrics"][METRIC]["counts"] = {**COUNTS, "refused": way}
    summary["jobs"]["refused"] = 40
    assert any(plain(caution.text).startswith(words) for caution in cautions(summary))


def test_metrics_that_count_differently_are_told_apart() -> None:
    summary = make_full_summary()
    summary["jobs"]["truncated"] = 40
    found = next(caution.text for caution in cautions(summary) if caution.kind == "truncated")
    assert found.startswith("Counted as wrong by number and length; scored by what they say by ter: ")


def sliced(slices: list[dict[str, Any]], pairs: list[dict[str, Any]], **comparison: Any) -> str:
    summary = two(**comparison) | {"slices": slices, "slice_comparisons": pairs}
    return plain(" ".join(slice_sections(summary)[0].words))


WEAK = make_slice("sonnet", "geometry", 0.7, -0.25)
EVEN = make_slice("haiku", "geometry", 0.8, 0.01, p_adjusted=0.9)


def test_a_model_is_weaker_where_a_slice_falls_behind_its_other_rows() -> None:
    words = sliced([WEAK, EVEN], [])
    assert words == "By number, sonnet is weaker where topic is geometry: 70.0 %, elsewhere 95.0 %."
    assert "sonnet is stronger where topic is algebra" in sliced([make_slice("sonnet", "algebra", 0.98, 0.1)], [])


def test_slices_that_can_be_chance_are_not_called_findings() -> None:
    words = sliced([EVEN], [make_slice_comparison("geometry", 0.02)])
    assert words == (
        "No value of topic stands out in any cell: what differs among 1 figures can be chance. In no value of topic "
        "alone can two cells be told apart."
    )


def test_what_cannot_be_tested_is_said_to_be_so() -> None:
    untested = {"p": None, "p_adjusted": None, "ci95": None}
    words = sliced([EVEN | untested], [make_slice_comparison("geometry", 0.02, **untested)])
    assert words == "What differs by topic cannot be tested: its values have too few independent rows each."


def test_a_lead_in_some_slices_only_is_told_against_the_whole() -> None:
    pair = make_slice_comparison("geometry", -0.1)
    assert "sonnet is worse than haiku where topic is geometry (−10.0 points); as a whole it is better." in sliced(
        [EVEN], [pair]
    )
    assert "although the two cannot be told apart as a whole" in sliced([EVEN], [pair], p_adjusted=0.3)
    same = sliced([EVEN], [make_slice_comparison("algebra", 0.2), make_slice_comparison("geometry", 0.02)])
    assert "where topic is algebra (+20.0 points), as it is as a whole; for the other one the data cannot tell." in same


def test_many_slices_are_counted_and_the_largest_named() -> None:
    pairs = [make_slice_comparison(f"t{number}", 0.1 + number / 100) for number in range(6)]
    assert "better than haiku for 6 of 6 values of topic, most where it is t5 (+15.0 points)" in sliced([EVEN], pairs)


def test_slices_come_as_a_table_with_what_was_left_out() -> None:
    section = slice_sections(make_full_summary())[0]
    name, grid = section.grids[0]
    assert (name, [column.text for column in grid.columns]) == (METRIC, ["topic", "Rows", "sonnet", "haiku"])
    geometry = next(row for row in grid.rows if row[0].text == "geometry")
    assert (plain(geometry[2].text), geometry[2].tone) == ("70.0 %", "worse")
    assert geometry[2].below.startswith("weaker, ")
    assert geometry[3].tone == ""
    assert section.left_out == "3 smaller values of topic, with 9 rows together, are not shown."
    assert section.comparisons is not None
    assert len(section.comparisons.rows) == 2


def test_repeats_tell_what_one_answer_hides() -> None:
    words = plain(repeats_words(make_full_summary(), METRIC))
    assert words == (
        "Asked 5 times, sonnet passes at least one of 5 answers on 91.0 % of the rows and all 5 on 42.0 %; two of its "
        "answers to the same row agree 83.0 % of the time."
    )
    assert repeats_words(make_full_summary(), "ter") == ""


def test_a_macro_average_that_changes_the_order_says_so() -> None:
    summary = make_full_summary()
    assert plain(macro_words(summary, METRIC)) == (
        "With the same weight for each of 4 values of topic, haiku comes first with 78.0 %; "
        "such averages are not tested against each other."
    )
    summary["cells"][0]["metrics"][METRIC]["macro"]["mean"] = 0.8
    assert "sonnet still comes first with 80.0 %;" in plain(macro_words(summary, METRIC))
    for cell in summary["cells"]:
        if macro := cell["metrics"][METRIC].get("macro"):
            macro["mean"] = 0.8
    assert plain(macro_words(summary, METRIC)).endswith(", all are level at 80.0 %.")
    assert macro_words(summary, "ter") == ""


@pytest.mark.parametrize(
    ("changes", "judged", "words"),
    [
        ({}, "equivalent", "sonnet-ofox is as good as sonnet within 2.0 points"),
        (
            {"equivalent": False, "ci90": [-0.09, -0.03]},
            "different",
            "sonnet-ofox is not of the quality of sonnet: the difference is larger than 2.0 points",
        ),
        (
            {"equivalent": False, "ci90": [-0.03, 0.01]},
            "not shown",
            "it is not shown that sonnet-ofox is of the quality of sonnet within 2.0 points",
        ),
        (
            {"equivalent": None, "ci90": None, "difference": None, "p": None},
            "cannot tell",
            "it cannot be told whether sonnet-ofox is of the quality of sonnet",
        ),
    ],
)
def test_a_gateway_is_said_to_serve_the_same_quality_only_where_it_is_shown(
    changes: dict[str, Any], judged: str, words: str
) -> None:
    summary = two() | {"equivalence": [make_equivalence(**changes)]}
    assert sameness(summary["equivalence"][0]) == judged
    sentence = plain(equivalence_sentences(summary)[0])
    assert sentence.startswith("By number (steps), ")
    assert words in sentence
    assert sentence in plain(" ".join(verdict(summary).sentences))


def judged(**changes: Any) -> str:
    return plain(" ".join(judge_sections(make_full_summary(judges=[make_judges(**changes)], ratings=[]))[0].words))


def test_judges_are_told_with_their_cost_agreement_and_what_people_say_of_them() -> None:
    words = judged()
    assert "Judged by the rubric “correctness” by j1 and j2 in 800 verdicts, for $0.120." in words
    assert "3 verdicts could not be read and were asked for again. 2 answers stayed without a verdict." in words
    assert "All judges agree on 78.0 % of 400 answers (Fleiss' kappa 0.550, 95 % interval 0.480–0.620)." in words
    assert "On 100 answers that people labelled, judges and people agree in 83.0 % (95 % interval 74.5–89.1 %)" in words
    assert "Cohen's kappa is 0.620, 95 % interval 0.470–0.770. 1 label fits no judged answer." in words


def test_questions_that_no_judge_answered_are_told() -> None:
    assert "12 questions to a judge ended in an error or were not sent." in judged(errors=12)
    assert "1 question to a judge ended in an error or was not sent." in judged(errors=1)
    assert "error" not in judged(errors=0)
    assert "error" not in judged()


def test_judges_that_nobody_checked_are_said_to_be_so() -> None:
    assert "it is not known how far these verdicts can be trusted" in judged(calibration=None)
    assert "labels.csv: gone" in judged(calibration=None, calibration_problem="labels.csv: gone")


def test_position_consistency_is_told() -> None:
    found = {"pairs": 200, "consistent": 168, "share": 0.84, "by_judge": {"j1": 0.9, "j2": 0.78}}
    words = judged(position_consistency=found)
    assert "the same answer won (or tied) in 84.0 % of 200 pairs (j1 90.0 %, j2 78.0 %)." in words


def test_the_corrected_figure_stands_beside_the_raw_one_and_a_gap_is_warned_about() -> None:
    summary = make_full_summary()
    grid = judge_sections(summary)[0].grids[0]
    assert [plain(entry.text) for entry in grid.rows[0]][:4] == ["sonnet · steps", "90.0 %", "80.0 %", "74.0–86.0 %"]
    assert [plain(text) for text in raw_outside(summary)] == [
        "By number, the judges give sonnet · steps 90.0 %, which the human labels do not bear out: corrected, it is "
        "80.0 % (95 % interval 74.0–86.0 %)."
    ]
    assert "Judge j1 is of the same family as sonnet" in kin_sentences(summary)[0]
    assert [caution.kind for caution in cautions(summary)].count("judges") == 2


def test_ratings_claim_a_lead_only_where_the_interval_shows_it() -> None:
    def words(**changes: Any) -> str:
        return plain(judge_sections(make_full_summary(ratings=[make_ratings(**changes)]))[0].words[-1])

    # e^0.8 / (1 + e^0.8)
    assert "sonnet is rated highest, haiku next; a lead of 0.800 in log-odds is a chance of 69.0 %" in words()
    assert words().endswith("That is more than chance explains.")
    wide = make_ratings()["ratings"]
    wide[1] |= {"ci95": [-0.1, 1.7]}
    assert words(ratings=wide).endswith("the data cannot tell the two apart.")
    assert words(ratings=[wide[0], {**wide[1], "se": None, "ci95": None}]).endswith(
        "There is too little variation for an interval, so the data cannot tell the two apart."
    )
    assert words(connected=False, note="opus lost to all").endswith("The pairs fix no ratings: opus lost to all.")


def test_what_judges_cost_is_part_of_the_spending() -> None:
    assert verdict(make_full_summary()).sentences[-1] == "The run of 400 jobs cost $1.50, $0.120 of it for judges."
